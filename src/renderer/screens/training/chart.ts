import type { LogEntry } from '#contract/training.ts';

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** One figure of a log, where it was measured and is a number. */
export const pointsOf = (log: readonly LogEntry[], figure: 'loss' | 'eval_loss' | 'grad_norm' | 'learning_rate'): Point[] =>
  log.flatMap((entry) => {
    const y = entry[figure];
    return y !== null && Number.isFinite(y) ? [{ x: entry.step, y }] : [];
  });

/** The share of a curve that its mean remembers, unless the user wants it otherwise. */
export const USUAL_SMOOTHING = 0.05;

/** An exponential mean with as much memory as a share of the curve, corrected for its beginning as Adam's moments are. */
export function smoothed(points: readonly Point[], share = USUAL_SMOOTHING): Point[] {
  const keep = 1 - 1 / Math.max(1, points.length * share);
  let sum = 0;
  let weight = 0;
  return points.map(({ x, y }) => {
    sum = keep * sum + (1 - keep) * y;
    weight = keep * weight + (1 - keep);
    return { x, y: weight === 0 ? y : sum / weight };
  });
}

/** More points than a screen has columns say nothing: of each column the first, the least, the greatest and the last stay. */
export function thinned(points: readonly Point[], columns: number): readonly Point[] {
  if (points.length <= columns * 4) return points;
  const kept: Point[] = [];
  for (let column = 0; column < columns; column++) {
    const part = points.slice(Math.floor((column * points.length) / columns), Math.floor(((column + 1) * points.length) / columns));
    const ordered = part.toSorted((left, right) => left.y - right.y);
    kept.push(...new Set([part[0], ordered[0], ordered.at(-1), part.at(-1)].filter((point) => point !== undefined)));
  }
  return kept.sort((left, right) => left.x - right.x);
}
