import { ticksOf } from '../convert/chart.ts';

/** Round divergences, over the decades that variants span. */
const LOSSES = [1, 2, 5]
  .flatMap((step) => [0.001, 0.01, 0.1, 1, 10].map((decade) => step * decade))
  .toSorted((left, right) => left - right);

export interface Scale {
  readonly ticks: readonly number[];
  /** Where a value lies: 0 at the beginning of the axis, 1 at its end. */
  place(value: number): number;
}

/** From zero (or less) to a round number beyond the largest. */
export function linearScale(values: readonly number[], count: number, unit = 1): Scale {
  const ticks = ticksOf(0, Math.max(...values) / unit, count).map((tick) => tick * unit);
  const end = ticks.at(-1) ?? 1;
  return { ticks, place: (value) => value / end };
}

/**
 * Divergences by their square root: what loses nothing stands at zero, and what loses little is still told from what loses less.
 * @param gap share of the axis that two ticks keep between them
 */
export function lossScale(values: readonly number[], gap = 0.09): Scale {
  const most = Math.max(...values);
  const end = LOSSES.find((tick) => tick >= most) ?? most;
  const place = (value: number): number => Math.sqrt(Math.max(0, value) / end);
  const ticks: number[] = [];
  // From the largest down, zero always among them.
  for (const tick of LOSSES.filter((each) => each <= end).toReversed()) {
    const above = ticks[0];
    if (place(tick) >= gap && (above === undefined || place(above) - place(tick) >= gap)) ticks.unshift(tick);
  }
  return { ticks: [0, ...ticks], place };
}
