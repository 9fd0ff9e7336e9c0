import { ticksOf } from '../convert/chart.ts';

/** Divergences that are told apart, over the decades that variants span. */
const LOSSES = [0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30];

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
  const end = Math.max(...values, 0.001) * 1.1;
  const place = (value: number): number => Math.sqrt(Math.max(0, value) / end);
  const ticks: number[] = [];
  // From the largest down, zero always among them.
  for (const tick of LOSSES.filter((each) => each > 0 && each <= end).toReversed()) {
    const above = ticks[0];
    if (place(tick) >= gap && (above === undefined || place(above) - place(tick) >= gap)) ticks.unshift(tick);
  }
  return { ticks: [0, ...ticks], place };
}
