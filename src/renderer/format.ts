import { useTranslation } from 'react-i18next';
import { formatBytes, formatDuration, UNKNOWN } from '#core/bytes.ts';

export { UNKNOWN } from '#core/bytes.ts';

const COUNT_UNITS = ['', ' K', ' M', ' B', ' T'] as const;

/** How numbers, sizes and times are written in one language. What is not known is an en dash, never a made-up zero. */
function makeFormats(locale: string) {
  const integer = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
  const three = new Intl.NumberFormat(locale, { maximumSignificantDigits: 3 });
  const percent = new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: 0 });
  const change = (digits: number) =>
    new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: digits, signDisplay: 'exceptZero' });
  const [change1, change2] = [change(1), change(2)];
  const two = new Intl.NumberFormat(locale, { maximumSignificantDigits: 2 });
  const tenth = new Intl.NumberFormat(locale, { style: 'percent', minimumFractionDigits: 1, maximumFractionDigits: 1 });
  const day = new Intl.DateTimeFormat(locale, { dateStyle: 'medium' });
  const moment = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short' });
  const clock = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false });
  const relative = new Intl.RelativeTimeFormat(locale, { numeric: 'auto', style: 'short' });
  const known = <T>(value: T | null | undefined, format: (value: T) => string): string =>
    value === null || value === undefined ? UNKNOWN : format(value);

  return {
    locale,
    bytes: (sizeBytes: number | null | undefined): string => known(sizeBytes, (value) => formatBytes(value, locale)),
    duration: (durationMs: number | null | undefined): string => known(durationMs, (value) => formatDuration(value, locale)),
    number: (value: number | null | undefined): string =>
      known(value, (count) => (Number.isFinite(count) ? integer.format(count) : UNKNOWN)),
    /** Three significant digits: a rate, a score. */
    figure: (value: number | null | undefined): string => known(value, (count) => (Number.isFinite(count) ? three.format(count) : UNKNOWN)),
    /** Two significant digits: a divergence, an error, of which more would be noise. */
    small: (value: number | null | undefined): string => known(value, (count) => (Number.isFinite(count) ? two.format(count) : UNKNOWN)),
    fixed: (value: number | null | undefined, digits: number): string =>
      known(value, (count) =>
        Number.isFinite(count)
          ? new Intl.NumberFormat(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(count)
          : UNKNOWN,
      ),
    /** A share more or less, with its sign: +0.8%. */
    change: (fraction: number | null | undefined): string =>
      known(fraction, (value) => (Number.isFinite(value) ? (Math.abs(value) < 0.001 ? change2 : change1).format(value) : UNKNOWN)),
    /** A share where tenths of a percent count. */
    share: (fraction: number | null | undefined): string => known(fraction, (value) => tenth.format(value)),
    percent: (fraction: number | null | undefined): string => known(fraction, (value) => percent.format(value)),
    /** Parameters as the field writes them: 656 K, 7.62 B. */
    parameters: (count: number | null | undefined): string =>
      known(count, (value) => {
        let step = 0;
        while (step < COUNT_UNITS.length - 1 && value / 1000 ** step >= 999.5) step += 1;
        return `${three.format(value / 1000 ** step)}${COUNT_UNITS[step]}`;
      }),
    day: (timeMs: number): string => day.format(timeMs),
    moment: (timeMs: number): string => moment.format(timeMs),
    clock: (timeMs: number): string => clock.format(timeMs),
    /** How long ago: "now", "5 min. ago", "yesterday"; a date where it is over a month. */
    ago: (timeMs: number, nowMs: number): string => {
      const minutes = Math.round((timeMs - nowMs) / 60_000);
      if (minutes === 0) return relative.format(0, 'second');
      if (Math.abs(minutes) < 60) return relative.format(minutes, 'minute');
      const hours = Math.round(minutes / 60);
      if (Math.abs(hours) < 24) return relative.format(hours, 'hour');
      const days = Math.round(hours / 24);
      return Math.abs(days) <= 30 ? relative.format(days, 'day') : day.format(timeMs);
    },
  };
}

export type Formats = ReturnType<typeof makeFormats>;

/** One set for each language, however many rows use it: making them takes longer than a frame of a list that scrolls. */
const made = new Map<string, Formats>();

export function formatsOf(locale: string): Formats {
  let formats = made.get(locale);
  if (formats === undefined) made.set(locale, (formats = makeFormats(locale)));
  return formats;
}

/** The formats of the language in use. */
export function useFormat(): Formats {
  const { i18n } = useTranslation();
  return formatsOf(i18n.language);
}
