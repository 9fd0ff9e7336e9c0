import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { baseOfAdapters } from '#core/lora/base.ts';
import { combineMethods, planCombination, type CombineOptions } from '#core/lora/combine.ts';
import { combineAdapters, type Combined } from '#engine/lora/combine.ts';
import { weightLengths } from '#engine/lora/lengths.ts';
import { openAdapter } from '#engine/lora/open-adapter.ts';
import { openQuantizable } from '#engine/quantize/open-model.ts';
import { writeAdapter } from '#engine/lora/write-adapter.ts';
import { errorOf } from '../../expect-error.ts';
import { tensorsOf } from '../quantize/quantize.ts';
import {
  goldenPath,
  merge,
  native,
  neverAborted,
  randomAdapter,
  relativeDistance,
  temporaryFolder,
  valuesOf,
  weightsIn,
} from './adapters.ts';

type Weighted = readonly (readonly [path: string, weight: number])[];

async function combine(adapters: Weighted, options: CombineOptions, out?: string): Promise<Combined> {
  await using stack = new AsyncDisposableStack();
  const opened = [];
  for (const [i, [path]] of adapters.entries()) opened.push(stack.use(await openAdapter(path, String(i))));
  const parts = opened.map(({ adapter }, i) => ({ adapter, name: adapters[i]?.[0] ?? '', weight: adapters[i]?.[1] ?? 1 }));
  const plan = planCombination(parts, baseOfAdapters(opened.map(({ adapter }) => adapter)), options);
  const combined = await combineAdapters(opened, plan, { kernels: native, signal: neverAborted, threads: 2 });
  if (out !== undefined) await writeAdapter(combined.made, 'peft', out, neverAborted);
  return combined;
}

const golden: Weighted = [
  [goldenPath('combine', 'one'), 0.7],
  [goldenPath('combine', 'two'), -0.4],
];

test.for([
  ['linear', { method: 'linear' }],
  ['cat', { method: 'cat' }],
  ['ties', { method: 'ties', density: 0.6 }],
  ['ties-frequency', { method: 'ties', density: 0.6, majoritySign: 'frequency' }],
  ['magnitude_prune', { method: 'magnitude_prune', density: 0.6 }],
] as const)('%s makes the factors that PEFT’s add_weighted_adapter makes', async ([name, options]) => {
  const out = join(temporaryFolder(), 'combined');
  await combine(golden, options, out);
  const expected = await tensorsOf(goldenPath('combine', 'combined.safetensors'));
  const found = await tensorsOf(join(out, 'adapter_model.safetensors'));
  const wanted = [...expected].filter(([key]) => key.startsWith(`${name}/`));
  expect(wanted.length).toBe(found.size);
  for (const [key, stored] of wanted) {
    const own = found.get(`base_model.model.${key.slice(name.length + 1)}`);
    expect({ key, shape: own?.shape }).toEqual({ key, shape: stored.shape });
    expect(relativeDistance(valuesOf(own ?? stored), valuesOf(stored))).toBeLessThan(1e-6);
  }
});

/** What adapters add to a base of zeros. */
async function change(adapters: Weighted): Promise<ReadonlyMap<string, Float32Array>> {
  const out = join(temporaryFolder(), 'merged');
  await merge(goldenPath('base-llama'), adapters, out);
  const [before, after] = [await weightsIn(goldenPath('base-llama')), await weightsIn(out)];
  return new Map(
    [...after].map(([name, stored]) => {
      const old = before.get(name);
      const base = valuesOf(old ?? stored);
      return [name, valuesOf(stored).map((value, i) => value - (base[i] ?? 0))];
    }),
  );
}

const modules = [0, 1].flatMap((layer) => [
  [`model.layers.${layer}.self_attn.q_proj`, 32, 32] as const,
  [`model.layers.${layer}.mlp.down_proj`, 32, 48] as const,
]);
/** Two adapters of different ranks; the second has a module less. */
async function pair(): Promise<Weighted> {
  const folder = temporaryFolder();
  const one = await randomAdapter(join(folder, 'one'), modules, { r: 3 }, () => 3, 1);
  const two = await randomAdapter(join(folder, 'two'), modules.slice(1), { r: 5, lora_alpha: 3 }, () => 5, 2);
  return [
    [one, 0.8],
    [two, -1.5],
  ];
}

test('cat is the sum of the single merges, across ranks', async () => {
  const adapters = await pair();
  const out = join(temporaryFolder(), 'cat');
  const { changes } = await combine(adapters, { method: 'cat' }, out);
  expect(changes.map(({ rank }) => rank).toSorted((left, right) => left - right)).toEqual([3, 8, 8, 8]);
  const [together, inOne, ...apart] = await Promise.all([change(adapters), change([[out, 1]]), ...adapters.map((each) => change([each]))]);
  for (const [name, values] of together) {
    const sum = values.map((_, i) => apart.reduce((total, each) => total + (each.get(name)?.[i] ?? 0), 0));
    if (sum.every((value) => value === 0)) continue;
    expect(relativeDistance(inOne.get(name) ?? [], sum)).toBeLessThan(1e-5);
    expect(relativeDistance(values, sum)).toBeLessThan(1e-5);
  }
});

describe('svd', () => {
  test('of the whole rank is the weighted sum, and below it the nearest matrix of that rank', async () => {
    const adapters = await pair();
    const exact = await combine(adapters, { method: 'cat' });
    for (const rank of [8, 4, 1]) {
      const { made, changes } = await combine(adapters, { method: 'svd', rank });
      for (const [i, found] of changes.entries()) {
        const kept = Math.min(rank, found.energy?.length ?? 0);
        // Eckart and Young: what is lost is exactly the energy of the other values.
        const lost = Math.sqrt(Math.max(0, 1 - (found.energy?.[kept - 1] ?? 0)));
        expect(Math.abs(found.distance - lost)).toBeLessThan(2e-3);
        expect(found.rank).toBe(kept);
        expect(found.sumLength).toBeCloseTo(exact.changes[i]?.length ?? 0, 3);
        expect(found.energy?.every((share, at, all) => share >= (all[at - 1] ?? 0))).toBe(true);
      }
      expect(made.modules.map((module) => module.a.length)).toEqual(
        changes.map(({ rank: kept }, i) => kept * (made.modules[i]?.inputs ?? 0)),
      );
    }
  });
});

test.for(combineMethods.filter((method) => method.endsWith('_svd')))('%s cuts to a rank, the same way each time', async (method) => {
  const adapters = await pair();
  const run = async (seed: number) =>
    (await combine(adapters, { method, rank: 6, density: 0.7, seed })).made.modules.map(({ a, b }) => [a, b]);
  const first = await run(1);
  expect(await run(1)).toEqual(first);
  if (method.startsWith('dare')) expect(await run(2)).not.toEqual(first);
});

test('with one adapter, nothing dropped and the whole rank, the products are what they were', async () => {
  const [one] = await pair();
  const whole = await change([[one?.[0] ?? '', 1]]);
  for (const method of combineMethods) {
    const out = join(temporaryFolder(), method);
    await combine([[one?.[0] ?? '', 1]], { method, density: 1, rank: 3 }, out);
    const found = await change([[out, 1]]);
    for (const [path] of modules) {
      const name = `${path}.weight`;
      expect(relativeDistance(found.get(name) ?? [], whole.get(name) ?? [])).toBeLessThan(1e-5);
    }
  }
});

test('DARE keeps a share of the values by chance, and what it keeps it makes larger, so that the mean stays', async () => {
  const folder = temporaryFolder();
  const path = await randomAdapter(join(folder, 'one'), [['model.layers.0.mlp.up_proj', 300, 200]], { r: 8, lora_alpha: 8 }, () => 8);
  const whole = (await combine([[path, 1]], { method: 'linear' })).made.modules[0];
  const { made } = await combine([[path, 1]], { method: 'dare_linear', density: 0.25, seed: 3 });
  const values = made.modules[0]?.b ?? new Float32Array();
  const kept = values.filter((value) => value !== 0);
  expect(kept.length / values.length).toBeCloseTo(0.25, 1);
  for (const [i, value] of values.entries()) if (value !== 0) expect(value / (whole?.b[i] ?? 1)).toBeCloseTo(4, 4);
});

test.for([
  ['dora', 'use_dora'],
  ['lora-bias', 'lora_bias'],
  ['saved', 'modules_to_save'],
  ['biases', 'bias'],
  ['tokens', 'trainable_token_indices'],
] as const)('%s cannot be combined, and is named', async ([name, what]) => {
  const problem = await errorOf(
    combine(
      [
        [goldenPath('plain'), 1],
        [goldenPath(name), 1],
      ],
      { method: 'cat' },
    ),
  );
  expect(problem).toMatchObject({ code: 'adapters.notCombined', params: { what } });
});

test.for([
  [{ method: 'ties', density: 0 }, 'density'],
  [{ method: 'svd', rank: 0 }, 'rank'],
  [{ method: 'svd', rank: 1e9 }, 'rank'],
] as const)('refuses %j', async ([options, option]) => {
  expect(await errorOf(combine(golden, options))).toMatchObject({ code: 'adapters.badOption', params: { option } });
});

test('adapters of different models are refused with both shapes', async () => {
  const folder = temporaryFolder();
  const one = await randomAdapter(join(folder, 'one'), [['model.layers.0.mlp.up_proj', 30, 20]]);
  const two = await randomAdapter(join(folder, 'two'), [['model.layers.0.mlp.up_proj', 30, 24]]);
  expect(
    await errorOf(
      combine(
        [
          [one, 1],
          [two, 1],
        ],
        { method: 'cat' },
      ),
    ),
  ).toMatchObject({
    code: 'adapters.baseMismatch',
    params: { shape: '[30, 24]', baseShape: '[30, 20]' },
  });
});

test('the length of a change is told beside the length of what it changes', async () => {
  await using base = await openQuantizable(goldenPath('base-llama'), 'base');
  const weights = await weightsIn(goldenPath('base-llama'));
  const names = new Set(['model.layers.0.self_attn.q_proj.weight', 'model.embed_tokens.weight']);
  const lengths = await weightLengths(base, names, { kernels: native, threads: 1, signal: neverAborted });
  expect(lengths.size).toBe(2);
  for (const [name, length] of lengths) {
    const stored = weights.get(name);
    if (stored === undefined) throw new Error(`there is no ${name}`);
    expect(length).toBeCloseTo(Math.hypot(...valuesOf(stored)), 5);
  }
});
