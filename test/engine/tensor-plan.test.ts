import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { quantizeTargets } from '#core/quantize/targets.ts';
import { errorOf } from '#test/expect-error.ts';
import { tinyFolder } from '#test/fixtures.ts';
import { temporaryFolder } from './quantize/quantize.ts';
import { finish, openTensor, options } from './tensor-client.ts';

const tensor = openTensor();
const root = temporaryFolder();
/** Rows that are multiples of 256, so that nothing falls back. */
const folder = await tinyFolder({ embeddingLength: 256, feedForwardLength: 512 });
const small = { calibrationContext: 64, calibrationWindows: 4 };

async function bytesAt(path: string): Promise<number> {
  const found = await stat(path);
  if (!found.isDirectory()) return found.size;
  const sizes = await Promise.all((await readdir(path)).map(async (name) => (await stat(join(path, name))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

const quantized = (target: string, format: 'hf' | 'gguf' | undefined, name: string, modelPath = folder, own: object = {}) =>
  finish(
    tensor.quantize({
      modelPath,
      target,
      format,
      outputPath: join(root, name),
      name: 'the tiny one',
      options: options({ ...small, ...own }),
      scratchFolder: root,
      threads: 1,
    }),
  );

describe('the recipe table', async () => {
  const rows = await tensor.recipes({ modelPath: folder, name: 'the tiny one', options: options(small) });

  it('has every target in each of its formats', () => {
    expect(new Set(rows.map(({ target }) => target))).toEqual(new Set(quantizeTargets));
    expect(new Set(rows.map(({ target, format }) => `${target} ${format}`)).size).toBe(rows.length);
    const formats = (name: string): string[] => rows.flatMap(({ target, format }) => (target === name ? [format] : []));
    expect(formats('gptq-4').toSorted()).toEqual(['gguf', 'hf']);
    expect(formats('F16').toSorted()).toEqual(['gguf', 'hf']);
    expect(formats('Q4_K_M')).toEqual(['gguf']);
    expect(formats('nf4')).toEqual(['hf']);
    expect(rows.every(({ problem }) => problem === null)).toBe(true);
  });

  it('stands in the order of the bits', () => {
    const bits = rows.map(({ bitsPerWeight }) => bitsPerWeight ?? 0);
    expect(bits).toEqual(bits.toSorted((left, right) => right - left));
  });

  it('says what needs an importance matrix, and what runs the model first', () => {
    expect(rows.filter(({ needsImatrix }) => needsImatrix).map(({ target }) => target)).toEqual(
      expect.arrayContaining(['IQ2_XXS', 'IQ1_S', 'Q2_K_S']),
    );
    expect(rows.find(({ target }) => target === 'Q4_K_M')).toMatchObject({ needsImatrix: false, needsCalibration: false });
    const calibrated = new Set(rows.filter(({ needsCalibration }) => needsCalibration).map(({ target }) => target));
    expect(calibrated).toEqual(new Set(['gptq-2', 'gptq-3', 'gptq-4', 'gptq-8', 'int8']));
  });

  it.each([
    ['Q4_K_M', 'gguf'],
    ['Q8_0', 'gguf'],
    ['int8', 'hf'],
    ['nf4-dq', 'hf'],
    ['gptq-4', 'hf'],
    ['gptq-3', 'gguf'],
    ['BF16', 'hf'],
  ] as const)('tells the size of %s as %s to the byte', async (target, format) => {
    const row = rows.find((each) => each.target === target && each.format === format);
    const plan = await tensor.plan({ modelPath: folder, name: 'the tiny one', target, format, options: options(small) });
    const made = await quantized(target, format, `size ${target} ${format}`);
    expect([row?.sizeBytes, plan.sizeBytes, made.sizeBytes]).toEqual([made.sizeBytes, made.sizeBytes, made.sizeBytes]);
    expect(await bytesAt(join(root, `size ${target} ${format}`))).toBe(made.sizeBytes);
  });

  it('says of a GGUF file that no folder can be made of it, and refuses to', async () => {
    await quantized('Q8_0', undefined, 'file.gguf');
    const file = join(root, 'file.gguf');
    const found = await tensor.recipes({ modelPath: file, options: options() });
    expect(found.find(({ target }) => target === 'nf4')).toMatchObject({ sizeBytes: null, problem: { code: 'quantize.needsFolder' } });
    expect(found.find(({ target }) => target === 'Q4_0')?.sizeBytes).toBeGreaterThan(0);
    expect((await errorOf(quantized('nf4', undefined, 'no folder', file))).code).toBe('quantize.needsFolder');
  });
});

describe('a plan', () => {
  const plan = (target: string, own: object = {}, modelPath = folder) =>
    tensor.plan({ modelPath, target, options: options({ ...small, ...own }) });

  it('takes a target in any case, and names those that there are', async () => {
    expect((await plan('q4_k_m')).target).toBe('Q4_K_M');
    expect((await plan('GPTQ-4')).target).toBe('gptq-4');
    const refused = await errorOf(plan('Q9_X'));
    expect(refused).toMatchObject({ code: 'quantize.unknownTarget', params: { target: 'Q9_X' } });
    expect(refused.params['known']).toContain('Q4_K_M');
  });

  it('says of every tensor what it becomes, and why', async () => {
    const { tensors, sizeBytes } = await plan('Q4_K_M', { overrides: [{ pattern: 'attn_v', type: 'Q8_0' }] });
    const of = (name: string) => tensors.find((each) => each.name === name);
    expect(of('blk.1.attn_v.weight')).toMatchObject({ layer: 1, shape: [128, 256], from: 'BF16', to: 'Q8_0', why: 'override' });
    expect(of('blk.0.attn_norm.weight')).toMatchObject({ to: 'F32', why: 'kept', sizeBytes: 1024 });
    expect(of('blk.0.attn_q.weight')).toMatchObject({ to: 'Q4_K', why: 'mix', sizeBytes: (256 * 256 * 4.5) / 8 });
    expect(of('token_embd.weight')).toMatchObject({ layer: null, to: 'Q6_K' });
    expect(tensors.reduce((sum, each) => sum + each.sizeBytes, 0)).toBeLessThan(sizeBytes);
  });

  it.each([
    // Two layers of four stages: q k v, o, gate up, down.
    ['true-sequential', { trueSequential: true }, 8],
    // All second moments of so small a model are taken at once.
    ['at once', { trueSequential: false }, 1],
  ] as const)('tells how often the text goes through the model, and so it does: %s', async (name, own, passes) => {
    expect(await plan('gptq-4', own)).toMatchObject({ calibrationPasses: passes });
    const { progress } = await quantized('gptq-4', 'hf', `passes ${name}`, folder, own);
    const calibrating = progress.filter(({ phase, detail }) => phase === 'quantize.calibrating' && detail !== null);
    expect(new Set(calibrating.map(({ detail }) => detail)).size).toBe(passes);
    expect(calibrating.at(-1)).toMatchObject({ amount: 4 * passes, total: 4 * passes });
  });

  it('tells the disk that the working model takes: floats of the model’s own type', async () => {
    const { scratchBytes } = await plan('gptq-4');
    expect(scratchBytes).toBe((await tensor.plan({ modelPath: folder, target: 'BF16', format: 'gguf', options: options() })).sizeBytes);
    expect((await plan('Q4_0')).scratchBytes).toBe(0);
  });

  it('tells the memory of the moments and of the logits, beside that of the weights', async () => {
    const [asked, plain] = [await plan('gptq-4', { trueSequential: false }), await plan('nf4')];
    const vocabularySize = asked.tensors.find(({ name }) => name === 'model.embed_tokens.weight')?.shape[0] ?? NaN;
    // Two layers of three moments of 256² and one of 512², in float32, twice; a window of 64.
    const moments = 2 * 2 * 4 * (3 * 256 ** 2 + 512 ** 2);
    expect(asked.memoryBytes - plain.memoryBytes).toBeGreaterThanOrEqual(moments + 2 * 4 * 64 * vocabularySize);
    // And what GPTQ does with one matrix: weights, codes, and its own moments.
    expect(asked.memoryBytes - plain.memoryBytes).toBeLessThan(moments + 2 * 4 * 64 * vocabularySize + 10 * 256 * 512 + 8 * 512 ** 2);
  });

  it('runs a GGUF file itself where nothing is written over', async () => {
    await quantized('F16', 'gguf', 'floats.gguf');
    const file = join(root, 'floats.gguf');
    expect(await plan('gptq-4', { trueSequential: false }, file).catch((error: unknown) => error)).toMatchObject({
      code: 'quantize.needsFolder',
    });
    const asked = (trueSequential: boolean) =>
      tensor.plan({ modelPath: file, target: 'gptq-4', format: 'gguf', options: options({ ...small, trueSequential }) });
    expect((await asked(false)).scratchBytes).toBe(0);
    expect((await asked(true)).scratchBytes).toBe((await stat(file)).size);
  });
});
