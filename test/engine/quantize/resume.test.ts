import { spawn } from 'node:child_process';
import { appendFile, mkdir, readdir, readFile, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import type { QuantizationRequest } from '#core/quantize/planner.ts';
import { tinyFolder } from '#test/fixtures.ts';
import { errorOf } from '#test/expect-error.ts';
import { randomCalibration } from './calibrations.ts';
import { native, quantize, temporaryFolder } from './quantize.ts';

const root = temporaryFolder();
afterAll(() => rm(root, { recursive: true }));

const wide = { embeddingLength: 256, feedForwardLength: 512, headCount: 4, headCountKv: 2 } as const;
const folder = await tinyFolder(wide);
const inputsOf = (name: string): number => (name.includes('ffn_down') ? 512 : 256);

/** Quantize until so many tensors are done, then leave. */
async function leaveAfter(
  path: string,
  tensors: number,
  target: QuantizationRequest['target'] = 'Q4_K_M',
  request: Parameters<typeof quantize>[3] = {},
) {
  const leave = new AbortController();
  const seen = new Set<string>();
  const progress = (_done: number, _total: number, tensor: string): void => {
    seen.add(tensor);
    if (seen.size > tensors) leave.abort();
  };
  const options = { signal: leave.signal, progress, chunkElements: 20_000, syncMs: 0, calibration: randomCalibration(inputsOf) };
  await expect(quantize(folder, path, target, request, options)).rejects.toMatchObject({ name: 'AbortError' });
}

const left = async (name: string): Promise<string[]> => (await readdir(root)).filter((each) => each.startsWith(name));
const whole = join(root, 'whole.gguf');
await quantize(folder, whole, 'Q4_K_M');

describe('a quantization that was left', () => {
  it('goes on from its last finished tensor, to the same file', async () => {
    const path = join(root, 'left.gguf');
    await leaveAfter(path, 9);
    expect(await left('left')).toEqual(['left.gguf.partial', 'left.gguf.partial.journal']);
    const made = await quantize(folder, path, 'Q4_K_M');
    expect(made.resumed).toBeGreaterThan(4);
    expect(made.resumed).toBeLessThan(19);
    expect(Buffer.compare(await readFile(path), await readFile(whole))).toBe(0);
    expect(await left('left')).toEqual(['left.gguf']);
    const direct = await quantize(folder, join(root, 'direct.gguf'), 'Q4_K_M');
    expect(made.tensors).toEqual(direct.tensors);
  });

  it('before its first tensor was finished leaves nothing', async () => {
    const path = join(root, 'early.gguf');
    await expect(quantize(folder, path, 'Q4_K_M', {}, { signal: AbortSignal.abort() })).rejects.toMatchObject({ name: 'AbortError' });
    expect(await left('early')).toEqual([]);
  });

  it('goes on in a folder, and GPTQ tells its calibration again what the finished tensors have become', async () => {
    const [path, direct] = [join(root, 'gptq left'), join(root, 'gptq whole')];
    const request = { format: 'hf', options: { groupSize: 32 } } as const;
    // The embedding and the norms, and then some of the layers.
    await leaveAfter(path, 12, 'gptq-4', request);
    const calls: string[] = [];
    const replaced = new Map<string, Float32Array>();
    const calibration = randomCalibration(inputsOf, calls);
    const replace = async (name: string, values: Float32Array): Promise<void> => void replaced.set(name, values.slice());
    const made = await quantize(folder, path, 'gptq-4', request, { calibration: { ...calibration, replace } });
    expect(made.resumed).toBeGreaterThan(6);
    const expected = new Map<string, Float32Array>();
    const all: string[] = [];
    const second = randomCalibration(inputsOf, all);
    await quantize(folder, direct, 'gptq-4', request, {
      calibration: { ...second, replace: async (name, values) => void expected.set(name, values.slice()) },
    });
    expect(calls.length).toBeLessThan(all.length);
    expect(replaced).toEqual(expected);
    for (const name of await readdir(direct))
      expect(Buffer.compare(await readFile(join(path, name)), await readFile(join(direct, name)))).toBe(0);
  });

  it.each([
    ['another target', () => undefined, 'Q5_K_M'],
    ['a damaged journal', (path: string) => writeFile(`${path}.partial.journal`, '{"version":1,'), 'Q4_K_M'],
    ['a file that was cut off', (path: string) => truncate(`${path}.partial`, 1000), 'Q4_K_M'],
  ] as const)('begins anew with %s', async (what, change, target) => {
    const path = join(root, `anew ${what}.gguf`);
    await leaveAfter(path, 9);
    await change(path);
    const made = await quantize(folder, path, target);
    expect(made.resumed).toBe(0);
    expect((await stat(path)).size).toBe(made.plan.sizeBytes);
    if (target === 'Q4_K_M') expect(Buffer.compare(await readFile(path), await readFile(whole))).toBe(0);
    expect(await left(`anew ${what}`)).toEqual([`anew ${what}.gguf`]);
  });

  it('begins anew where the source is not what it was', async () => {
    const path = join(root, 'touched.gguf');
    await leaveAfter(path, 9);
    await utimes(join(folder, 'model.safetensors'), new Date(), new Date(Date.now() + 5000));
    expect((await quantize(folder, path, 'Q4_K_M')).resumed).toBe(0);
  });

  it('does not believe a line of its journal that was cut off', async () => {
    const path = join(root, 'torn.gguf');
    await leaveAfter(path, 9);
    const journal = `${path}.partial.journal`;
    const text = await readFile(journal, 'utf8');
    const lines = text.trimEnd().split('\n');
    await truncate(journal, text.length - 10);
    const made = await quantize(folder, path, 'Q4_K_M');
    expect(made.resumed).toBe(lines.length - 2);
    expect(Buffer.compare(await readFile(path), await readFile(whole))).toBe(0);
  });

  it('ignores what others wrote into its journal', async () => {
    const path = join(root, 'forged.gguf');
    await leaveAfter(path, 9);
    await appendFile(`${path}.partial.journal`, '{"tensor":5}\n{"tensor":"blk.1.ffn_up.weight"}\n[]\nnull\n');
    await quantize(folder, path, 'Q4_K_M');
    expect(Buffer.compare(await readFile(path), await readFile(whole))).toBe(0);
  });

  it('by a process that was killed goes on all the same', async () => {
    const path = join(root, 'killed.gguf');
    const child = spawn(process.execPath, [fileURLToPath(new URL('killed-process.ts', import.meta.url)), folder, path], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let said = '';
    const ended = new Promise((resolve) => child.once('close', resolve));
    for await (const data of child.stdout) {
      said += String(data);
      if (said.includes('blk.0.ffn_down')) child.kill('SIGKILL');
    }
    await ended;
    expect(said).not.toContain('finished');
    expect(await left('killed')).toEqual(['killed.gguf.partial', 'killed.gguf.partial.journal']);
    const made = await quantize(folder, path, 'Q4_K_M');
    expect(made.resumed).toBeGreaterThan(2);
    expect(Buffer.compare(await readFile(path), await readFile(whole))).toBe(0);
  });
});

describe('a quantization that fails leaves nothing', () => {
  const failing = (kernels: Partial<typeof native>) => ({ kernels: { ...native, ...kernels }, syncMs: 0 });

  it('where a kernel fails', async () => {
    let calls = 0;
    const ggmlQuantize: typeof native.ggmlQuantize = async (...values) => {
      if ((calls += 1) === 7) throw new Error('no more memory');
      return native.ggmlQuantize(...values);
    };
    await expect(quantize(folder, join(root, 'failed.gguf'), 'Q4_0', {}, failing({ ggmlQuantize }))).rejects.toThrow('no more memory');
    expect(await left('failed')).toEqual([]);
  });

  it.each(['gguf', 'hf'] as const)('where the source is changed meanwhile: %s', async (format) => {
    const source = await tinyFolder();
    let changed: Promise<void> | undefined;
    const change = async (): Promise<void> =>
      (changed ??= utimes(join(source, 'model.safetensors'), new Date(), new Date(Date.now() + 9000)));
    const cast: typeof native.cast = async (...values) => (await change(), native.cast(...values));
    const failed = quantize(source, join(root, `changed ${format}`), 'F16', { format }, failing({ cast }));
    expect(await errorOf(failed)).toMatchObject({ code: 'disk.changed', params: { file: 'model.safetensors' } });
    expect(await left('changed')).toEqual([]);
  });

  it('where the source is cut off meanwhile', async () => {
    const source = await tinyFolder();
    let cut: Promise<void> | undefined;
    const cast: typeof native.cast = async (...values) => (
      await (cut ??= truncate(join(source, 'model.safetensors'), 5000)),
      native.cast(...values)
    );
    const failed = quantize(source, join(root, 'cut.gguf'), 'F16', {}, { ...failing({ cast }), chunkElements: 100 });
    expect(await errorOf(failed)).toMatchObject({ code: 'disk.changed' });
    expect(await left('cut')).toEqual([]);
  });

  it.each(['file', 'folder'])('where there already is a %s, which is not touched', async (kind) => {
    const path = join(root, `precious ${kind}`);
    await (kind === 'file' ? writeFile(path, 'precious') : mkdir(path));
    for (const target of ['Q8_0', 'nf4'] as const)
      expect(await errorOf(quantize(folder, path, target))).toMatchObject({ code: 'convert.outputExists', params: { path } });
    expect(await left(`precious ${kind}`)).toEqual([`precious ${kind}`]);
  });

  it('where the folder of the output is not there', async () => {
    expect((await errorOf(quantize(folder, join(root, 'absent', 'x.gguf'), 'Q8_0'))).code).toBe('disk.missing');
  });
});
