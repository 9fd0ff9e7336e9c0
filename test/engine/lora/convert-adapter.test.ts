import { join } from 'node:path';
import { getLlama, LlamaLogLevel, type Llama, type Token } from 'node-llama-cpp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { convertAdapter } from '#engine/lora/convert-adapter.ts';
import { openAdapter } from '#engine/lora/open-adapter.ts';
import { openQuantizable } from '#engine/quantize/open-model.ts';
import { errorOf } from '../../expect-error.ts';
import { tinyFolder } from '../../fixtures.ts';
import { quantize, tensorsOf, type Stored } from '../quantize/quantize.ts';
import { goldenPath, merge, neverAborted, randomAdapter, relativeDistance, temporaryFolder, valuesOf } from './adapters.ts';

let llama: Llama;
beforeAll(async () => {
  llama = await getLlama({ gpu: false, build: 'never', logLevel: LlamaLogLevel.error });
});
afterAll(() => llama.dispose());

async function convert(adapter: string, base: string, format: 'peft' | 'gguf', path: string): Promise<string> {
  await using model = await openQuantizable(base, 'base');
  await using opened = await openAdapter(adapter, 'adapter');
  await convertAdapter(opened, model.model, format, path, neverAborted);
  return path;
}

type Module = readonly [path: string, outputs: number, inputs: number];
const layers = (modules: (layer: number) => readonly Module[]): readonly Module[] => [0, 1].flatMap(modules);
const llamaModules = layers((layer) => [
  [`model.layers.${layer}.self_attn.q_proj`, 64, 64],
  [`model.layers.${layer}.self_attn.k_proj`, 32, 64],
  [`model.layers.${layer}.self_attn.v_proj`, 32, 64],
  [`model.layers.${layer}.self_attn.o_proj`, 64, 64],
  [`model.layers.${layer}.mlp.gate_proj`, 96, 64],
  [`model.layers.${layer}.mlp.down_proj`, 64, 96],
]);
const gpt2Modules = layers((layer) => [
  [`transformer.h.${layer}.attn.c_attn`, 192, 64],
  [`transformer.h.${layer}.attn.c_proj`, 64, 64],
  [`transformer.h.${layer}.mlp.c_proj`, 64, 96],
]);

const settings = { use_rslora: true, rank_pattern: { 'layers.1.*': 6, 'h.1.*': 6 }, alpha_pattern: { '(o_proj|c_proj)': 3, k_proj: 5 } };
const rankOf = (path: string): number => (/\.1\./.test(path) ? 6 : 4);

const families = [
  { family: 'llama', tiedEmbeddings: false, modules: llamaModules },
  { family: 'llama', tiedEmbeddings: true, modules: llamaModules },
  { family: 'qwen2', tiedEmbeddings: false, modules: llamaModules },
  { family: 'gpt2', tiedEmbeddings: true, modules: gpt2Modules },
] as const;

/** The likeliest next tokens after a few, with their probabilities. */
async function predict(modelPath: string, adapter?: string): Promise<ReadonlyMap<number, number>> {
  await using model = await llama.loadModel({ modelPath, useMmap: false });
  await using context = await model.createContext({
    contextSize: 32,
    ...(adapter === undefined ? {} : { lora: { adapters: [{ filePath: adapter, scale: 1 }] } }),
  });
  const tokens = [5, 9, 30, 12, 7].map((token) => token as Token);
  const last = { generateNext: { probabilities: true } } as const;
  const evaluated = await context.getSequence().controlledEvaluate([...tokens.slice(0, -1), [tokens.at(-1) ?? (0 as Token), last]]);
  return new Map(evaluated.at(-1)?.next.probabilities);
}

function expectNear(found: ReadonlyMap<string, Stored>, expected: ReadonlyMap<string, Stored>): void {
  expect([...found.keys()].toSorted()).toEqual([...expected.keys()].toSorted());
  for (const [name, { type, shape }] of expected)
    expect({ name, type, shape }).toEqual({ name, type: found.get(name)?.type, shape: found.get(name)?.shape });
  const distances = [...expected].map(([name, stored]) => relativeDistance(valuesOf(found.get(name) ?? stored), valuesOf(stored)));
  expect(Math.max(...distances)).toBeLessThan(1e-6);
}

describe.for(families)('an adapter of $family, tied: $tiedEmbeddings', ({ family, tiedEmbeddings, modules }) => {
  test('means the same in both formats, whichever kind of base it is merged into', async () => {
    const folder = temporaryFolder();
    const at = (name: string): string => join(folder, name);
    const hf = await tinyFolder({ family, tiedEmbeddings, dtype: 'F32' });
    const adapter = await randomAdapter(at('peft'), modules, settings, rankOf);
    await quantize(hf, at('base.gguf'), 'F32', { format: 'gguf' });
    // The way that is proven elsewhere: merged as PEFT merges, then converted as llama.cpp converts.
    await merge(hf, [[adapter, 1]], at('merged'));
    await quantize(at('merged'), at('expected.gguf'), 'F32', { format: 'gguf' });
    const [before, expected] = await Promise.all([tensorsOf(at('base.gguf')), tensorsOf(at('expected.gguf'))]);
    const changed = [...expected].filter(([name, { bytes }]) => !Buffer.from(bytes).equals(before.get(name)?.bytes ?? new Uint8Array()));
    expect(changed.length).toBe(modules.length);

    await merge(hf, [[adapter, 1]], at('direct.gguf'), { target: 'F32', format: 'gguf' });
    await merge(at('base.gguf'), [[adapter, 1]], at('into gguf.gguf'));
    const gguf = await convert(adapter, hf, 'gguf', at('adapter.gguf'));
    await convert(adapter, at('base.gguf'), 'gguf', at('adapter 2.gguf'));
    expect(await tensorsOf(at('adapter 2.gguf'))).toEqual(await tensorsOf(gguf));
    await merge(at('base.gguf'), [[gguf, 1]], at('gguf.gguf'));
    for (const name of ['direct.gguf', 'into gguf.gguf', 'gguf.gguf']) expectNear(await tensorsOf(at(name)), expected);

    await merge(hf, [[gguf, 1]], at('gguf into folder'));
    const back = await convert(gguf, hf, 'peft', at('back'));
    await merge(hf, [[back, 1]], at('back again'));
    const folderExpected = await tensorsOf(join(at('merged'), 'model.safetensors'));
    for (const name of ['gguf into folder', 'back again']) expectNear(await tensorsOf(join(at(name), 'model.safetensors')), folderExpected);

    // llama.cpp's own application of the adapter, at run time.
    const [plain, live, merged] = [
      await predict(at('base.gguf')),
      await predict(at('base.gguf'), gguf),
      await predict(at('expected.gguf')),
    ];
    const distance = (left: ReadonlyMap<number, number>, right: ReadonlyMap<number, number>): number =>
      [...right].reduce((most, [token, probability]) => Math.max(most, Math.abs(probability - (left.get(token) ?? 0))), 0);
    expect(distance(plain, merged)).toBeGreaterThan(1e-4);
    expect(distance(live, merged)).toBeLessThan(distance(plain, merged) / 20);
  });
});

test('an embedding’s halves lie in GGUF as llama.cpp looks them up', async () => {
  const folder = temporaryFolder();
  const at = (name: string): string => join(folder, name);
  const hf = await tinyFolder({ tiedEmbeddings: false, dtype: 'F32' });
  await quantize(hf, at('base.gguf'), 'F32', { format: 'gguf' });
  const vocabulary = (await tensorsOf(at('base.gguf'))).get('token_embd.weight')?.shape[0] ?? 0;
  const adapter = await randomAdapter(at('peft'), [
    ['model.embed_tokens', 64, vocabulary],
    ['lm_head', vocabulary, 64],
  ]);
  const gguf = await convert(adapter, hf, 'gguf', at('adapter.gguf'));
  await merge(hf, [[adapter, 1]], at('expected.gguf'), { target: 'F32', format: 'gguf' });
  await merge(at('base.gguf'), [[gguf, 1]], at('merged.gguf'));
  expectNear(await tensorsOf(at('merged.gguf')), await tensorsOf(at('expected.gguf')));
  const [live, merged] = [await predict(at('base.gguf'), gguf), await predict(at('merged.gguf'))];
  for (const [token, probability] of merged) expect(live.get(token)).toBeCloseTo(probability, 5);
});

test.for([
  ['dora', 'use_dora'],
  ['lora-bias', 'lora_bias'],
  ['tokens', 'trainable_token_indices'],
  ['saved', 'modules_to_save'],
  ['biases', 'bias'],
] as const)('%s has no place in GGUF, and is refused by its name', async ([name, what]) => {
  const path = join(temporaryFolder(), 'adapter.gguf');
  expect(await errorOf(convert(goldenPath(name), goldenPath('base-llama'), 'gguf', path))).toMatchObject({
    code: 'adapters.notInGguf',
    params: { what },
  });
});

test('an embedding of a tied model has no place in GGUF either: llama.cpp would use it for the output as well', async () => {
  const hf = await tinyFolder({ tiedEmbeddings: true });
  const vocabulary = 320;
  const folder = temporaryFolder();
  const rows = (await tensorsOf(join(hf, 'model.safetensors'))).get('model.embed_tokens.weight')?.shape[0] ?? vocabulary;
  const adapter = await randomAdapter(join(folder, 'peft'), [['model.embed_tokens', 64, rows]]);
  expect(await errorOf(convert(adapter, hf, 'gguf', join(folder, 'adapter.gguf')))).toMatchObject({ code: 'adapters.notInGguf' });
});
