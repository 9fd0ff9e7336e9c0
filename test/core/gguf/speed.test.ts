import { performance } from 'node:perf_hooks';
import { describe, expect, it } from 'vitest';
import { memorySource } from '#core/byte-source.ts';
import { readGguf } from '#core/gguf/read.ts';
import { arr, type GgufValue } from '#core/gguf/values.ts';
import { planGguf } from '#core/gguf/write.ts';
import { seededRandom } from '#test/byte-source.ts';

/** A vocabulary of the size of Qwen's: 150,000 tokens in the byte-level alphabet, as many merges, types and scores. */
function vocabulary(): Map<string, GgufValue> {
  const random = seededRandom(9);
  const letters = Array.from({ length: 256 }, (_, index) => String.fromCodePoint(index < 128 ? 0x21 + (index % 94) : 0x100 + index));
  const word = (): string =>
    Array.from({ length: 1 + Math.floor(random() * 9) }, () => letters[Math.floor(random() * 256)] ?? 'a').join('');
  const tokens = Array.from({ length: 150_000 }, word);
  return new Map<string, GgufValue>([
    ['tokenizer.ggml.tokens', arr('str', tokens)],
    [
      'tokenizer.ggml.merges',
      arr(
        'str',
        tokens.map((token) => `${token} ${word()}`),
      ),
    ],
    [
      'tokenizer.ggml.token_type',
      arr(
        'i32',
        tokens.map(() => 1),
      ),
    ],
    [
      'tokenizer.ggml.scores',
      arr(
        'f32',
        tokens.map((_, index) => -index),
      ),
    ],
  ]);
}

describe('speed of reading', () => {
  it('reads the header of a model with 150,000 tokens in well under a second', async () => {
    const metadata = vocabulary();
    const source = memorySource(planGguf({ metadata, tensors: [] }).header);
    let bestMs = Infinity;
    // The best of five: the first ones are slower, and other work may run beside them.
    for (let round = 0; round < 5; round += 1) {
      const start = performance.now();
      const header = await readGguf(source);
      bestMs = Math.min(bestMs, performance.now() - start);
      if (round === 0) expect(header.metadata).toEqual(metadata);
    }
    // 60 to 120 ms on two idle cores; a quadratic reader would take minutes.
    expect(bestMs).toBeLessThan(800);
  });
});
