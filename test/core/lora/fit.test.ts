import { expect, test } from 'vitest';
import { str, f32 } from '#core/gguf/values.ts';
import type { GgufHeader } from '#core/gguf/header.ts';
import type { GgmlTypeName } from '#core/gguf/types.ts';
import { adapterBase, type AdapterBase } from '#core/lora/base.ts';
import { fitAdapter } from '#core/lora/fit.ts';
import { readGgufAdapter } from '#core/lora/gguf.ts';
import { openAdapter } from '#engine/lora/open-adapter.ts';
import { openQuantizable } from '#engine/quantize/open-model.ts';
import { errorOf } from '../../expect-error.ts';
import { tinyFolder } from '../../fixtures.ts';
import { goldenPath } from '../../engine/lora/adapters.ts';

async function baseOf(path: string): Promise<AdapterBase> {
  await using opened = await openQuantizable(path, 'base');
  return adapterBase(opened.model);
}

async function fit(adapter: string, base: string, names: readonly string[] = []) {
  await using opened = await openAdapter(goldenPath(adapter), 'a');
  return fitAdapter(opened.adapter, await baseOf(base), names);
}

test('every golden adapter fits its own base', async () => {
  for (const name of [
    'plain',
    'rslora-patterns',
    'dora',
    'biases',
    'lora-bias',
    'embedding',
    'tokens',
    'saved',
    'parameters',
    'everything',
  ])
    expect({ name, problems: (await fit(name, goldenPath('base-llama'))).problems }).toEqual({ name, problems: [] });
  for (const name of ['gpt2', 'gpt2-dora']) expect((await fit(name, goldenPath('base-gpt2'))).problems).toEqual([]);
});

test('what does not fit is said once for each kind, with how many there are', async () => {
  const other = await fit('gpt2', goldenPath('base-llama'));
  expect(other.bound).toBeUndefined();
  expect(other.problems.map(({ code }) => code).toSorted()).toEqual(['adapters.noBias', 'adapters.noSuchWeight']);
  const missing = other.problems.find(({ code }) => code === 'adapters.noSuchWeight');
  expect(missing?.params).toMatchObject({ count: 8, tensor: expect.stringContaining('transformer.h.0') as unknown });

  const shapes = await fit('rslora-patterns', await tinyFolder({ dtype: 'F32' }));
  expect(shapes.problems).toMatchObject([{ code: 'adapters.baseMismatch' }]);
});

test.for([
  ['meta-llama/Llama-3.2-1B', ['Llama-3.2-1B-Q4_K_M'], false],
  ['C:\\models\\Llama 3.2 1B\\', ['llama-3.2-1b'], false],
  ['/home/someone/checkpoints/run-17', ['Llama-3.2-1B'], true],
  ['mistralai/Mistral-7B-v0.3', ['Llama-3.2-1B', 'a copy'], true],
  ['Qwen/Qwen2-0.5B', ['a copy', 'Qwen2 0.5B'], false],
] as const)('an adapter of %s beside %j: a word of warning? %s', async ([recorded, names, warns]) => {
  await using opened = await openAdapter(goldenPath('plain'), 'a');
  const { warnings, problems } = fitAdapter({ ...opened.adapter, baseName: recorded }, await baseOf(goldenPath('base-llama')), names);
  expect(problems).toEqual([]);
  expect(warnings.map(({ code }) => code)).toEqual(warns ? ['adapters.otherBase'] : []);
});

/** The header of a GGUF adapter; tensors as [name, dimensions, type]. */
function header(
  tensors: readonly (readonly [string, readonly number[], GgmlTypeName?])[],
  keys: Readonly<Record<string, ReturnType<typeof str>>> = {},
): GgufHeader {
  const metadata = new Map([
    ['general.architecture', str('llama')],
    ['general.type', str('adapter')],
    ['adapter.type', str('lora')],
    ['adapter.lora.alpha', f32(6)],
    ...Object.entries(keys),
  ]);
  return {
    file: 'adapter.gguf',
    version: 3,
    alignment: 32,
    dataOffset: 0,
    metadata,
    tensors: tensors.map(([name, dimensions, type = 'F32']) => ({ name, type, dimensions, offset: 0, sizeBytes: 0 })),
  };
}
const halves = [['blk.0.attn_q.weight.lora_a', [32, 4]] as const, ['blk.0.attn_q.weight.lora_b', [4, 16]] as const];

test('a GGUF adapter’s scale is alpha over each module’s own rank, and 1 without an alpha', () => {
  const more = [['blk.1.attn_q.weight.lora_a', [32, 3]] as const, ['blk.1.attn_q.weight.lora_b', [3, 16]] as const];
  const { modules } = readGgufAdapter(header([...halves, ...more]), 'a');
  expect(modules.map(({ scale, rank, inputs, outputs }) => [scale, rank, inputs, outputs])).toEqual([
    [1.5, 4, 32, 16],
    [2, 3, 32, 16],
  ]);
  const plain = header(halves);
  const silent = { ...plain, metadata: new Map([...plain.metadata].filter(([key]) => key !== 'adapter.lora.alpha')) };
  expect(readGgufAdapter(silent, 'a').modules[0]?.scale).toBe(1);
});

test.for([
  [header(halves, { 'general.type': str('model') }), 'adapters.notLora'],
  [header(halves, { 'adapter.type': str('control_vector') }), 'adapters.notLora'],
  [header(halves, { 'adapter.lora.alpha': f32(0) }), 'adapters.zeroAlpha'],
  [header(halves, { 'adapter.lora.alpha': f32(Number.NaN) }), 'adapters.badField'],
  [header(halves, { 'adapter.lora.alpha': str('6') }), 'gguf.wrongValueType'],
  [header(halves.slice(0, 1)), 'adapters.missingHalf'],
  [header([...halves, ['blk.0.attn_q.weight.lora_c', [4, 4]]]), 'adapters.unknownTensor'],
  [header([...halves, ['blk.0.attn_q.weight', [4, 4]]]), 'adapters.unknownTensor'],
  [header([halves[0] ?? ['', []], ['blk.0.attn_q.weight.lora_b', [5, 16]]]), 'adapters.shapeMismatch'],
  [header([['blk.0.attn_q.weight.lora_a', [32, 4], 'Q8_0'], halves[1] ?? ['', []]]), 'adapters.badType'],
  [header([]), 'adapters.empty'],
] as const)('refuses what is no adapter: %#', async ([given, code]) => {
  expect(await errorOf(() => readGgufAdapter(given, 'a'))).toMatchObject({ code });
});
