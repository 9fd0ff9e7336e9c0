import { describe, expect, it } from 'vitest';
import { fastest, threadCandidates } from '#engine/inference/threads.ts';

describe('the choice of threads', () => {
  it('leaves one core free, and never has less than one thread', () => {
    expect(threadCandidates(1)).toEqual([1]);
    expect(threadCandidates(2)).toEqual([1]);
    expect(threadCandidates(4)).toEqual([3, 2, 1]);
    expect(threadCandidates(16)).toEqual([15, 8, 4]);
  });

  it('takes the fastest by measurement', async () => {
    const rates = new Map([
      [15, 42],
      [8, 68],
      [4, 50],
    ]);
    expect(await fastest([15, 8, 4], async (threads) => rates.get(threads) ?? 0)).toBe(8);
  });

  it('keeps the default where another one is not clearly better', async () => {
    expect(await fastest([15, 8], async (threads) => (threads === 15 ? 100 : 103))).toBe(15);
  });

  it('stops trying after two that were worse', async () => {
    const tried: number[] = [];
    await fastest([8, 4, 2, 1], async (threads) => (tried.push(threads), threads));
    expect(tried).toEqual([8, 4, 2]);
  });
});
