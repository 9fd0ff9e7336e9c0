import { mkdir, open, readdir, readFile, rm, truncate, utimes, writeFile, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { GgufHeader } from '#core/gguf/header.ts';
import { readGguf } from '#core/gguf/read.ts';
import { readImatrix } from '#core/quantize/imatrix-file.ts';
import { importanceOf } from '#core/quantize/imatrix.ts';
import { fileSource } from '#test/byte-source.ts';
import { errorOf } from '#test/expect-error.ts';
import { tinyFolder, tinyText } from '#test/fixtures.ts';
import { llamaToolsModel, llamaToolsWindow } from '#test/golden/llama-tools/model.ts';
import { native, quantize, temporaryFolder, tensor as stored, tensorsOf, valuesOf } from './quantize/quantize.ts';
import { overwrite } from './quantize/overwrite.ts';
import { finish, openTensor, options, type Progress } from './tensor-client.ts';

const tensor = openTensor();
const root = temporaryFolder();
afterAll(() => rm(root, { recursive: true, force: true }));

const shape = { embeddingLength: 256, feedForwardLength: 512, dtype: 'F32' } as const;
const folder = await tinyFolder(shape);
const small = { calibrationContext: 64, calibrationWindows: 4, groupSize: 32 } as const;

let scratchFolder: string;
let count = 0;
beforeEach(async () => {
  scratchFolder = join(root, `scratch ${(count += 1)}`);
  await mkdir(scratchFolder);
});

interface Asked {
  readonly modelPath?: string;
  readonly format?: 'hf' | 'gguf';
  readonly own?: Parameters<typeof options>[0];
}

const ask = (target: string, name: string, { modelPath = folder, format, own = {} }: Asked = {}) => ({
  modelPath,
  target,
  format,
  outputPath: join(root, name),
  name: 'tiny',
  options: options({ ...small, ...own }),
  scratchFolder,
  threads: 1,
});
const run = (...asked: Parameters<typeof ask>) => finish(tensor.quantize(ask(...asked)));

/** What is under a name or begins with it. */
const left = async (name: string): Promise<string[]> => (await readdir(root)).filter((each) => each.startsWith(name)).toSorted();
const bytesOf = (name: string): Promise<Buffer> => readFile(join(root, name));

/** Do something once when a phase is reached, and go on. */
async function during(phase: string, act: () => Promise<void>, ...asked: Parameters<typeof ask>): Promise<void> {
  let done = false;
  for await (const event of tensor.quantize(ask(...asked))) {
    if (done || event.type === 'finished' || (event as Progress).phase !== phase) continue;
    done = true;
    await act();
  }
}

/** From now on only so many more bytes can be written through file handles. Gives the way back. */
async function fillDiskAfter(bytes: number): Promise<() => void> {
  const probe = await open(join(root, 'probe'), 'w');
  await probe.close();
  const handles = Object.getPrototypeOf(probe) as Pick<FileHandle, 'write'>;
  const write = Reflect.get(handles, 'write') as (...values: unknown[]) => unknown;
  let room = bytes;
  const spy = vi.spyOn(handles, 'write').mockImplementation(function (this: FileHandle, ...values: unknown[]) {
    room -= (values[0] as Uint8Array).byteLength;
    if (room < 0)
      return Promise.reject(Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC', syscall: 'write' }));
    return write.apply(this, values) as never;
  });
  return () => spy.mockRestore();
}

describe('quantizing with a calibration', () => {
  it('tells its phases in their order, and leaves nothing but the result', async () => {
    const { progress, warnings, tensors, resumedTensors } = await run('gptq-4', 'phases.gguf', { format: 'gguf' });
    const phases = progress.map(({ phase }) => phase);
    expect(phases[0]).toBe('quantize.reading');
    expect(phases.at(-1)).toBe('quantize.checking');
    expect(new Set(phases)).toEqual(new Set(['quantize.reading', 'quantize.calibrating', 'quantize.writing', 'quantize.checking']));
    expect(warnings).toEqual([]);
    expect(resumedTensors).toBe(0);
    // Fourteen matrices of two layers, and the embedding.
    expect(tensors).toHaveLength(15);
    const errors = tensors.map(({ relativeError }) => relativeError);
    expect(errors).toEqual(errors.toSorted((one, other) => other - one));
    expect(Math.max(...errors)).toBeLessThan(0.2);
    expect(await readdir(scratchFolder)).toEqual([]);
    expect(await left('phases')).toEqual(['phases.gguf']);
  });

  it('is another file with another text, and the same with the same', async () => {
    const text = join(root, 'text.txt');
    await writeFile(text, 'the window of the evening was round and small. '.repeat(40));
    await run('gptq-4', 'own text.gguf', { format: 'gguf', own: { calibrationPath: text } });
    await run('gptq-4', 'again.gguf', { format: 'gguf', own: { calibrationPath: text } });
    await run('gptq-4', 'other text.gguf', { format: 'gguf' });
    expect(Buffer.compare(await bytesOf('own text.gguf'), await bytesOf('again.gguf'))).toBe(0);
    expect(Buffer.compare(await bytesOf('own text.gguf'), await bytesOf('other text.gguf'))).not.toBe(0);
  });

  it('true-sequential calibrates on what the weights before have become: only the first stage is the same', async () => {
    await run('gptq-2', 'sequential.gguf', { format: 'gguf' });
    await run('gptq-2', 'at once.gguf', { format: 'gguf', own: { trueSequential: false } });
    const [sequential, atOnce] = [await tensorsOf(join(root, 'sequential.gguf')), await tensorsOf(join(root, 'at once.gguf'))];
    const isSame = (name: string): boolean => Buffer.compare(stored(sequential, name).bytes, stored(atOnce, name).bytes) === 0;
    for (const part of ['attn_q', 'attn_k', 'attn_v']) expect([part, isSame(`blk.0.${part}.weight`)]).toEqual([part, true]);
    for (const name of ['blk.0.attn_output', 'blk.0.ffn_up', 'blk.1.attn_q', 'blk.1.ffn_down'])
      expect([name, isSame(`${name}.weight`)]).toEqual([name, false]);
  });

  it('is the same file from a folder and from a GGUF file of the same floats', async () => {
    const floats = join(root, 'same floats.gguf');
    await quantize(folder, floats, 'F32');
    await run('gptq-4', 'by folder.gguf', { format: 'gguf' });
    await run('gptq-4', 'by file.gguf', { format: 'gguf', modelPath: floats });
    const [byFolder, byFile] = [await tensorsOf(join(root, 'by folder.gguf')), await tensorsOf(join(root, 'by file.gguf'))];
    expect(byFile).toEqual(byFolder);
  });

  it('gives a folder and a GGUF file the same weights, though the rows of q and k lie in another order there', async () => {
    const own = { symmetric: false };
    await run('gptq-4', 'as folder', { format: 'hf', own });
    await run('gptq-4', 'as file.gguf', { format: 'gguf', own });
    await quantize(join(root, 'as folder'), join(root, 'as folder.gguf'), 'F32');
    const [asFolder, asFile] = [await tensorsOf(join(root, 'as folder.gguf')), await tensorsOf(join(root, 'as file.gguf'))];
    const names = [...asFile].flatMap(([name, { type }]) => (name.startsWith('blk.') && type === 'Q5_0' ? [name] : []));
    expect(names).toHaveLength(14);
    for (const name of names) expect(await valuesOf(stored(asFile, name))).toEqual(await valuesOf(stored(asFolder, name)));
  });

  it.each(['Q8_0', 'nf4', 'gptq-8', 'int8-zp'])(
    'starts from a model that is %s already, and says so where it is quantized again',
    async (target) => {
      const made = target === 'Q8_0' ? `from ${target}.gguf` : `from ${target}`;
      await run(target, made);
      const { warnings } = await run('gptq-4', `${target} to gptq.gguf`, { modelPath: join(root, made), format: 'gguf' });
      expect(warnings.map(({ code }) => code)).toContain('quantize.requantized');
      expect((await tensorsOf(join(root, `${target} to gptq.gguf`))).get('blk.1.ffn_up.weight')?.type).toBe('Q4_0');
      expect(await readdir(scratchFolder)).toEqual([]);
    },
  );

  it('takes an importance matrix that it made itself, in either form', async () => {
    // One matrix in a type that needs it; it takes its time.
    const coarse = { overrides: [{ pattern: 'blk.0.ffn_gate', type: 'IQ2_XS' }] };
    for (const name of ['im.gguf', 'im.dat']) {
      const found = await finish(
        tensor.calibrate({
          modelPath: folder,
          textPath: null,
          outputPath: join(root, name),
          contextLength: 64,
          windows: 4,
          scratchFolder,
          threads: 1,
        }),
      );
      expect(found).toMatchObject({ matrices: 14, windows: 4, tokens: 256, sizeBytes: (await bytesOf(name)).byteLength });
      const { tensors } = await run('Q4_0', `with ${name}`, { own: { ...coarse, imatrixPath: join(root, name) } });
      expect(tensors.find((each) => each.name === 'blk.0.ffn_gate.weight')?.to).toBe('IQ2_XS');
    }
    // By the calibrator itself, on a file of the same floats.
    const floats = join(root, 'floats.gguf');
    await quantize(folder, floats, 'F32');
    const text = await readFile(new URL('../../resources/demo/stories.txt', import.meta.url), 'utf8');
    const calibrator = await native.openCalibrator({ modelPath: floats, text, contextLength: 64, maxWindows: 4, threads: 1 });
    const sums = await calibrator.squareSums();
    calibrator.close();
    for (const name of ['im.gguf', 'im.dat']) {
      const { entries, datasets, chunkCount } = await readImatrix(fileSource(join(root, name)));
      expect([datasets, chunkCount, entries.size]).toEqual([['stories.txt'], 4, 14]);
      for (const { name: matrix, squareSums } of sums) {
        const found = entries.get(matrix);
        const importance = found && importanceOf(found);
        for (const [i, sum] of squareSums.entries()) expect((importance?.[i] ?? NaN) / (sum / 256)).toBeCloseTo(1, 5);
      }
    }
    const refused = await errorOf(run('Q4_0', 'without', { own: coarse }));
    expect(refused.code).toBe('quantize.needsImatrix');
    const noMatrix = await errorOf(run('Q4_0', 'without', { own: { imatrixPath: join(root, 'with im.gguf') } }));
    expect(noMatrix.code).toBe('quantize.imatrixInvalid');
    expect(await left('without')).toEqual([]);
  });
});

it('writes an importance matrix in the form in which llama-imatrix writes its own', async () => {
  const [textPath, outputPath] = [join(root, 'tiny.txt'), join(root, 'like llama.gguf')];
  await writeFile(textPath, tinyText);
  const modelPath = await tinyFolder(llamaToolsModel);
  await finish(
    tensor.calibrate({ modelPath, textPath, outputPath, contextLength: llamaToolsWindow, windows: null, scratchFolder, threads: 1 }),
  );
  const [ours, theirs] = await Promise.all(
    [outputPath, fileURLToPath(new URL('../golden/llama-tools/imatrix.gguf', import.meta.url))].map(async (path) =>
      readGguf(fileSource(path)),
    ),
  );
  const form = ({ tensors, metadata }: GgufHeader) => ({
    tensors: tensors.map(({ name, type, dimensions }) => [name, type, ...dimensions]),
    metadata: [...metadata].map(([key, value]) => [key, value.type, key === 'imatrix.datasets' ? null : value]),
  });
  expect(ours && form(ours)).toEqual(theirs && form(theirs));
});

describe('outlier columns of LLM.int8()', () => {
  it('are the inputs that reach 6.0 on the text, matrix by matrix', async () => {
    const outlying = await tinyFolder(shape);
    // Behind RMSNorm inputs are around 1; these two are a hundred times as large, whatever the text.
    const norm = Float32Array.from({ length: 256 }, (_, input) => (input === 3 || input === 200 ? 100 : 0.5));
    await overwrite(outlying, 'model.layers.1.input_layernorm.weight', [...norm]);
    const { outliers, progress } = await run('int8', 'outliers', { modelPath: outlying });
    expect(outliers).toHaveLength(14);
    const of = (part: string) => outliers.find(({ name }) => name === `model.layers.${part}.weight`);
    for (const part of ['q', 'k', 'v'])
      expect(of(`1.self_attn.${part}_proj`)).toEqual({
        name: `model.layers.1.self_attn.${part}_proj.weight`,
        inputs: 256,
        columns: [3, 200],
        count: 2,
      });
    expect(of('0.self_attn.q_proj')).toMatchObject({ columns: [], count: 0 });
    expect(of('0.mlp.down_proj')).toMatchObject({ inputs: 512 });
    expect(progress.map(({ phase }) => phase)).toContain('quantize.calibrating');
  });

  it('are not known where the text cannot be run, and the weights are written all the same', async () => {
    const text = join(root, 'short.txt');
    await writeFile(text, 'Too short.');
    const { outliers, warnings } = await run('int8', 'no report', { own: { calibrationPath: text } });
    expect(outliers).toEqual([]);
    expect(warnings.map(({ code }) => code)).toEqual(['quantize.noOutlierReport', 'evaluate.textTooShort']);
  });
});

describe('bad input', () => {
  it.each(['Q4_K_M', 'gptq-4', 'nf4'])('a weight that is no number: %s', async (target) => {
    const damaged = await tinyFolder(shape);
    await overwrite(damaged, 'model.layers.1.mlp.down_proj.weight', [0, NaN]);
    const failed = await errorOf(run(target, 'not a number', { modelPath: damaged }));
    expect(failed.code).toBe('quantize.notFinite');
    expect(await left('not a number')).toEqual([]);
    expect(await readdir(scratchFolder)).toEqual([]);
  });

  it('inputs that are always zero: their weights are rounded to zero, the others are calibrated', async () => {
    const dead = await tinyFolder(shape);
    const norm = Array.from({ length: 256 }, (_, input) => (input % 7 === 0 ? 0 : 1));
    await overwrite(dead, 'model.layers.0.input_layernorm.weight', norm);
    const { warnings, tensors } = await run('gptq-4', 'dead.gguf', { modelPath: dead, format: 'gguf' });
    expect(warnings).toEqual([]);
    expect(tensors.every(({ relativeError }) => Number.isFinite(relativeError))).toBe(true);
  });

  it('a layer that nothing goes into: its weights are rounded to the nearest, and that is said', async () => {
    const silent = await tinyFolder(shape);
    await overwrite(
      silent,
      'model.layers.0.input_layernorm.weight',
      Array.from({ length: 256 }, () => 0),
    );
    const { warnings, tensors } = await run('gptq-4', 'silent.gguf', { modelPath: silent, format: 'gguf' });
    // q, k, v, and o, which gets nothing from them.
    expect(warnings).toMatchObject([{ code: 'quantize.roundedToNearest', params: { count: 4 } }]);
    const query = tensors.find(({ name }) => name === 'blk.0.attn_q.weight');
    expect(query?.relativeError).toBeLessThan(0.1);
  });

  it.each(['gptq-4', 'calibrate'])('a text shorter than a window: %s', async (work) => {
    const textPath = join(root, 'one word.txt');
    await writeFile(textPath, 'lathe');
    const outputPath = join(root, 'too short.gguf');
    const failed = await errorOf(
      work === 'calibrate'
        ? finish(tensor.calibrate({ modelPath: folder, textPath, outputPath, contextLength: 64, windows: null, scratchFolder, threads: 1 }))
        : run('gptq-4', 'too short.gguf', { format: 'gguf', own: { calibrationPath: textPath } }),
    );
    expect(failed).toMatchObject({ code: 'evaluate.textTooShort', params: { needed: 64 } });
    expect(await left('too short')).toEqual([]);
    expect(await readdir(scratchFolder)).toEqual([]);
  });

  it('a source that is changed while the model runs', async () => {
    const changing = await tinyFolder(shape);
    const change = (): Promise<void> => utimes(join(changing, 'model.safetensors'), new Date(), new Date(Date.now() + 9000));
    const failed = await errorOf(during('quantize.calibrating', change, 'gptq-4', 'changed.gguf', { modelPath: changing, format: 'gguf' }));
    expect(failed).toMatchObject({ code: 'disk.changed', params: { file: 'model.safetensors' } });
    expect(await left('changed')).toEqual([]);
    expect(await readdir(scratchFolder)).toEqual([]);
  });

  it.each(['hf', 'gguf'])('a tensor that is larger than its file: %s', async (kind) => {
    const whole = await tinyFolder(shape);
    let modelPath = whole;
    if (kind === 'gguf') {
      modelPath = join(root, 'to be cut.gguf');
      await quantize(whole, modelPath, 'F16');
      await truncate(modelPath, 500_000);
    } else await truncate(join(whole, 'model.safetensors'), 500_000);
    for (const target of ['Q8_0', 'gptq-4'])
      expect((await errorOf(run(target, 'larger.gguf', { modelPath, format: 'gguf' }))).code).toMatch(/^(safetensors|gguf|model)\./);
    expect(await left('larger')).toEqual([]);
  });

  it('a disk that gets full while it is written', async () => {
    const restore = await fillDiskAfter(300_000);
    try {
      expect(await errorOf(run('Q8_0', 'full.gguf'))).toMatchObject({ code: 'disk.full' });
    } finally {
      restore();
    }
    expect(await left('full')).toEqual([]);
    expect((await run('Q8_0', 'full.gguf')).sizeBytes).toBeGreaterThan(500_000);
  });

  it('clears what a process that is no more left, and leaves what others are working on', async () => {
    // The largest number that a process can have on Linux is 2²², on other systems less.
    await mkdir(join(scratchFolder, 'working-4194999-abc'));
    await mkdir(join(scratchFolder, `working-${process.ppid}-abc`));
    await mkdir(join(scratchFolder, 'something else'));
    await run('gptq-4', 'stale.gguf', { format: 'gguf' });
    expect((await readdir(scratchFolder)).toSorted()).toEqual(['something else', `working-${process.ppid}-abc`]);
  });
});
