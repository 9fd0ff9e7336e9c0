import { describe, expect, it } from 'vitest';
import { memorySource } from '#core/byte-source.ts';
import { AppError } from '#core/errors/index.ts';
import { readGguf } from '#core/gguf/read.ts';
import { planGguf } from '#core/gguf/write.ts';
import { readTestFile, seededRandom } from '#test/byte-source.ts';
import { mutate } from '#test/mutate.ts';

const tokens = ['GGUF', 'general.alignment', '\0\0\0\0', '\t\0\0\0', '\b\0\0\0', '\x02\0\0\0', 'test.u8', 'token_embd.weight', '\u4e2d'];

describe('GGUF under mutation', () => {
  it.each([
    ['values.gguf', 4000],
    ['aligned.gguf', 4000],
    ['split-00002-of-00003.gguf', 2000],
  ])('gives a header that keeps its promises, or a coded error: %s, %i times', async (name, rounds) => {
    const file = readTestFile(`golden/gguf/${name}`);
    const random = seededRandom(rounds + name.length);
    const endings = new Map<string, number>();
    const before = process.memoryUsage().arrayBuffers;
    for (let round = 0; round < rounds; round += 1) {
      const ending = await ended(mutate(file, random, tokens));
      endings.set(ending, (endings.get(ending) ?? 0) + 1);
    }
    // The damage reaches the deeper checks, not only the first one.
    expect(endings.size).toBeGreaterThan(9);
    expect(endings.get('read')).toBeGreaterThan(100);
    // Typed arrays of the headers that were read are garbage by now or soon; a single believed count would be far above.
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(512 * 2 ** 20);
  });
});

async function ended(bytes: Uint8Array): Promise<string> {
  try {
    const header = await readGguf(memorySource(bytes));
    for (const { offset, sizeBytes } of header.tensors) {
      expect(offset).toBeGreaterThanOrEqual(header.dataOffset);
      expect((offset - header.dataOffset) % header.alignment).toBe(0);
      expect(offset + sizeBytes).toBeLessThanOrEqual(bytes.byteLength);
    }
    // What was accepted can be written, and says the same again.
    const again = planGguf(header);
    const copy = new Uint8Array(again.totalBytes);
    copy.set(again.header);
    const { metadata, tensors } = await readGguf(memorySource(copy));
    expect(metadata).toEqual(header.metadata);
    expect(tensors.map(({ offset: _, ...tensor }) => tensor)).toEqual(header.tensors.map(({ offset: _, ...tensor }) => tensor));
    return 'read';
  } catch (error) {
    if (error instanceof AppError && /^(gguf|format)\./.test(error.code)) return error.code;
    throw error;
  }
}
