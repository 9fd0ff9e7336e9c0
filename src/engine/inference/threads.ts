/**
 * How many threads to compute with. ggml's threads spin while they wait for each other: with every core taken they
 * starve the event loop and each other, and on many computers half of the cores already use all of the memory's speed.
 */

/** Thread counts worth trying on a computer with this many cores, the default first; one core is always left free. */
export function threadCandidates(cores: number): number[] {
  const most = Math.max(1, cores - 1);
  const half = Math.max(1, Math.floor(cores / 2));
  const quarter = Math.max(1, Math.floor(cores / 4));
  return [...new Set([most, half, quarter])];
}

/** A count must be better than the ones before it by this factor: what is measured in a quarter of a second is rough. */
const CLEARLY_BETTER = 1.05;

/**
 * The candidate that computes fastest. `tokensPerSecond` measures one; it is asked in order, and no more after two in a
 * row that were worse than the best.
 */
export async function fastest(candidates: readonly number[], tokensPerSecond: (threads: number) => Promise<number>): Promise<number> {
  let best: { readonly threads: number; readonly rate: number } | undefined;
  let worse = 0;
  for (const threads of candidates) {
    if (worse === 2) break;
    const rate = await tokensPerSecond(threads);
    if (best === undefined || rate > best.rate * CLEARLY_BETTER) {
      best = { threads, rate };
      worse = 0;
    } else worse += 1;
  }
  return best?.threads ?? 1;
}
