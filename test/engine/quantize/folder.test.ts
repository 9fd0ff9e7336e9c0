import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { QuantizationRequest } from '#core/quantize/planner.ts';
import type { ExecuteOptions } from '#engine/quantize/execute.ts';
import { tinyFolder } from '#test/fixtures.ts';
import { errorOf } from '#test/expect-error.ts';
import { randomCalibration } from './calibrations.ts';
import { dequantize } from './dequantize.ts';
import { quantize, temporaryFolder, tensor, tensorsOf, valuesOf } from './quantize.ts';

const root = temporaryFolder();
afterAll(() => rm(root, { recursive: true }));

const folder = await tinyFolder();
const floats = join(root, 'floats.gguf');
await quantize(folder, floats, 'F32');
const originals = await tensorsOf(floats);
const inputsOf = (name: string): number => tensor(originals, name).shape.at(-1) ?? 0;
const calibration = randomCalibration(inputsOf);
const weights = (made: string) => tensorsOf(join(made, 'model.safetensors'));

/** The tensors of a quantized folder as F32, once more through the program: under GGUF's names, in its order of rows. */
async function decoded(made: string): Promise<ReadonlyMap<string, Float32Array>> {
  const path = `${made}.gguf`;
  await quantize(made, path, 'F32', {}, { chunkElements: 500 });
  const found = await tensorsOf(path);
  await rm(path);
  return new Map(await Promise.all([...found].map(async ([name, stored]) => [name, await valuesOf(stored)] as const)));
}

const targets = [
  ['int8', {}, {}],
  ['int8-zp', {}, {}],
  ['nf4', {}, {}],
  ['nf4', { blockSize: 4096 }, {}],
  ['nf4-dq', { blockSize: 32 }, {}],
  ['fp4', { blockSize: 128 }, {}],
  ['gptq-4', { groupSize: 32 }, { bits: 4 }],
  ['gptq-4', { symmetric: false, groupSize: -1 }, { bits: 4, zeroOffset: 0 }],
  ['gptq-3', { groupSize: 32, symmetric: false, actOrder: true }, { bits: 3, zeroOffset: 0 }],
  ['gptq-2', { groupSize: 32, mseExponent: 2.4 }, { bits: 2 }],
  ['gptq-8', { checkpointFormat: 'gptq_v2' }, { bits: 8, zeroOffset: 0 }],
] as const satisfies readonly (readonly [QuantizationRequest['target'], QuantizationRequest['options'], object])[];

/** In GGUF the rows of q and k lie in another order; these do not move. */
const still = [
  ['model.layers.0.self_attn.v_proj', 'blk.0.attn_v.weight'],
  ['model.layers.1.self_attn.o_proj', 'blk.1.attn_output.weight'],
  ['model.layers.0.mlp.gate_proj', 'blk.0.ffn_gate.weight'],
  ['model.layers.1.mlp.down_proj', 'blk.1.ffn_down.weight'],
] as const;

describe.each(targets)('a folder of %s %j', (target, options, reading) => {
  const made = join(root, `made ${target} ${JSON.stringify(options).replaceAll(/[":{}]/g, ' ')}`);
  const run = (path: string, more: Partial<ExecuteOptions> = {}) =>
    quantize(folder, path, target, { format: 'hf', options }, { calibration, chunkElements: 700, ...more });

  it('holds what its format’s definition reads as nearly the original, as far off as was measured', async () => {
    const { tensors, plan } = await run(made);
    const stored = await weights(made);
    for (const [module, name] of still) {
      const original = await valuesOf(tensor(originals, name));
      const restored = dequantize(stored, module, reading);
      let [error, norm] = [0, 0];
      for (const [i, value] of original.entries()) {
        error += (value - (restored[i] ?? NaN)) ** 2;
        norm += value ** 2;
      }
      const measured = tensors.find((each) => each.name === `${module}.weight`)?.relativeError;
      expect(measured).toBeCloseTo(Math.sqrt(error / norm), 5);
      expect(measured).toBeLessThan(target === 'gptq-2' ? 0.8 : target === 'gptq-3' ? 0.4 : 0.2);
      expect(measured).toBeGreaterThan(0.0005);
    }
    expect(tensors.length).toBe(14);
    const sizes = await Promise.all((await readdir(made)).map(async (name) => (await readFile(join(made, name))).byteLength));
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(plan.sizeBytes);
  });

  it('is read back by Lathe as its format’s definition says, value by value', async () => {
    const values = await decoded(made);
    const stored = await weights(made);
    for (const [module, name] of still) expect(values.get(name)).toEqual(dequantize(stored, module, reading));
    // What was not quantized is what it was, but for the half precision that GPTQ wants.
    const embedding = await valuesOf(tensor(originals, 'token_embd.weight'));
    const kept = values.get('token_embd.weight') ?? new Float32Array();
    for (const [i, value] of kept.entries()) expect(Math.abs(value - (embedding[i] ?? NaN))).toBeLessThan(1e-4);
  });

  it('keeps the tokenizer as it is, and says how it is quantized', async () => {
    for (const name of ['tokenizer.json', 'tokenizer_config.json', 'generation_config.json'])
      expect(Buffer.compare(await readFile(join(made, name)), await readFile(join(folder, name)))).toBe(0);
    const config = JSON.parse(await readFile(join(made, 'config.json'), 'utf8')) as Record<string, { quant_method?: string }>;
    expect(config['quantization_config']?.quant_method).toMatch(/^(bitsandbytes|gptq|compressed-tensors)$/);
  });

  it('is the same whatever the chunks and threads', async () => {
    const again = `${made} again`;
    await run(again, { chunkElements: 2 ** 21, threads: 4 });
    expect(Buffer.compare(await readFile(join(again, 'model.safetensors')), await readFile(join(made, 'model.safetensors')))).toBe(0);
  });
});

describe('GPT-2, whose matrices are stored turned', () => {
  it.each(['int8', 'nf4-dq', 'gptq-4'] as const)('in %s is [out, in], and what comes back is [in, out] again', async (target) => {
    const source = await tinyFolder({ family: 'gpt2' });
    const path = join(root, `gpt2 ${target}`);
    const inputs = (name: string): number => (name.includes('ffn_down') ? 96 : 64);
    await quantize(source, path, target, { options: { groupSize: 32 } }, { calibration: randomCalibration(inputs), chunkElements: 500 });
    const module = 'transformer.h.1.mlp.c_fc';
    const restored = dequantize(await weights(path), module);
    const back = join(root, `gpt2 ${target} back`);
    await quantize(path, back, 'F32', { format: 'hf' }, { chunkElements: 500 });
    const { shape, bytes } = tensor(await weights(back), `${module}.weight`);
    expect(shape).toEqual([64, 96]);
    const values = new Float32Array(bytes.buffer);
    for (const [i, value] of values.entries()) expect(value).toBe(restored[(i % 96) * 64 + Math.floor(i / 96)]);
    // And in GGUF it is [out, in], as the original would be.
    const gguf = join(root, `gpt2 ${target}.gguf`);
    await quantize(path, gguf, 'F32');
    expect(new Float32Array(tensor(await tensorsOf(gguf), 'blk.1.ffn_up.weight').bytes.buffer)).toEqual(restored);
  });
});

describe('GPTQ', () => {
  it('goes through the model in the order in which it computes, and tells what each tensor has become', async () => {
    const log: string[] = [];
    await quantize(
      folder,
      join(root, 'order'),
      'gptq-4',
      { options: { groupSize: 32 } },
      { calibration: randomCalibration(inputsOf, log) },
    );
    const parts = ['attn_q', 'attn_k', 'attn_v', 'attn_output', 'ffn_gate', 'ffn_up', 'ffn_down'];
    const expected = [0, 1].flatMap((layer) =>
      parts.flatMap((part) => [`blk.${layer}.${part}.weight`, `blk.${layer}.${part}.weight replaced`]),
    );
    expect(log).toEqual(expected);
    const once: string[] = [];
    await quantize(
      folder,
      join(root, 'once'),
      'gptq-4',
      { options: { groupSize: 32, trueSequential: false } },
      { calibration: randomCalibration(inputsOf, once) },
    );
    expect(once.filter((entry) => entry.endsWith('replaced'))).toEqual([]);
  });

  it('names a Hessian of the wrong size, and goes on without one that is of no use, but says so', async () => {
    const small = { hessian: async () => new Float32Array(9) };
    expect(await errorOf(quantize(folder, join(root, 'small'), 'gptq-4', {}, { calibration: small }))).toMatchObject({
      code: 'quantize.badHessian',
      params: { found: 9 },
    });
    const broken = { hessian: async (name: string) => new Float32Array(inputsOf(name) ** 2).fill(NaN) };
    const made = await quantize(folder, join(root, 'broken'), 'gptq-4', {}, { calibration: broken });
    expect(made.warnings).toEqual([
      { code: 'quantize.roundedToNearest', params: { tensor: 'model.layers.0.self_attn.q_proj.weight', count: 14 } },
    ]);
  });
});

describe('GPTQ in GGUF', () => {
  it.each([
    ['gptq-4', { groupSize: 32 }, 'Q4_0'],
    ['gptq-4', { groupSize: 64, symmetric: false }, 'Q5_0'],
    ['gptq-4', { groupSize: 32, actOrder: true, staticGroups: true }, 'Q4_0'],
    ['gptq-3', { groupSize: 32, symmetric: false }, 'Q4_0'],
    ['gptq-2', { groupSize: -1 }, 'Q4_0'],
    ['gptq-8', { groupSize: 32 }, 'Q8_0'],
  ] as const)('%s %j of another’s folder is %s bit for bit', async (target, options, type) => {
    const theirs = join(root, `theirs ${target} ${JSON.stringify(options).replaceAll(/[":{}]/g, ' ')}`);
    await quantize(folder, theirs, target, { format: 'hf', options }, { calibration });
    const path = `${theirs} exact.gguf`;
    const { plan, tensors } = await quantize(theirs, path, target, { format: 'gguf' });
    const values = await decoded(theirs);
    const found = await tensorsOf(path);
    let exact = 0;
    for (const { name, to, why } of plan.tensors) {
      if (why === 'exact') {
        expect(to).toBe(type);
        exact += 1;
      }
      // The rows of q and k too, which change places on the way.
      expect(await valuesOf(tensor(found, name))).toEqual(values.get(name));
    }
    expect(exact).toBe(14);
    expect(plan.warnings).toEqual([]);
    expect(tensors.every(({ relativeError }) => relativeError === 0)).toBe(true);
  });

  it('is made at once as well: the same blocks as by way of a folder, where scales are positive', async () => {
    const [theirs, path, direct] = [join(root, 'by way'), join(root, 'by way.gguf'), join(root, 'direct.gguf')];
    const options = { groupSize: 32, symmetric: false };
    await quantize(folder, theirs, 'gptq-4', { format: 'hf', options }, { calibration });
    await quantize(theirs, path, 'gptq-4', { format: 'gguf' });
    await quantize(folder, direct, 'gptq-4', { format: 'gguf', options }, { calibration });
    const [left, right] = [await tensorsOf(path), await tensorsOf(direct)];
    for (const [name, { type, bytes }] of left) if (type === 'Q5_0') expect(Buffer.compare(bytes, tensor(right, name).bytes)).toBe(0);
    expect([...left.values()].filter(({ type }) => type === 'Q5_0').length).toBe(14);
  });

  it('cannot hold groups that act-order scattered: it says so, and takes the nearest', async () => {
    const theirs = join(root, 'scattered');
    await quantize(folder, theirs, 'gptq-4', { format: 'hf', options: { groupSize: 32, actOrder: true } }, { calibration });
    const path = join(root, 'scattered.gguf');
    const { plan, tensors } = await quantize(theirs, path, 'gptq-4', { format: 'gguf' });
    expect(plan.warnings).toEqual([{ code: 'quantize.inexact', params: { count: 14, reason: 'scattered groups', type: 'Q8_0' } }]);
    expect(tensors.length).toBe(14);
    for (const { to, relativeError } of tensors) {
      expect(to).toBe('Q8_0');
      expect(relativeError).toBeLessThan(0.01);
    }
  });

  it('under a mix of its own type stays exact where the mix allows', async () => {
    const theirs = join(root, 'theirs for mix');
    await quantize(folder, theirs, 'gptq-4', { format: 'hf', options: { groupSize: 32 } }, { calibration });
    const path = join(root, 'mix.gguf');
    const { plan } = await quantize(theirs, path, 'Q4_0');
    const values = await decoded(theirs);
    const found = await tensorsOf(path);
    const exact = plan.tensors.filter(({ why }) => why === 'exact');
    expect(exact.length).toBe(14);
    for (const { name } of exact) expect(await valuesOf(tensor(found, name))).toEqual(values.get(name));
    expect(tensor(found, 'token_embd.weight').type).toBe('Q8_0');
  });

  it('whose groups are damaged is refused before anything is written', async () => {
    const theirs = join(root, 'damaged');
    await quantize(folder, theirs, 'gptq-4', { format: 'hf', options: { groupSize: 32 } }, { calibration });
    const path = join(theirs, 'model.safetensors');
    const bytes = await readFile(path);
    const { offset } = await placeOf(path, 'model.layers.0.mlp.up_proj.g_idx');
    bytes.writeInt32LE(2, offset);
    await writeFile(path, bytes);
    expect(await errorOf(quantize(theirs, join(root, 'damaged.gguf'), 'F16'))).toMatchObject({ code: 'quantize.badPackedWeight' });
  });
});

/** Where a tensor's data begins, from the header itself. */
async function placeOf(path: string, name: string): Promise<{ offset: number }> {
  const file = await readFile(path);
  const length = Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.subarray(8, 8 + length).toString()) as Record<string, { data_offsets: [number, number] }>;
  return { offset: 8 + length + (header[name]?.data_offsets[0] ?? NaN) };
}
