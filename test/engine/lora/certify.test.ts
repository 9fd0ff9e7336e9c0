import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import type { z } from 'zod';
import { certifyOptions, combineOptions } from '#contract/adapters.ts';
import { errorOf } from '#test/expect-error.ts';
import { tinyFolder } from '#test/fixtures.ts';
import { realModelPath, realModels, realModelsNote } from '#test/real-models.ts';
import { quantize } from '../quantize/quantize.ts';
import { finish, openTensor, options } from '../tensor-client.ts';
import { merge, randomAdapter, randomValues, relativeDistance, temporaryFolder, valuesOf, weightsIn, writePeft } from './adapters.ts';

const tensor = openTensor();
const root = temporaryFolder();
const at = (...names: string[]): string => join(root, ...names);
const scratchFolder = at('scratch');
beforeAll(() => mkdir(scratchFolder));

type Uses = readonly (readonly [path: string, scale: number])[];
const named = (adapters: Uses) => adapters.map(([path, scale]) => ({ path, scale }));

function certify(basePath: string, adapters: Uses, mergedPath: string, own: z.input<typeof certifyOptions> = {}) {
  const parsed = certifyOptions.parse({ contextLength: 64, windows: 4, ...own });
  return tensor.certify({ basePath, adapters: named(adapters), mergedPath, options: parsed, scratchFolder, threads: 1 });
}

const certificate = async (...parameters: Parameters<typeof certify>) => (await finish(certify(...parameters))).measure;

const mergeTo = (basePath: string, adapters: Uses, target: string | null, format: 'hf' | 'gguf', outputPath: string) =>
  finish(
    tensor.merge({
      basePath,
      adapters: named(adapters),
      target,
      format,
      outputPath,
      name: 'merged',
      options: options(),
      scratchFolder,
      threads: 1,
    }),
  );

interface Subject {
  readonly name: string;
  /** Of floats. */
  readonly base: string;
  readonly gguf: string;
  readonly adapter: string;
  /** The same but for its modules of one layer. */
  readonly partial: string;
}

type Module = readonly [path: string, outputs: number, inputs: number];
async function subject(name: string, base: string, layers: number, modules: (layer: number) => readonly Module[]): Promise<Subject> {
  const all = Array.from({ length: layers }, (_, layer) => modules(layer)).flat();
  const adapter = await randomAdapter(at(`${name} adapter`), all);
  // Later modules have later seeds: leaving the last layer out leaves the others as they are.
  const partial = await randomAdapter(at(`${name} partial`), all.slice(0, -modules(0).length));
  const gguf = at(`${name}.gguf`);
  await quantize(base, gguf, 'F32', { format: 'gguf' });
  return { name, base, gguf, adapter, partial };
}

const llama =
  (hidden: number, kv: number, inner: number) =>
  (layer: number): readonly Module[] => [
    [`model.layers.${layer}.self_attn.q_proj`, hidden, hidden],
    [`model.layers.${layer}.self_attn.k_proj`, kv, hidden],
    [`model.layers.${layer}.self_attn.v_proj`, kv, hidden],
    [`model.layers.${layer}.self_attn.o_proj`, hidden, hidden],
    [`model.layers.${layer}.mlp.gate_proj`, inner, hidden],
    [`model.layers.${layer}.mlp.up_proj`, inner, hidden],
    [`model.layers.${layer}.mlp.down_proj`, hidden, inner],
  ];

const makers: readonly (readonly [name: string, make: () => Promise<Subject>])[] = [
  ['generated', async () => subject('generated', await tinyFolder({ dtype: 'F32' }), 2, llama(64, 32, 96))],
  ...(realModels === null
    ? []
    : ([
        ['stories260k', () => subject('stories260k', realModelPath('stories260k'), 5, llama(64, 32, 172))],
        ['story656k', () => subject('story656k', realModelPath('story656k'), 2, llama(128, 64, 384))],
      ] as const)),
];

describe.for(makers)(`a merge into %s${realModelsNote}`, ([name, make]) => {
  let model: Subject;
  beforeAll(async () => {
    model = await make();
  });

  test.for([
    ['F32', 'hf'],
    ['F16', 'gguf'],
    ['Q8_0', 'gguf'],
    ['Q4_0', 'gguf'],
  ] as const)('to %s (%s) agrees with the adapters beside the weights, within the bound that it states', async ([target, format]) => {
    const out = at(`${name} ${target}${format === 'gguf' ? '.gguf' : ''}`);
    await mergeTo(model.base, [[model.adapter, 1]], target, format, out);
    const measure = await certificate(model.base, [[model.adapter, 1]], out);
    const { runtime } = measure;
    expect(measure).toMatchObject({ verdict: 'green', findings: [] });
    expect(runtime?.meanKl).toBeLessThan(runtime?.boundMeanKl ?? 0);
    // What four bits cost such small models is more than what a small adapter does.
    expect(runtime?.effectKl).toBeGreaterThan(target.startsWith('F') ? 100 * (runtime?.meanKl ?? Infinity) : 0.005);
    for (const { strength, relativeChange } of measure.tensors)
      if (relativeChange > 0) expect(Math.abs((strength ?? 0) - 1)).toBeLessThan(0.1);
    expect(measure.samples).toHaveLength(5);
    expect(await readdir(scratchFolder)).toEqual([]);
  });

  describe.for(['F16', 'Q4_0'])('to %s turns red', (target) => {
    const faulty = async (fault: string, adapters: Uses, base = model.base): Promise<string> => {
      const out = at(`${name} ${target} ${fault}.gguf`);
      await mergeTo(base, adapters, target, 'gguf', out);
      return out;
    };
    const verdictOf = async (path: string) => {
      const { verdict, findings } = await certificate(model.base, [[model.adapter, 1]], path);
      return { verdict, codes: findings.map(({ code }) => code), params: findings.map(({ params }) => params) };
    };

    test('with another scale', async () => {
      const found = await verdictOf(await faulty('scale', [[model.adapter, 0.9]]));
      expect(found).toMatchObject({ verdict: 'red' });
      expect(found.codes).toContain('certificates.wrongScale');
    });

    test('merged twice', async () => {
      const found = await verdictOf(await faulty('twice', [[model.adapter, 2]]));
      expect(found).toMatchObject({ verdict: 'red' });
      expect(found.codes).toContain('certificates.mergedTwice');
    });

    test('made from another base', async () => {
      const other = at(`${name} other`);
      // The base after another training: an adapter with another seed.
      if (!(await readdir(root)).includes(`${name} other`)) {
        const trained = await randomAdapter(at(`${name} training`), [['model.layers.0.mlp.up_proj', ...upShape(name)]], {}, () => 4, 77);
        await merge(model.base, [[trained, 40]], other);
      }
      const found = await verdictOf(await faulty('base', [[model.adapter, 1]], other));
      expect(found).toMatchObject({ verdict: 'red' });
      expect(found.codes).toContain('certificates.otherBase');
    });

    test('without the change of one layer', async () => {
      const found = await verdictOf(await faulty('layer', [[model.partial, 1]]));
      expect(found).toMatchObject({ verdict: 'red' });
      expect(found.codes).toContain('certificates.missing');
      expect(found.params.find((params) => 'total' in params)).toMatchObject({ count: 7 });
    });
  });
});

const upShape = (name: string): readonly [number, number] =>
  name === 'generated' ? [96, 64] : name === 'stories260k' ? [172, 64] : [384, 128];

describe('a merge', () => {
  test('of an adapter whose B is zero leaves the base as it is, byte for byte', async () => {
    const base = await tinyFolder({ dtype: 'F16' });
    const path = 'model.layers.0.self_attn.q_proj';
    const adapter = await writePeft(
      at('zero'),
      { r: 4, lora_alpha: 8 },
      {
        [`${path}.lora_A.weight`]: [[4, 64], randomValues(4 * 64, 1)],
        [`${path}.lora_B.weight`]: [[64, 4], new Float32Array(64 * 4)],
      },
    );
    const result = await mergeTo(base, [[adapter, 1]], null, 'hf', at('zero merged'));
    expect(result).toMatchObject({ changedTensors: 0 });
    const weights = 'model.safetensors';
    expect(await readFile(at('zero merged', weights))).toEqual(await readFile(join(base, weights)));
    const measure = await certificate(base, [[adapter, 1]], at('zero merged'));
    expect(measure).toMatchObject({ verdict: 'amber', findings: [{ code: 'certificates.noEffect' }], changedTensors: 0 });
    expect(measure.runtime).toMatchObject({ effectKl: 0, topOneAgreement: 1 });
  });

  test('and its certificate leave nothing behind when they are cancelled', async () => {
    const base = await tinyFolder({ dtype: 'F32' });
    const adapter = await randomAdapter(at('cancelled adapter'), llama(64, 32, 96)(0));
    await mergeTo(base, [[adapter, 1]], null, 'hf', at('to be certified'));
    const controller = new AbortController();
    const parameters = { basePath: base, adapters: named([[adapter, 1]]), mergedPath: at('to be certified'), scratchFolder, threads: 1 };
    const run = async (): Promise<void> => {
      for await (const event of tensor.certify(
        { ...parameters, options: certifyOptions.parse({ contextLength: 64 }) },
        { signal: controller.signal },
      ))
        if (event.type === 'progress' && event.phase === 'certify.measuring') controller.abort();
    };
    expect((await errorOf(run())).code).toBe('request.cancelled');
    await expect.poll(() => readdir(scratchFolder), { timeout: 10_000 }).toEqual([]);
  });
});

describe('what is told of adapters', () => {
  test('is in them, where they fit, and how much they change', async () => {
    const base = await tinyFolder({ dtype: 'F32' });
    const adapter = await randomAdapter(at('told'), llama(64, 32, 96)(0), { base_model_name_or_path: 'someone/Tiny' });
    const details = await tensor.adapter({ adapterPath: adapter });
    expect(details).toMatchObject({ format: 'peft', baseName: 'someone/Tiny', replaced: [], rows: [] });
    expect(details.modules).toHaveLength(7);
    expect(details.modules.find(({ weight }) => weight.includes('k_proj'))).toMatchObject({
      rank: 4,
      inputs: 64,
      outputs: 32,
      scale: 2,
      hasMagnitude: false,
    });
    expect(details.parameterCount).toBe(4 * (64 + 64 + 3 * 64 + 2 * 32 + 64 + 3 * (64 + 96)));
    const wide = await tinyFolder({ dtype: 'F32', family: 'gpt2' });
    const fits = await tensor.adapterFits({
      adapterPath: adapter,
      models: [
        { path: base, names: ['Tiny'] },
        { path: wide, names: ['wide'] },
        { path: at('nowhere'), names: [] },
      ],
    });
    expect(fits.map(({ problems }) => problems.map(({ code }) => code))).toEqual([[], ['adapters.noSuchWeight'], ['disk.missing']]);

    const before = await weightsIn(base);
    await merge(base, [[adapter, 0.5]], at('told merged'));
    const after = await weightsIn(at('told merged'));
    const changes = await tensor.adapterChanges({ basePath: base, adapters: [{ path: adapter, scale: 0.5 }] });
    expect(changes).toHaveLength(7);
    const gate = 'model.layers.0.mlp.gate_proj.weight';
    const [was, is] = [before.get(gate), after.get(gate)];
    if (was === undefined || is === undefined) throw new Error('the gate is missing');
    const told = changes.find(({ weight }) => weight === 'blk.0.ffn_gate.weight');
    expect(told?.layer).toBe(0);
    expect(told?.relativeChange).toBeCloseTo(relativeDistance(valuesOf(is), valuesOf(was)), 5);
  });

  test('is the same of what is combined, extracted and converted from them', async () => {
    const base = await tinyFolder({ dtype: 'F32' });
    const one = await randomAdapter(at('one'), llama(64, 32, 96)(0));
    const other = await randomAdapter(at('other'), llama(64, 32, 96)(1), {}, () => 4, 9);
    const preview = (method: 'cat' | 'svd', rank: number | null) =>
      tensor.combinedChanges({
        adapters: [
          { path: one, scale: 1 },
          { path: one, scale: 0.5 },
        ],
        options: { method, rank, density: 0.5, majoritySign: 'total', seed: 0 },
        basePath: null,
      });
    // Beforehand: the exact sum is the sum. Half of it more of the same has no more rank than one alone; a rank of 1 loses some.
    for (const { distance, rank, layer, energy } of await preview('cat', null))
      expect([distance, rank, layer, energy]).toEqual([0, 8, 0, undefined]);
    for (const { distance, energy = [] } of await preview('svd', 4)) {
      // The square root of float32's precision: the distance is what is left of two products that are as good as one.
      expect(distance).toBeLessThan(2e-3);
      expect(energy[3]).toBeCloseTo(1, 5);
    }
    for (const { distance, energy = [] } of await preview('svd', 1)) {
      expect(distance).toBeGreaterThan(0.1);
      // By Eckart and Young, what is lost is what the other singular values hold.
      expect(distance ** 2).toBeCloseTo(1 - (energy[0] ?? 0), 4);
    }
    const combined = await finish(
      tensor.combine({
        adapters: named([
          [one, 1],
          [other, 0.5],
        ]),
        options: combineOptions.parse({ method: 'cat' }),
        basePath: null,
        format: 'peft',
        outputPath: at('combined'),
        name: 'combined',
      }),
    );
    expect(combined.sizeBytes).toBeGreaterThan(0);
    await merge(base, [[at('combined'), 1]], at('combined merged'));
    await merge(
      base,
      [
        [one, 1],
        [other, 0.5],
      ],
      at('both merged'),
    );
    const [together, both] = [await weightsIn(at('combined merged')), await weightsIn(at('both merged'))];
    for (const [name, stored] of both)
      expect(relativeDistance(valuesOf(together.get(name) ?? stored), valuesOf(stored))).toBeLessThan(1e-6);

    const extracted = await finish(
      tensor.extract({
        basePath: base,
        tunedPath: at('both merged'),
        rank: 4,
        energy: null,
        format: 'peft',
        outputPath: at('extracted'),
        name: 'extracted',
      }),
    );
    expect(extracted.rank).toBe(4);
    // The residual is a root: float32's noise of 1e-7 in ‖ΔW‖² is 3e-4 of ‖ΔW‖.
    expect(extracted.residual).toBeLessThan(2e-3);
    await finish(
      tensor.convertAdapter({ adapterPath: at('extracted'), basePath: base, format: 'gguf', outputPath: at('x.gguf'), name: 'x' }),
    );
    expect(await tensor.adapter({ adapterPath: at('x.gguf') })).toMatchObject({ format: 'gguf', architecture: 'llama' });
  });
});

describe('what cannot be green', () => {
  test('DoRA is proven by its weights alone, and says so', async () => {
    const base = await tinyFolder({ dtype: 'F32' });
    const path = 'model.layers.0.self_attn.q_proj';
    const adapter = await writePeft(
      at('dora'),
      { r: 4, lora_alpha: 8, use_dora: true },
      {
        [`${path}.lora_A.weight`]: [[4, 64], randomValues(4 * 64, 1)],
        [`${path}.lora_B.weight`]: [[64, 4], randomValues(64 * 4, 2)],
        [`${path}.lora_magnitude_vector`]: [[64], randomValues(64, 3).map((value) => 1 + value / 2)],
      },
    );
    const out = at('dora merged');
    await merge(base, [[adapter, 1]], out);
    const measure = await certificate(base, [[adapter, 1]], out);
    expect(measure).toMatchObject({ verdict: 'amber', runtime: null, samples: [], changedTensors: 1 });
    expect(measure.findings).toMatchObject([{ code: 'certificates.weightsOnly', params: { what: 'use_dora' } }]);
    expect(measure.tensors.find(({ relativeChange }) => relativeChange > 0)?.strength).toBeCloseTo(1, 5);
  });
});
