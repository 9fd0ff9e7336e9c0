import { mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Job } from '#contract/jobs.ts';
import type { QualityCard, Recipe } from '#contract/quantize.ts';
import { emptyHome, lathe, latheJson } from './program.ts';

type ResultOf<K extends string> = Extract<Job['result'], { readonly kind: K }>;

/** The whole way on the real program and engine: recipes, importance matrix, every kind of target, measuring again. */
describe('the command line quantizes a model that it makes itself', () => {
  let home: string;
  let folder: string;
  const run = (...args: string[]): Promise<unknown> => latheJson(home, args, folder);
  const quantize = (...args: string[]) => run('quantize', 'Demo', ...args) as Promise<ResultOf<'quantize'>>;
  /** Against the folder, on the test's own text. */
  const measure = (model: string) =>
    run('quality', model, '--against', 'Demo', '--text', 'text.txt', '--context', '64', '--windows', '4') as Promise<QualityCard>;

  beforeAll(async () => {
    home = await emptyHome(afterAll);
    folder = join(home, 'a folder ü 中文');
    await mkdir(folder);
    await writeFile(
      join(folder, 'text.txt'),
      'Once upon a time there was a small house in the wood. The cat sat on the mat and slept. '.repeat(60),
    );
    await run('demo', 'Demo');
  });

  test('recipes lists floats, mixes and packed formats; none is measured yet', async () => {
    const recipes = (await run('recipes', 'Demo')) as (Recipe & { card: QualityCard | null })[];
    const of = (target: string, format: string) => recipes.find((recipe) => recipe.target === target && recipe.format === format);
    expect(of('Q8_0', 'gguf')).toMatchObject({ needsCalibration: false, problem: null, card: null });
    expect(of('gptq-4', 'hf')).toMatchObject({ needsCalibration: true, problem: null });
    expect(of('nf4', 'hf')?.sizeBytes).toBeLessThan(of('F16', 'gguf')?.sizeBytes ?? 0);
    expect(of('IQ1_S', 'gguf')).toMatchObject({ needsImatrix: true });
  });

  test('Q8_0: the size that was promised, a model in the library, and next to nothing lost', async () => {
    const recipes = (await run('recipes', 'Demo')) as Recipe[];
    const result = await quantize('--to', 'q8_0', '--out', 'demo q8.gguf', '--quality-windows', '2');
    const path = join(folder, 'demo q8.gguf');
    expect(result).toMatchObject({ path, cardProblem: null, resumedTensors: 0 });
    const { size } = await stat(path);
    expect(size).toBe(recipes.find(({ target }) => target === 'Q8_0')?.sizeBytes);
    expect(result.sizeBytes).toBe(size);
    expect(await run('inspect', result.modelId)).toMatchObject({
      model: { name: 'Demo-Q8_0', path, facts: { quantization: 'Q8_0' } },
      lineage: { parents: [{ name: 'Demo', role: 'source' }], recipe: { kind: 'quantize', target: 'Q8_0', format: 'gguf' } },
    });
    const card = result.card;
    if (card === null) throw new Error('It was not measured.');
    expect(card.measure).toMatchObject({ contextLength: 512, windows: 2 });
    expect(card.measure.meanKl).toBeGreaterThan(0);
    expect(card.measure.meanKl).toBeLessThan(0.01);
    expect(card.measure.topOneAgreement).toBeGreaterThan(0.9);
    expect(card.measure.perplexity / card.measure.sourcePerplexity).toBeCloseTo(1, 1);
    expect(card.measure.samples.length).toBeGreaterThan(0);
  });

  test('nf4 is a folder that the library knows as what it is, and loses more than Q8_0 on the same text', async () => {
    const result = await quantize('--to', 'nf4', '--out', 'demo-nf4', '--block-size', '64', '--no-quality');
    expect(result).toMatchObject({ card: null, cardProblem: null });
    const names = await readdir(join(folder, 'demo-nf4'));
    expect(names).toEqual(expect.arrayContaining(['config.json', 'model.safetensors']));
    const sizes = await Promise.all(names.map(async (name) => (await stat(join(folder, 'demo-nf4', name))).size));
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(result.sizeBytes);
    expect(await run('inspect', result.modelId)).toMatchObject({ model: { kind: 'bitsandbytes', state: { status: 'ready' } } });
    const [nf4, q8] = [await measure(result.modelId), await measure('demo q8.gguf')];
    expect(nf4.measure).toMatchObject({ textName: 'text.txt', contextLength: 64, windows: 4 });
    expect(nf4.measure.meanKl).toBeGreaterThan(q8.measure.meanKl);
  });

  test('GPTQ is calibrated on the user’s text, and goes into a GGUF file that runs', async () => {
    const args = ['--calibration', 'text.txt', '--windows', '4', '--context', '64', '--group-size', '32', '--no-quality'];
    const result = await quantize('--to', 'gptq-4', '--format', 'gguf', '--out', 'demo gptq.gguf', ...args);
    const { lineage } = (await run('inspect', result.modelId)) as { lineage: unknown };
    expect(lineage).toMatchObject({ parents: [{ role: 'source' }, { name: 'text.txt', role: 'calibration' }] });
    const answer = await run('generate', 'demo gptq.gguf', '--prompt', 'Once upon a time', '--tokens', '8', '--greedy');
    expect(answer).toMatchObject({ answerTokens: 8 });
  });

  test('an importance matrix is computed, and makes the smallest types possible', async () => {
    const [windows, context] = [4, 64];
    const size = ['--windows', String(windows), '--context', String(context)];
    const matrix = (await run('calibrate', 'Demo', '--text', 'text.txt', '--out', 'imatrix.gguf', ...size)) as ResultOf<'calibrate'>;
    expect(matrix).toMatchObject({ path: join(folder, 'imatrix.gguf'), windows, tokens: windows * context });
    expect(matrix.matrices).toBeGreaterThan(0);
    const out = ['--to', 'q2_k_s', '--out', 'demo q2.gguf', '--no-quality'];
    const refused = await lathe(home, ['quantize', 'Demo', ...out, '--json'], { cwd: folder });
    expect([refused.code, (JSON.parse(refused.stderr) as { code: string }).code]).toEqual([1, 'quantize.needsImatrix']);
    const more = ['--no-quality', '--imatrix', 'imatrix.gguf', '--override', 'attn_v=F16'];
    const result = await quantize('--to', 'q2_k_s', '--out', 'demo q2 i.gguf', ...more);
    expect(result).toMatchObject({ card: null, cardProblem: null });
    const { tensors } = (await run('inspect', result.modelId, '--tensors')) as { tensors: { name: string; type: string }[] };
    expect(tensors.find(({ name }) => name === 'blk.0.attn_v.weight')?.type).toBe('F16');
  });

  test('recipes shows the newest card of each target', async () => {
    const card = await measure('demo q8.gguf');
    const recipes = (await run('recipes', 'Demo')) as (Recipe & { card: QualityCard | null })[];
    const cards = recipes.filter((recipe) => recipe.card !== null).map(({ target, format, card: found }) => [target, format, found?.id]);
    expect(cards).toEqual([
      ['Q8_0', 'gguf', card.id],
      ['nf4', 'hf', expect.any(String)],
    ]);
    const { stdout } = await lathe(home, ['recipes', 'Demo'], { cwd: folder });
    expect(stdout).toContain(card.measure.perplexity.toFixed(3));
  });

  test('the same name twice is refused, and the first file stays as it is', async () => {
    const before = (await stat(join(folder, 'demo q8.gguf'))).mtimeMs;
    const { code, stderr } = await lathe(home, ['quantize', 'Demo', '--to', 'q4_0', '--out', 'demo q8.gguf', '--json'], { cwd: folder });
    expect([code, (JSON.parse(stderr) as { code: string }).code]).toEqual([1, 'convert.outputExists']);
    expect((await stat(join(folder, 'demo q8.gguf'))).mtimeMs).toBe(before);
  });

  test('nothing unfinished lies about', async () => {
    const left = [...(await readdir(folder)), ...(await readdir(join(home, 'scratch')))];
    expect(left.filter((name) => /partial|journal|working/.test(name))).toEqual([]);
  });
});
