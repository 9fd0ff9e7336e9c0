/** Binary sizes: the only place that knows 2^30. Lathe shows KiB, MiB, GiB and says so. */
export const KiB = 1024;
export const MiB = 1024 ** 2;
export const GiB = 1024 ** 3;

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const;

/** What stands for a number that is not known: never "NaN", never a made-up zero. */
export const UNKNOWN = '–';

/** Made once each: making one costs a hundred times as much as using it, and a list formats thousands of numbers. */
const numberFormats = new Map<string, Intl.NumberFormat>();

function numberFormat(locale: string, options: Intl.NumberFormatOptions): Intl.NumberFormat {
  const key = `${locale} ${JSON.stringify(options)}`;
  let format = numberFormats.get(key);
  if (format === undefined) numberFormats.set(key, (format = new Intl.NumberFormat(locale, options)));
  return format;
}

/** A size in the largest unit that keeps it at 1 or above, three significant digits: `4.37 GiB`. */
export function formatBytes(sizeBytes: number, locale = 'en'): string {
  if (!Number.isFinite(sizeBytes)) return UNKNOWN;
  const magnitude = Math.abs(sizeBytes);
  let step = 0;
  // 1,023.6 of a unit would round to "1,024": move up as soon as three digits would show 1,000 or more.
  while (step < units.length - 1 && magnitude / 1024 ** step >= 999.5) step += 1;
  const value = sizeBytes / 1024 ** step;
  const format = numberFormat(locale, step === 0 ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: 3 });
  return `${format.format(value)} ${units[step]}`;
}

/** A duration in its two largest units: `3 min 20 s`. */
export function formatDuration(durationMs: number, locale = 'en'): string {
  if (!Number.isFinite(durationMs) || durationMs < 0) return UNKNOWN;
  const unit = (value: number, name: string, digits = 0): string =>
    numberFormat(locale, { style: 'unit', unit: name, unitDisplay: 'short', maximumFractionDigits: digits }).format(value);
  const join = (value: number, name: string, rest: number, restName: string): string =>
    rest === 0 ? unit(value, name) : `${unit(value, name)} ${unit(rest, restName)}`;
  if (durationMs < 1000) return unit(Math.round(durationMs), 'millisecond');
  if (durationMs < 9950) return unit(durationMs / 1000, 'second', 1);
  const seconds = Math.round(durationMs / 1000);
  if (seconds < 60) return unit(seconds, 'second');
  if (seconds < 3600) return join(Math.floor(seconds / 60), 'minute', seconds % 60, 'second');
  const minutes = Math.round(seconds / 60);
  if (minutes < 24 * 60) return join(Math.floor(minutes / 60), 'hour', minutes % 60, 'minute');
  const hours = Math.round(minutes / 60);
  return join(Math.floor(hours / 24), 'day', hours % 24, 'hour');
}
