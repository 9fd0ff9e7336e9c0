/** What is good: much of it, or little. */
export type Direction = 'more' | 'less';

/**
 * Which points no other point dominates: none is at least as good in everything and better in something. Equal points stand or fall
 * together. A point with a number that is not known (null) is not dominated in it and dominates by it no other.
 * @param points `[points, criteria]`
 * @returns for each point, whether it is on the front
 */
export function paretoFront(points: readonly (readonly (number | null)[])[], directions: readonly Direction[]): readonly boolean[] {
  return points.map((point) => !points.some((other) => dominates(other, point, directions)));
}

function dominates(better: readonly (number | null)[], worse: readonly (number | null)[], directions: readonly Direction[]): boolean {
  let isBetter = false;
  for (const [criterion, direction] of directions.entries()) {
    const [a, b] = [better[criterion] ?? null, worse[criterion] ?? null];
    if (a === null && b === null) continue;
    if (a === null || b === null) return false;
    if (direction === 'more' ? a < b : a > b) return false;
    isBetter ||= a !== b;
  }
  return isBetter;
}
