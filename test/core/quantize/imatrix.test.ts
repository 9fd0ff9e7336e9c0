import { describe, expect, it } from 'vitest';
import { memorySource } from '#core/byte-source.ts';
import { readImatrix, writeImatrix } from '#core/quantize/imatrix-file.ts';
import { writeLegacyImatrix } from '#core/quantize/imatrix-legacy.ts';
import { importanceOf } from '#core/quantize/imatrix.ts';
import { fileSource, readTestFile, seededRandom } from '#test/byte-source.ts';
import { errorOf } from '#test/expect-error.ts';
import { mutate } from '#test/mutate.ts';

const folder = 'golden/quantize';
const importances = JSON.parse(new TextDecoder().decode(readTestFile(`${folder}/imatrix.json`))) as Record<string, number[]>;

describe('an importance matrix', () => {
  it.each(['imatrix.gguf', 'imatrix.dat'])('%s gives the importances that llama-quantize takes from it', async (file) => {
    const imatrix = await readImatrix(fileSource(`${folder}/${file}`));
    expect([...imatrix.entries.keys()]).toEqual(Object.keys(importances));
    expect(imatrix.chunkCount).toBe(3);
    expect(imatrix.datasets.at(-1)).toBe('文本');
    for (const [name, sums] of imatrix.entries) {
      const found = importanceOf(sums);
      expect(found.length).toBe(importances[name]?.length);
      for (const [i, value] of found.entries()) expect(value / (importances[name]?.[i] ?? NaN)).toBeCloseTo(1, 6);
    }
  });

  it('is written byte for byte as llama-imatrix writes it', async () => {
    const file = 'golden/llama-tools/imatrix.gguf';
    expect(writeImatrix(await readImatrix(fileSource(file)))).toEqual(readTestFile(file));
  });

  it('with experts keeps a row for each, and is written in the old form byte for byte', async () => {
    const imatrix = await readImatrix(fileSource(`${folder}/imatrix.gguf`));
    expect(await readImatrix(memorySource(writeImatrix(imatrix)))).toEqual(imatrix);
    expect(writeLegacyImatrix(imatrix)).toEqual(readTestFile(`${folder}/imatrix.dat`));
  });

  it('of the old form can be written in the new one, and says the same', async () => {
    const old = await readImatrix(fileSource(`${folder}/imatrix.dat`));
    const again = await readImatrix(memorySource(writeImatrix(old)));
    expect(again).toEqual(old);
  });

  it.each([
    ['an empty file', []],
    ['a count of entries that the file has no room for', [255, 255, 255, 127]],
    ['a negative count', [255, 255, 255, 255]],
    ['a name that the file has no room for', [1, 0, 0, 0, 255, 15, 0, 0, 97, 0, 0, 0, 0, 0, 0, 0]],
    ['values that the file has no room for', [1, 0, 0, 0, 1, 0, 0, 0, 97, 1, 0, 0, 0, 255, 255, 255, 63, 0]],
    ['no entries', [0, 0, 0, 0]],
    ['an entry without values', [1, 0, 0, 0, 1, 0, 0, 0, 97, 1, 0, 0, 0, 0, 0, 0, 0]],
    ['a value that is no number', [1, 0, 0, 0, 1, 0, 0, 0, 97, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 192, 127]],
    ['a negative sum of squares', [1, 0, 0, 0, 1, 0, 0, 0, 97, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 128, 191]],
  ])('with %s is refused', async (_, bytes) => {
    expect(await errorOf(readImatrix(memorySource(Uint8Array.from(bytes), 'x.dat')))).toMatchObject({
      code: 'quantize.imatrixInvalid',
      params: { file: 'x.dat' },
    });
  });

  it('that is another kind of GGUF file is refused', async () => {
    expect((await errorOf(readImatrix(fileSource('golden/gguf/values.gguf')))).code).toBe('quantize.imatrixInvalid');
  });

  it.each(['imatrix.gguf', 'imatrix.dat'])('%s with damaged bytes is read or refused, and nothing worse', async (file) => {
    const whole = readTestFile(`${folder}/${file}`);
    const random = seededRandom(11);
    for (let round = 0; round < 400; round += 1) {
      const source = memorySource(mutate(whole, random, ['.in_sum2', '.counts']), file);
      try {
        for (const sums of (await readImatrix(source)).entries.values()) expect(importanceOf(sums).length).toBe(sums.squares.length);
      } catch (error) {
        expect(error).toMatchObject({ name: 'AppError' });
      }
    }
  });
});
