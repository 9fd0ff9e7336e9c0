import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { tensorsOf } from '../quantize/quantize.ts';
import { goldenPath, largestUlps, merge, relativeDistance, temporaryFolder, valuesOf, weightsIn } from './adapters.ts';

/** Cases of test/golden/lora: an adapter that the real PEFT saved, and what its merge_and_unload made of the base. */
const cases = [
  ['plain', 'base-llama'],
  ['rslora-patterns', 'base-llama'],
  ['dora', 'base-llama'],
  ['biases', 'base-llama'],
  ['lora-bias', 'base-llama'],
  ['embedding', 'base-llama'],
  ['embedding-dora', 'base-llama'],
  ['tokens', 'base-llama'],
  ['tokens-tied', 'base-llama-tied'],
  ['saved', 'base-llama'],
  ['parameters', 'base-llama'],
  ['gpt2', 'base-gpt2'],
  ['gpt2-dora', 'base-gpt2'],
  ['everything', 'base-llama'],
] as const;

test.for(cases)('merges %s into %s as PEFT does, and leaves all else alone to the bit', async ([name, base]) => {
  for (const chunkElements of [undefined, 256]) {
    const out = join(temporaryFolder(), 'merged');
    await merge(goldenPath(base), [[goldenPath(name), 1]], out, {}, chunkElements);
    const [before, after, expected] = await Promise.all([
      weightsIn(goldenPath(base)),
      weightsIn(out),
      tensorsOf(goldenPath(name, 'merged.safetensors')),
    ]);
    expect([...after.keys()].toSorted()).toEqual([...before.keys()].toSorted());
    expect(expected.size).toBeGreaterThan(0);
    for (const [tensor, stored] of after) {
      const wanted = expected.get(tensor);
      if (wanted === undefined) expect({ tensor, stored }).toEqual({ tensor, stored: before.get(tensor) });
      else {
        expect({ tensor, shape: stored.shape }).toEqual({ tensor, shape: wanted.shape });
        // Their matrix products round in another order.
        expect(relativeDistance(valuesOf(stored), valuesOf(wanted))).toBeLessThan(2e-7);
      }
    }
    expect(JSON.parse(await readFile(join(out, 'config.json'), 'utf8'))).toMatchObject({ dtype: 'float32' });
  }
});

test('takes an adapter off again, to the last place', async () => {
  const folder = temporaryFolder();
  for (const name of ['plain', 'rslora-patterns']) {
    const [merged, back] = [join(folder, `${name} merged`), join(folder, `${name} back`)];
    await merge(goldenPath('base-llama'), [[goldenPath(name), 1]], merged);
    await merge(merged, [[goldenPath(name), -1]], back);
    const [before, between, after] = await Promise.all([weightsIn(goldenPath('base-llama')), weightsIn(merged), weightsIn(back)]);
    for (const [tensor, stored] of after) {
      const original = before.get(tensor);
      const middle = between.get(tensor);
      if (original === undefined || middle === undefined) throw new Error(`${tensor} has come from nowhere`);
      expect(largestUlps(valuesOf(stored), valuesOf(original), valuesOf(middle))).toBeLessThanOrEqual(1);
    }
  }
});
