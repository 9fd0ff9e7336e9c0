import { join } from 'node:path';
import { expect, test } from 'vitest';
import { planExtraction, type ExtractOptions } from '#core/lora/extract.ts';
import { extractAdapter, type ExtractedAdapter } from '#engine/lora/extract.ts';
import { writeAdapter, type AdapterFormat } from '#engine/lora/write-adapter.ts';
import { openQuantizable } from '#engine/quantize/open-model.ts';
import { errorOf } from '../../expect-error.ts';
import { tinyFolder } from '../../fixtures.ts';
import { quantize, tensorsOf } from '../quantize/quantize.ts';
import { goldenPath, merge, native, neverAborted, randomAdapter, relativeDistance, temporaryFolder, valuesOf } from './adapters.ts';

async function extract(
  base: string,
  tuned: string,
  options: ExtractOptions,
  out?: string,
  format: AdapterFormat = 'peft',
): Promise<ExtractedAdapter> {
  await using before = await openQuantizable(base, 'base');
  await using after = await openQuantizable(tuned, 'tuned');
  const plan = planExtraction(before.model, after.model, options);
  const found = await extractAdapter(plan, { base: before, tuned: after, kernels: native, threads: 2, signal: neverAborted });
  if (out !== undefined) await writeAdapter(found.made, format, out, neverAborted);
  return found;
}

const modules = [0, 1].flatMap((layer) => [
  [`model.layers.${layer}.self_attn.q_proj`, 64, 64] as const,
  [`model.layers.${layer}.self_attn.k_proj`, 32, 64] as const,
  [`model.layers.${layer}.mlp.down_proj`, 64, 96] as const,
]);

test.for([
  ['llama', false],
  ['llama', true],
  ['qwen2', false],
] as const)(
  'gets the adapter of a merged %s back, of the rank that it had (tied: %s), in both formats',
  async ([family, tiedEmbeddings]) => {
    const folder = temporaryFolder();
    const at = (name: string): string => join(folder, name);
    const base = await tinyFolder({ family, tiedEmbeddings, dtype: 'F32' });
    const adapter = await randomAdapter(at('adapter'), modules, { r: 5, lora_alpha: 9 }, () => 5);
    await merge(base, [[adapter, 1]], at('tuned'));
    const expected = await tensorsOf(join(at('tuned'), 'model.safetensors'));
    const expectMade = async (made: string): Promise<void> => {
      const out = join(temporaryFolder(), 'again');
      await merge(base, [[made, 1]], out);
      for (const [name, stored] of await tensorsOf(join(out, 'model.safetensors')))
        expect(relativeDistance(valuesOf(stored), valuesOf(expected.get(name) ?? stored))).toBeLessThan(1e-5);
    };
    const found = await extract(base, at('tuned'), { rank: 5 }, at('extracted'));
    expect(found.weights.map(({ weight }) => weight).toSorted()).toEqual(modules.map(([path]) => `${path}.weight`).toSorted());
    for (const { residual, rank } of found.weights) {
      expect(rank).toBe(5);
      expect(Math.abs(residual)).toBeLessThan(1e-6);
    }
    await expectMade(at('extracted'));
    await extract(base, at('tuned'), { rank: 5 }, at('extracted.gguf'), 'gguf');
    await expectMade(at('extracted.gguf'));

    // The same from GGUF files, whose rows lie in another order.
    await quantize(base, at('base.gguf'), 'F32', { format: 'gguf' });
    await quantize(at('tuned'), at('tuned.gguf'), 'F32', { format: 'gguf' });
    await extract(at('base.gguf'), at('tuned.gguf'), { rank: 5 }, at('from gguf'));
    await expectMade(at('from gguf'));
    await extract(base, at('tuned.gguf'), { rank: 5 }, at('from both.gguf'), 'gguf');
    await expectMade(at('from both.gguf'));
  },
);

test('tells what a lower rank leaves out: exactly the energy of the values beyond it', async () => {
  const folder = temporaryFolder();
  const base = await tinyFolder({ tiedEmbeddings: false, dtype: 'F32' });
  const adapter = await randomAdapter(join(folder, 'adapter'), modules, { r: 12, lora_alpha: 12 }, () => 12);
  await merge(base, [[adapter, 1]], join(folder, 'tuned'));
  const full = await extract(base, join(folder, 'tuned'), { rank: 64 });
  for (const rank of [3, 8]) {
    const found = await extract(base, join(folder, 'tuned'), { rank }, join(folder, `rank ${rank}`));
    await merge(base, [[join(folder, `rank ${rank}`), 1]], join(folder, `merged ${rank}`));
    const [before, wanted, made] = await Promise.all(
      [base, join(folder, 'tuned'), join(folder, `merged ${rank}`)].map((path) => tensorsOf(join(path, 'model.safetensors'))),
    );
    for (const [i, { weight, residual, rank: kept }] of found.weights.entries()) {
      expect(kept).toBe(rank);
      const exact = 1 - (full.weights[i]?.energy[rank - 1] ?? 0);
      expect(residual).toBeCloseTo(exact, 3);
      const values = (tensors: Awaited<ReturnType<typeof tensorsOf>> | undefined): Float32Array => {
        const stored = tensors?.get(weight);
        if (stored === undefined) throw new Error(`there is no ${weight}`);
        return valuesOf(stored);
      };
      const [w, t, m] = [values(before), values(wanted), values(made)];
      const lost = relativeDistance(
        m.map((value, at) => value - (w[at] ?? 0)),
        t.map((value, at) => value - (w[at] ?? 0)),
      );
      expect(lost ** 2).toBeCloseTo(residual, 4);
    }
  }
  const half = await extract(base, join(folder, 'tuned'), { rank: 64, energy: 0.5 });
  for (const { rank, energy } of half.weights) {
    expect(energy[rank - 1]).toBeGreaterThanOrEqual(0.5);
    expect(energy[rank - 2] ?? 0).toBeLessThan(0.5);
  }
});

test('takes along embeddings, norms, biases and Conv1D, and makes the fine-tuned model of the base', async () => {
  const folder = temporaryFolder();
  for (const [base, adapters] of [
    ['base-llama', ['embedding', 'biases', 'saved']],
    ['base-gpt2', ['gpt2']],
  ] as const) {
    const [tuned, made, again] = ['tuned', 'made', 'again'].map((name) => join(folder, `${base} ${name}`)) as [string, string, string];
    await merge(
      goldenPath(base),
      adapters.map((name) => [goldenPath(name), 1] as const),
      tuned,
    );
    const found = await extract(goldenPath(base), tuned, { rank: 96 }, made);
    expect(found.replaced.length).toBeGreaterThan(0);
    await merge(goldenPath(base), [[made, 1]], again);
    const expected = await tensorsOf(join(tuned, 'model.safetensors'));
    for (const [name, stored] of await tensorsOf(join(again, 'model.safetensors')))
      expect({ name, near: relativeDistance(valuesOf(stored), valuesOf(expected.get(name) ?? stored)) < 1e-5 }).toEqual({
        name,
        near: true,
      });
    // GGUF has no place for some of it; without that it takes the rest, and what was left out is told.
    expect(await errorOf(extract(goldenPath(base), tuned, { rank: 4 }, `${made}.gguf`, 'gguf'))).toMatchObject({
      code: 'adapters.notInGguf',
    });
    const linear = await extract(goldenPath(base), tuned, { rank: 4, linearOnly: true }, `${made}.gguf`, 'gguf');
    expect(linear.leftOut.length).toBeGreaterThan(0);
  }
});

test('is the same each time', async () => {
  const folder = temporaryFolder();
  const tuned = join(folder, 'tuned');
  await merge(goldenPath('base-llama'), [[goldenPath('rslora-patterns'), 1]], tuned);
  const run = async () => (await extract(goldenPath('base-llama'), tuned, { rank: 2, seed: 4 })).made.modules.map(({ a, b }) => [a, b]);
  expect(await run()).toEqual(await run());
});

test('finds nothing between equal models, and refuses what are no versions of one', async () => {
  expect(await errorOf(extract(goldenPath('base-llama'), goldenPath('base-llama'), {}))).toMatchObject({ code: 'adapters.noDifference' });
  const other = await tinyFolder({ tiedEmbeddings: false });
  expect(await errorOf(extract(goldenPath('base-llama'), other, {}))).toMatchObject({ code: 'adapters.otherModel' });
  expect(await errorOf(extract(goldenPath('base-llama'), other, { rank: 0 }))).toMatchObject({
    code: 'adapters.badOption',
    params: { option: 'rank' },
  });
  expect(await errorOf(extract(goldenPath('base-llama'), other, { energy: 2 }))).toMatchObject({
    code: 'adapters.badOption',
    params: { option: 'energy' },
  });
});
