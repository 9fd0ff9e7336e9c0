import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { memorySource } from '#core/byte-source.ts';
import { readGguf } from '#core/gguf/read.ts';
import { planGgufSplit } from '#core/gguf/write.ts';
import { executeMerge, prepareMerge } from '#engine/lora/merge.ts';
import { openAdapter } from '#engine/lora/open-adapter.ts';
import { openQuantizable } from '#engine/quantize/open-model.ts';
import { errorOf } from '../../expect-error.ts';
import { tinyFolder } from '../../fixtures.ts';
import { quantize, tensorsOf, valuesOf as decoded } from '../quantize/quantize.ts';
import {
  goldenPath,
  merge,
  native,
  neverAborted,
  randomAdapter,
  randomValues,
  relativeDistance,
  temporaryFolder,
  valuesOf,
  weightsIn,
  writePeft,
} from './adapters.ts';

const modules = [0, 1].flatMap((layer) => [
  [`model.layers.${layer}.self_attn.q_proj`, 64, 64] as const,
  [`model.layers.${layer}.mlp.down_proj`, 64, 96] as const,
]);
const gpt2Modules = [[`transformer.h.0.attn.c_attn`, 192, 64] as const, [`transformer.h.1.mlp.c_proj`, 64, 96] as const];

test('adapters go one after the other, DoRA among them, as PEFT merges them', async () => {
  const out = join(temporaryFolder(), 'merged');
  await merge(
    goldenPath('base-llama'),
    ['dora', 'plain', 'dora-second'].map((name) => [goldenPath(name), 1] as const),
    out,
  );
  const [after, expected] = [await weightsIn(out), await tensorsOf(goldenPath('several', 'merged.safetensors'))];
  for (const [name, stored] of expected) expect(relativeDistance(valuesOf(after.get(name) ?? stored), valuesOf(stored))).toBeLessThan(5e-7);
});

test('half of DoRA is half the way to it, and none of it is nothing', async () => {
  const folder = temporaryFolder();
  for (const weight of [1, 0.5, 0]) await merge(goldenPath('base-llama'), [[goldenPath('dora'), weight]], join(folder, String(weight)));
  const [before, whole, half, none] = await Promise.all([
    weightsIn(goldenPath('base-llama')),
    weightsIn(join(folder, '1')),
    weightsIn(join(folder, '0.5')),
    weightsIn(join(folder, '0')),
  ]);
  expect(none).toEqual(before);
  for (const [name, stored] of whole) {
    const [base, middle] = [before.get(name), half.get(name)];
    if (base === undefined || middle === undefined) throw new Error(`there is no ${name}`);
    const [from, to] = [valuesOf(base), valuesOf(stored)];
    const expected = from.map((value, i) => (value + (to[i] ?? 0)) / 2);
    expect(relativeDistance(valuesOf(middle), expected)).toBeLessThan(2e-7);
  }
});

describe('an adapter whose B is zero', () => {
  const zeros = (folder: string): Promise<string> =>
    writePeft(
      folder,
      { r: 4, lora_alpha: 8 },
      Object.fromEntries(
        modules.flatMap(([path, outputs, inputs]) => [
          [`${path}.lora_A.weight`, [[4, inputs], randomValues(4 * inputs, 1)] as const],
          [`${path}.lora_B.weight`, [[outputs, 4], new Float32Array(4 * outputs)] as const],
        ]),
      ),
    );

  test.for(['Q4_0', 'Q8_0', 'F16'] as const)('leaves a %s file as it is, byte for byte, and is told to have no effect', async (type) => {
    const folder = temporaryFolder();
    const adapter = await zeros(join(folder, 'zero'));
    await quantize(await tinyFolder(), join(folder, 'base.gguf'), type, { format: 'gguf' });
    const { warnings } = await merge(join(folder, 'base.gguf'), [[adapter, 1]], join(folder, 'merged.gguf'));
    expect(await readFile(join(folder, 'merged.gguf'))).toEqual(await readFile(join(folder, 'base.gguf')));
    expect(warnings).toMatchObject([{ code: 'adapters.noEffect', params: { count: modules.length } }]);
  });

  test('leaves every tensor of a folder as it is', async () => {
    const folder = temporaryFolder();
    const base = await tinyFolder();
    await merge(base, [[await zeros(join(folder, 'zero')), 1]], join(folder, 'merged'));
    expect(await weightsIn(join(folder, 'merged'))).toEqual(await weightsIn(base));
  });
});

describe('merging on the way to another type', () => {
  test.for([
    ['llama', 'Q8_0', 'gguf'],
    ['llama', 'Q4_0', 'gguf'],
    ['llama', 'F16', 'gguf'],
    ['llama', 'BF16', 'hf'],
    ['llama', 'int8', 'hf'],
    ['llama', 'nf4-dq', 'hf'],
    ['gpt2', 'nf4', 'hf'],
    ['gpt2', 'int8', 'hf'],
    ['gpt2', 'Q8_0', 'gguf'],
  ] as const)('%s to %s gives the bytes of merging first and quantizing then', async ([family, target, format]) => {
    const folder = temporaryFolder();
    const base = await tinyFolder({ family, dtype: 'F32' });
    const adapter = await randomAdapter(join(folder, 'adapter'), family === 'gpt2' ? gpt2Modules : modules);
    const ending = format === 'gguf' ? '.gguf' : '';
    await merge(base, [[adapter, 0.7]], join(folder, 'merged'));
    await quantize(join(folder, 'merged'), join(folder, `two${ending}`), target, { format });
    await merge(base, [[adapter, 0.7]], join(folder, `one${ending}`), { target, format }, 4096);
    const read = (name: string) => tensorsOf(format === 'gguf' ? join(folder, `${name}.gguf`) : join(folder, name, 'model.safetensors'));
    expect(await read('one')).toEqual(await read('two'));
  });
});

describe('what an adapter replaces', () => {
  test.for([
    ['gemma', ['model.norm.weight', 'model.layers.1.input_layernorm.weight', 'model.layers.0.self_attn.q_proj.weight']],
    ['llama', ['model.layers.0.self_attn.k_proj.weight', 'model.norm.weight', 'lm_head.weight']],
    ['qwen2', ['model.layers.0.self_attn.q_proj.bias', 'model.embed_tokens.weight', 'lm_head.weight']],
    ['gpt2', ['transformer.h.0.attn.c_attn.weight', 'transformer.h.1.mlp.c_fc.bias', 'transformer.ln_f.weight', 'transformer.wpe.weight']],
  ] as const)('in %s goes the way that the base’s own tensor would go', async ([family, names]) => {
    const folder = temporaryFolder();
    const at = (name: string): string => join(folder, name);
    const base = await tinyFolder({ family, tiedEmbeddings: family === 'gemma' || family === 'gpt2', dtype: 'F32' });
    const before = await weightsIn(base);
    const replaced = names.map((name, i) => {
      const { shape = [] } = before.get(name) ?? {};
      const values = randomValues(
        shape.reduce((product, size) => product * size, 1),
        i,
      );
      return [name, [shape, values]] as const;
    });
    const adapter = await writePeft(at('adapter'), {}, Object.fromEntries(replaced));
    await merge(base, [[adapter, 1]], at('merged'));
    const after = await weightsIn(at('merged'));
    for (const [name, [shape, values]] of replaced) {
      expect({ name, shape: after.get(name)?.shape }).toEqual({ name, shape });
      expect(relativeDistance(valuesOf(after.get(name) ?? { type: 'F32', shape, bytes: new Uint8Array() }), values)).toBe(0);
    }
    await quantize(base, at('base.gguf'), 'F32', { format: 'gguf' });
    await quantize(at('merged'), at('two.gguf'), 'F32', { format: 'gguf' });
    await merge(base, [[adapter, 1]], at('one.gguf'), { target: 'F32', format: 'gguf' });
    await merge(at('base.gguf'), [[adapter, 1]], at('into.gguf'));
    const expected = await tensorsOf(at('two.gguf'));
    expect(await tensorsOf(at('one.gguf'))).toEqual(expected);
    expect(await tensorsOf(at('into.gguf'))).toEqual(expected);
  });
});

test('a share of what is replaced is told not to apply, and none of it can be taken off', async () => {
  const folder = temporaryFolder();
  const { warnings } = await merge(goldenPath('base-llama'), [[goldenPath('tokens'), 0.5]], join(folder, 'half'));
  expect(warnings).toMatchObject([
    { code: 'adapters.replacedWhole', params: { tensor: 'model.embed_tokens.weight', count: 1, weight: 0.5 } },
  ]);
  const problem = await errorOf(merge(goldenPath('base-llama'), [[goldenPath('tokens'), -1]], join(folder, 'less')));
  expect(problem).toMatchObject({ code: 'adapters.badOption', params: { option: 'weight' } });
  expect(await readdir(folder)).toEqual(['half']);
});

test('a GGUF base in parts is merged into one file', async () => {
  const folder = temporaryFolder();
  const at = (name: string): string => join(folder, name);
  const base = await tinyFolder({ dtype: 'F32' });
  const adapter = await randomAdapter(at('adapter'), modules);
  await quantize(base, at('base.gguf'), 'F32', { format: 'gguf' });
  await merge(at('base.gguf'), [[adapter, 1]], at('whole.gguf'));
  const header = await readGguf(memorySource(await readFile(at('base.gguf'))));
  const parts = planGgufSplit({ metadata: header.metadata, tensors: header.tensors }, 'parts', 100_000);
  expect(parts.length).toBeGreaterThan(1);
  const stored = await tensorsOf(at('base.gguf'));
  for (const { fileName, header: head, tensors, totalBytes } of parts) {
    const file = new Uint8Array(totalBytes);
    file.set(head);
    for (const { name, offset } of tensors) file.set(stored.get(name)?.bytes ?? new Uint8Array(), offset);
    await writeFile(at(fileName), file);
  }
  await merge(at(parts[1]?.fileName ?? ''), [[adapter, 1]], at('merged.gguf'));
  expect(await tensorsOf(at('merged.gguf'))).toEqual(await tensorsOf(at('whole.gguf')));

  // With a part gone nothing is written.
  await rm(at(parts[0]?.fileName ?? ''));
  const before = await readdir(folder);
  const problem = await errorOf(merge(at(parts[1]?.fileName ?? ''), [[adapter, 1]], at('again.gguf')));
  expect(problem).toMatchObject({ code: 'disk.missing', params: { path: at(parts[0]?.fileName ?? '') } });
  expect(await readdir(folder)).toEqual(before);
});

test.for(['Q8_0', 'Q4_0'] as const)('a %s base is decoded, changed in float32, and coded once more', async (type) => {
  const folder = temporaryFolder();
  const [base, out] = [join(folder, 'base.gguf'), join(folder, 'merged.gguf')];
  await quantize(await tinyFolder({ family: 'qwen2' }), base, type, { format: 'gguf' });
  const adapter = await randomAdapter(join(folder, 'adapter'), modules);
  const { warnings } = await merge(base, [[adapter, 1]], out);
  expect(warnings.map(({ code }) => code)).toContain('quantize.requantized');
  const [before, after, factors] = [
    await tensorsOf(base),
    await tensorsOf(out),
    await tensorsOf(join(adapter, 'adapter_model.safetensors')),
  ];
  const changed = new Set<string>();
  const names = new Map([
    ['self_attn.q_proj', 'attn_q'],
    ['mlp.down_proj', 'ffn_down'],
  ]);
  for (const [path, outputs, inputs] of modules) {
    const [, layer, module] = /layers\.(\d)\.(.+)/.exec(path) ?? [];
    const name = `blk.${layer}.${names.get(module ?? '')}.weight`;
    const [old, made] = [before.get(name), after.get(name)];
    const [a, b] = ['A', 'B'].map((half) => factors.get(`base_model.model.${path}.lora_${half}.weight`));
    if (old === undefined || made === undefined || a === undefined || b === undefined) throw new Error(`there is no ${name}`);
    const [left, right] = [valuesOf(b), valuesOf(a)];
    const wanted = (await decoded(old)).map((value, at) => {
      let sum = 0;
      for (let r = 0; r < 4; r += 1) sum += (left[Math.floor(at / inputs) * 4 + r] ?? 0) * (right[r * inputs + (at % inputs)] ?? 0);
      return value + 2 * sum;
    });
    const coded = new Uint8Array(made.bytes.length);
    await native.ggmlQuantize(wanted, old.type, inputs, coded);
    const expected = await decoded({ ...old, bytes: coded });
    expect({ type: made.type, shape: made.shape }).toEqual({ type: old.type, shape: [outputs, inputs] });
    // A sum that rounds another way may move a code by one step.
    expect(relativeDistance(await decoded(made), expected)).toBeLessThan(type === 'Q8_0' ? 1e-3 : 1e-2);
    changed.add(name);
  }
  for (const [name, stored] of after) if (!changed.has(name)) expect({ name, stored }).toEqual({ name, stored: before.get(name) });
});

test('a base in BF16 is rounded once', async () => {
  const folder = temporaryFolder();
  const base = await tinyFolder({ dtype: 'BF16' });
  const adapter = await randomAdapter(join(folder, 'adapter'), modules.slice(0, 1));
  await merge(base, [[adapter, 1]], join(folder, 'merged'));
  await quantize(base, join(folder, 'single'), 'F32', { format: 'hf' });
  await merge(join(folder, 'single'), [[adapter, 1]], join(folder, 'exact'));
  const name = `${modules[0]?.[0]}.weight`;
  const [rounded, exact] = [(await weightsIn(join(folder, 'merged'))).get(name), (await weightsIn(join(folder, 'exact'))).get(name)];
  if (rounded === undefined || exact === undefined) throw new Error('it is gone');
  expect(rounded.type).toBe('BF16');
  const expected = new Uint8Array(rounded.bytes.length);
  await native.cast('F32', exact.bytes, 'BF16', expected);
  expect(rounded.bytes).toEqual(expected);
});

describe('a tied model', () => {
  test('gets an output matrix of its own where the embedding alone is changed', async () => {
    const folder = temporaryFolder();
    const base = await tinyFolder({ dtype: 'F32', tiedEmbeddings: true });
    const old = (await weightsIn(base)).get('model.embed_tokens.weight');
    const rows = old?.shape[0] ?? 0;
    const adapter = await randomAdapter(join(folder, 'adapter'), [['model.embed_tokens', 64, rows]]);
    await merge(base, [[adapter, 1]], join(folder, 'merged'));
    const made = await weightsIn(join(folder, 'merged'));
    expect(made.get('lm_head.weight')).toEqual(old);
    expect(made.get('model.embed_tokens.weight')).not.toEqual(old);
    expect(JSON.parse(await readFile(join(folder, 'merged', 'config.json'), 'utf8'))).toMatchObject({ tie_word_embeddings: false });

    await quantize(base, join(folder, 'base.gguf'), 'F32', { format: 'gguf' });
    await merge(join(folder, 'base.gguf'), [[adapter, 1]], join(folder, 'merged.gguf'));
    const gguf = await tensorsOf(join(folder, 'merged.gguf'));
    expect(gguf.get('output.weight')?.bytes).toEqual(old?.bytes);
    expect(gguf.get('token_embd.weight')?.bytes).toEqual(made.get('model.embed_tokens.weight')?.bytes);
  });

  test('keeps one matrix where the adapter means both', async () => {
    const folder = temporaryFolder();
    const base = await tinyFolder({ dtype: 'F32', tiedEmbeddings: true });
    const rows = (await weightsIn(base)).get('model.embed_tokens.weight')?.shape[0] ?? 0;
    const adapter = await randomAdapter(join(folder, 'adapter'), [['model.embed_tokens', 64, rows]], { ensure_weight_tying: true });
    await merge(base, [[adapter, 1]], join(folder, 'merged'));
    expect((await weightsIn(join(folder, 'merged'))).has('lm_head.weight')).toBe(false);
  });

  test('of a family that has one matrix in GGUF cannot be parted there', async () => {
    const folder = temporaryFolder();
    const base = await tinyFolder({ family: 'gemma', tiedEmbeddings: true });
    const rows = (await weightsIn(base)).get('model.embed_tokens.weight')?.shape[0] ?? 0;
    const adapter = await randomAdapter(join(folder, 'adapter'), [['model.embed_tokens', 64, rows]]);
    const merged = merge(base, [[adapter, 1]], join(folder, 'merged.gguf'), { target: 'F16', format: 'gguf' });
    expect(await errorOf(merged)).toMatchObject({ code: 'adapters.cannotUntie' });
  });
});

describe('refuses, and writes nothing:', () => {
  const q = 'model.layers.0.self_attn.q_proj';
  const half = (rows: number, columns: number, seed = 1) => [[rows, columns], randomValues(rows * columns, seed)] as const;
  const lora = (path: string, inputs: number, outputs: number) => ({
    [`${path}.lora_A.weight`]: half(4, inputs),
    [`${path}.lora_B.weight`]: half(outputs, 4),
  });
  const cases: readonly (readonly [
    string,
    Parameters<typeof writePeft>[2],
    Readonly<Record<string, unknown>>,
    string,
    Readonly<Record<string, unknown>>,
  ])[] = [
    ['another model’s names', lora('model.layers.7.self_attn.q_proj', 64, 64), {}, 'adapters.noSuchWeight', { count: 1 }],
    [
      'another model’s shapes',
      lora(q, 128, 64),
      {},
      'adapters.baseMismatch',
      { tensor: `${q}.weight`, shape: '[64, 128]', baseShape: '[64, 64]' },
    ],
    ['the output matrix of a tied model', lora('lm_head', 64, 10), {}, 'adapters.tiedHead', { tensor: 'lm_head.weight' }],
    ['a bias where there is none', { ...lora(q, 64, 64), [`${q}.lora_B.bias`]: [[64], randomValues(64, 1)] }, {}, 'adapters.noBias', {}],
    ['another vocabulary', { 'model.embed_tokens.weight': half(9999, 64) }, {}, 'adapters.otherVocabulary', { rows: 9999 }],
    [
      'numbers that are none',
      { ...lora(q, 64, 64), [`${q}.lora_B.weight`]: [[64, 4], new Float32Array(256).fill(Number.NaN)] },
      {},
      'adapters.notFinite',
      { tensor: `base_model.model.${q}.lora_B.weight` },
    ],
    ['alpha 0', lora(q, 64, 64), { lora_alpha: 0 }, 'adapters.zeroAlpha', {}],
    ['a missing half', { [`${q}.lora_A.weight`]: half(4, 64) }, {}, 'adapters.missingHalf', { missing: `${q}.lora_B.weight` }],
    [
      'tokens beyond the vocabulary',
      { 'model.embed_tokens.token_adapter.trainable_tokens_delta': half(1, 64) },
      { trainable_token_indices: [100_000] },
      'adapters.otherVocabulary',
      { rows: 100_001 },
    ],
  ];
  test.for(cases)('%s', async ([, tensors, config, code, params]) => {
    const folder = temporaryFolder();
    const adapter = await writePeft(join(folder, 'adapter'), { r: 4, lora_alpha: 8, ...config }, tensors);
    expect(await errorOf(merge(await tinyFolder({ tiedEmbeddings: true }), [[adapter, 1]], join(folder, 'merged')))).toMatchObject({
      code,
      params,
    });
    expect(await readdir(folder)).toEqual(['adapter']);
  });

  test('an adapter of another architecture', async () => {
    const folder = temporaryFolder();
    const [llama, qwen] = [await tinyFolder({ dtype: 'F32' }), await tinyFolder({ family: 'qwen2', dtype: 'F32' })];
    await quantize(qwen, join(folder, 'qwen.gguf'), 'F16', { format: 'gguf' });
    const adapter = await randomAdapter(join(folder, 'peft'), modules);
    const { convertAdapter } = await import('#engine/lora/convert-adapter.ts');
    await using base = await openQuantizable(llama, 'base');
    await using opened = await openAdapter(adapter, 'a');
    await convertAdapter(opened, base.model, 'gguf', join(folder, 'llama adapter.gguf'), neverAborted);
    const problem = await errorOf(merge(join(folder, 'qwen.gguf'), [[join(folder, 'llama adapter.gguf'), 1]], join(folder, 'out.gguf')));
    expect(problem).toMatchObject({ code: 'adapters.otherArchitecture', params: { adapter: 'llama', base: 'qwen2' } });
  });

  test('a quantized folder that is to stay as it is', async () => {
    const folder = temporaryFolder();
    await quantize(await tinyFolder(), join(folder, 'base'), 'int8');
    const adapter = await randomAdapter(join(folder, 'adapter'), modules);
    expect(await errorOf(merge(join(folder, 'base'), [[adapter, 1]], join(folder, 'out')))).toMatchObject({
      code: 'adapters.packedFolder',
    });
    await merge(join(folder, 'base'), [[adapter, 1]], join(folder, 'out'), { target: 'F16', format: 'hf' });
    expect(await readdir(folder)).toContain('out');
  });
});

test('goes on with an interrupted merge only where adapters and weights are the same', async () => {
  const folder = temporaryFolder();
  const base = await tinyFolder({ dtype: 'F32', layerCount: 6 });
  const adapter = await randomAdapter(join(folder, 'adapter'), modules);
  await using model = await openQuantizable(base, basename(base));
  await using opened = await openAdapter(adapter, 'a');
  const run = async (weight: number, out: string, stop?: AbortController) => {
    const signal = stop?.signal ?? neverAborted;
    const prepared = await prepareMerge(model, [{ opened, weight }], { version: '1' }, neverAborted);
    let written = 0;
    const progress = (done: number): void => {
      written += 1;
      if (written === 12 && done > 0) stop?.abort();
    };
    return executeMerge({ prepared, outputPath: out, kernels: native, signal, progress, threads: 1, syncMs: 0 });
  };
  await run(1, join(folder, 'one'));
  await run(2, join(folder, 'two'));
  for (const weight of [1, 2]) {
    await expect(run(1, join(folder, `again ${weight}`), new AbortController())).rejects.toMatchObject({ name: 'AbortError' });
    const { resumed } = await run(weight, join(folder, `again ${weight}`));
    expect(resumed > 0).toBe(weight === 1);
    expect(await weightsIn(join(folder, `again ${weight}`))).toEqual(await weightsIn(join(folder, weight === 1 ? 'one' : 'two')));
  }
});
