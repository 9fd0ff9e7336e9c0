import { describe, expect, it } from 'vitest';
import { memorySource } from '#core/byte-source.ts';
import { AppError } from '#core/errors/index.ts';
import { readGguf } from '#core/gguf/read.ts';
import { planGguf } from '#core/gguf/write.ts';
import { ggufModel } from '#core/quantize/model.ts';
import { mixes, type MixName } from '#core/quantize/mixes.ts';
import type { QuantizationPlan } from '#core/quantize/plan.ts';
import { zeroFilled } from '#test/byte-source.ts';
import { errorOf } from '#test/expect-error.ts';
import { plan, tensorOf, tinyQuantizable, tinyRequest } from './models.ts';

const wide = { embeddingLength: 256, feedForwardLength: 512, tiedEmbeddings: false };

/** The file that a GGUF plan stands for, its data zero. */
function fileOf({ output }: QuantizationPlan): Uint8Array {
  if (output.format !== 'gguf') throw new Error('no GGUF');
  const layout = planGguf(output);
  return zeroFilled(layout.header, layout.totalBytes);
}

const warningsOf = (made: QuantizationPlan): string[] => made.warnings.map(({ code }) => code);

describe('a plan for GGUF', () => {
  it.each(Object.keys(mixes) as MixName[])('of %s is exact to the byte, tensor by tensor', async (mix) => {
    for (const shape of [{}, wide]) {
      const made = plan(tinyQuantizable(shape), mix);
      const file = fileOf(made);
      expect(made.sizeBytes).toBe(file.byteLength);
      const header = await readGguf(memorySource(file));
      expect(header.metadata.get('general.file_type')?.value).toBe(mixes[mix].fileType);
      expect(header.metadata.get('general.quantization_version')?.value).toBe(2);
      expect(made.tensors.map(({ name, places: { codes } }) => [name, codes?.offset, codes?.sizeBytes])).toEqual(
        header.tensors.map(({ name, offset, sizeBytes }) => [name, offset, sizeBytes]),
      );
      expect(made.tensors.map(({ to }) => to)).toEqual(header.tensors.map(({ type }) => type));
    }
  });

  it('says how many bits a weight takes: 34 bytes for 32 of Q8_0, and a little for the norms', () => {
    const made = plan(tinyQuantizable({ ...wide, layerCount: 4 }), 'Q8_0');
    expect(made.bitsPerWeight).toBeGreaterThan(8.5);
    expect(made.bitsPerWeight).toBeLessThan(8.6);
  });

  it('says which rows were too uneven for the type, and what they get', () => {
    const made = plan(tinyQuantizable(), 'Q4_K_M');
    expect(tensorOf(made, 'blk.0.attn_q.weight')).toMatchObject({
      from: 'BF16',
      to: 'Q5_0',
      why: 'fallback',
      layer: 0,
      shape: [64, 64],
      sizeBytes: 64 * 2 * 22,
    });
    expect(made.warnings).toContainEqual({ code: 'quantize.fallbackTypes', params: { count: 14, tensor: 'blk.0.attn_q.weight' } });
    expect(warningsOf(plan(tinyQuantizable(wide), 'Q4_K_M'))).not.toContain('quantize.fallbackTypes');
  });

  it('quantizes nothing that llama.cpp keeps', () => {
    const kept = plan(tinyQuantizable({ family: 'gpt2' }), 'Q4_0').tensors.filter(({ name }) => /norm|bias|position/.test(name));
    expect(kept.length).toBe(2 * 8 + 3);
    expect(kept.filter(({ to, why }) => to !== 'F32' || why !== 'kept')).toEqual([]);
  });

  it('takes the first pattern that is found in a name, in place of the mix', () => {
    const overrides = [
      { pattern: String.raw`blk\.0\.ffn_(up|down)`, type: 'q8_0' },
      { pattern: 'ffn_up', type: 'F16' },
      { pattern: 'attn_norm', type: 'Q4_0' },
    ];
    const made = plan(tinyQuantizable(wide), 'Q4_0', { options: { overrides } });
    expect(tensorOf(made, 'blk.0.ffn_up.weight')).toMatchObject({ to: 'Q8_0', why: 'override' });
    expect(tensorOf(made, 'blk.1.ffn_up.weight')).toMatchObject({ to: 'F16', why: 'override' });
    expect(tensorOf(made, 'blk.1.ffn_down.weight')).toMatchObject({ to: 'Q4_0', why: 'mix' });
    expect(tensorOf(made, 'blk.0.attn_norm.weight')).toMatchObject({ to: 'F32', why: 'kept' });
  });

  it('gives every matrix one type where no mix is wanted, and leaves the output matrix where that is wanted', () => {
    const pure = plan(tinyQuantizable(wide), 'Q4_K_M', { options: { pure: true } });
    for (const { name, to, shape } of pure.tensors) if (shape.length === 2) expect([name, to]).toEqual([name, 'Q4_K']);
    const kept = plan(tinyQuantizable(wide), 'Q4_K_M', { options: { keepOutput: true } });
    expect(tensorOf(kept, 'output.weight')).toMatchObject({ to: 'BF16', why: 'kept', encoder: { kind: 'copy' } });
  });

  it.each([
    [[{ pattern: '(', type: 'Q8_0' }], 'quantize.badPattern'],
    [[{ pattern: 'a', type: 'Q9_0' }], 'quantize.unknownType'],
    [[{ pattern: 'a', type: 'Q8_K' }], 'quantize.unknownType'],
  ])('refuses the override %j', async (overrides, code) => {
    expect((await errorOf(() => plan(tinyQuantizable(), 'Q4_0', { options: { overrides } }))).code).toBe(code);
  });

  it('names what needs an importance matrix until there is one, and uses it where it says something', () => {
    const model = tinyQuantizable(wide);
    const without = plan(model, 'IQ2_XXS');
    expect(without.tensors.filter(({ needsImatrix }) => needsImatrix).length).toBeGreaterThan(3);
    const names = without.tensors.map(({ name }) => name).filter((name) => name.startsWith('blk.0.'));
    const imatrix = { file: 'm.gguf', datasets: ['text'], chunkCount: 3, tensors: new Set(names) };
    const made = plan(model, 'IQ2_XXS', { imatrix });
    for (const { name, needsImatrix } of made.tensors) expect([name, needsImatrix && name.startsWith('blk.0.')]).toEqual([name, false]);
    expect(tensorOf(made, 'blk.0.attn_q.weight').encoder).toMatchObject({ kind: 'ggml', imatrix: 'blk.0.attn_q.weight' });
    expect(tensorOf(made, 'blk.1.attn_q.weight')).toMatchObject({ needsImatrix: true, encoder: { imatrix: undefined } });
    expect(warningsOf(made)).toContain('quantize.imatrixIncomplete');
    expect(made.output.format === 'gguf' && made.output.metadata.get('quantize.imatrix.entries_count')?.value).toBe(names.length);
    expect(made.sizeBytes).toBe(fileOf(made).byteLength);
  });

  it('takes a millisecond or so, for a model of 300 tensors', () => {
    const model = tinyQuantizable({ layerCount: 33 });
    const times = (Object.keys(mixes) as MixName[]).flatMap((mix) => {
      const start = performance.now();
      const made = plan(model, mix);
      expect(made.tensors.length).toBeGreaterThan(295);
      return performance.now() - start;
    });
    const median = times.toSorted((left, right) => left - right)[times.length >> 1];
    expect(median).toBeLessThan(5);
  });

  it('passes on why there can be none', async () => {
    const problem = { code: 'tokenizer.unsupportedText', params: {} } as const;
    const model = tinyQuantizable({}, { vocabulary: problem });
    expect((await errorOf(() => plan(model, 'Q8_0'))).code).toBe(problem.code);
    expect(plan(model, 'nf4').output.format).toBe('hf');
    expect((await errorOf(() => plan(model, 'nf4', { format: 'gguf' }))).code).toBe('quantize.formatUnavailable');
  });
});

describe('a plan for GPTQ in GGUF', () => {
  it.each([
    ['gptq-4', {}, 'Q4_0', 2],
    ['gptq-4', { symmetric: false }, 'Q5_0', 8],
    ['gptq-3', { symmetric: false }, 'Q4_0', 2],
    ['gptq-2', {}, 'Q4_0', 2],
    ['gptq-8', {}, 'Q8_0', 7],
  ] as const)('%s %j becomes %s, bit for bit', (target, options, type, fileType) => {
    const made = plan(tinyQuantizable(wide), target, { format: 'gguf', options });
    expect(made.output.format === 'gguf' && made.output.metadata.get('general.file_type')?.value).toBe(fileType);
    const linear = made.tensors.filter(({ encoder }) => encoder.kind === 'gptq');
    expect(linear.length).toBe(14);
    for (const tensor of linear) expect(tensor).toMatchObject({ to: type, why: 'mix' });
    expect(made.needsCalibration).toBe(true);
    expect(made.warnings).toEqual([]);
    expect(made.sizeBytes).toBe(fileOf(made).byteLength);
  });

  it('is as large as llama.cpp’s own Q4_0', () => {
    const model = tinyQuantizable(wide);
    expect(plan(model, 'gptq-4', { format: 'gguf' }).sizeBytes).toBe(plan(model, 'Q4_0').sizeBytes);
  });

  it('stays exact where settings would not be, and says so', () => {
    const scattered = plan(tinyQuantizable(wide), 'gptq-4', { format: 'gguf', options: { actOrder: true } });
    expect(scattered.warnings).toEqual([{ code: 'quantize.staticGroupsForGguf', params: {} }]);
    expect(tensorOf(scattered, 'blk.0.attn_q.weight')).toMatchObject({
      to: 'Q4_0',
      encoder: { settings: { actOrder: true, staticGroups: true } },
    });
    const eight = plan(tinyQuantizable(wide), 'gptq-8', { format: 'gguf', options: { symmetric: false } });
    expect(eight.warnings).toEqual([{ code: 'quantize.symmetricForGguf', params: {} }]);
  });

  it('holds one Hessian and one matrix at a time: memory does not grow with the layers', () => {
    const memory = (layerCount: number): number => plan(tinyQuantizable({ ...wide, layerCount }), 'gptq-4', { format: 'gguf' }).memoryBytes;
    expect(memory(8)).toBe(memory(2));
  });
});

describe('a plan for a GGUF file', () => {
  const ggufOf = async (mix: MixName) =>
    ggufModel([['a.gguf', await readGguf(memorySource(fileOf(plan(tinyQuantizable(wide), mix)), 'a.gguf'))]]);

  it('from F16 is what it is from the folder', async () => {
    const direct = plan(tinyQuantizable({ ...wide, dtype: 'F16' }), 'Q4_K_M');
    const file = ggufModel([['a.gguf', await readGguf(memorySource(fileOf(plan(tinyQuantizable({ ...wide, dtype: 'F16' }), 'F16'))))]]);
    const made = plan(file, 'Q4_K_M');
    expect(made.tensors.map(({ name, to, sizeBytes }) => [name, to, sizeBytes])).toEqual(
      direct.tensors.map(({ name, to, sizeBytes }) => [name, to, sizeBytes]),
    );
    expect(made.sizeBytes).toBe(direct.sizeBytes);
    expect(made.warnings).toEqual([]);
    for (const { encoder, why } of made.tensors) if (why === 'kept') expect(encoder.kind).toBe('copy');
  });

  it('says plainly that quantizing again adds to the loss, and copies what is right already', async () => {
    const made = plan(await ggufOf('Q4_K_M'), 'Q4_K_S');
    expect(made.warnings).toContainEqual({
      code: 'quantize.requantized',
      params: { count: expect.any(Number), from: expect.stringContaining('Q6_K') },
    });
    expect(tensorOf(made, 'blk.0.ffn_up.weight')).toMatchObject({ from: 'Q4_K', to: 'Q4_K', encoder: { kind: 'copy' } });
  });

  it('cannot be a Hugging Face folder', async () => {
    expect(await errorOf(async () => plan(await ggufOf('F16'), 'nf4'))).toMatchObject({ code: 'quantize.needsFolder' });
  });

  it('is refused where it is no model', async () => {
    const made = plan(tinyQuantizable(), 'F16');
    if (made.output.format !== 'gguf') throw new AppError('request.cancelled', {});
    const metadata = new Map([...made.output.metadata, ['general.type', { type: 'str', value: 'imatrix' }] as const]);
    const layout = planGguf({ ...made.output, metadata });
    const header = await readGguf(memorySource(zeroFilled(layout.header, layout.totalBytes)));
    expect((await errorOf(() => ggufModel([['a.gguf', header]]))).code).toBe('quantize.notAModel');
  });
});

describe('a model that does not fit its configuration', () => {
  it('is refused before anything is planned', async () => {
    const { tensors, ...request } = tinyRequest();
    expect((await errorOf(() => tinyQuantizable({}, { ...request, tensors: tensors.slice(1) }))).code).toBe('model.missingTensor');
  });
});
