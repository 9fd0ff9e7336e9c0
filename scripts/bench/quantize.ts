import { execFile, execFileSync } from 'node:child_process';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { MiB } from '#core/bytes.ts';
import { mixes } from '#core/quantize/mixes.ts';
import { llamaLibraries } from '#engine/llama-libraries.ts';
import { loadNative } from '#engine/native.ts';
import { ensureHeaders, headersFolder } from '../native/headers.mjs';
import { copyMs, makeModel } from './files.ts';
import { median, spread, type BenchRow } from './row.ts';

export const name = 'quantize';

const THREADS = 2;
const ROUNDS = 3;
const here = (file: string): string => fileURLToPath(new URL(`quantize/${file}`, import.meta.url));

interface Run {
  readonly seconds: number;
  /** Of all processors together: what a busy machine does not change much. */
  readonly cpuSeconds: number;
  readonly peakBytes: number;
}

const execute = promisify(execFile);

/** Run a script of the folder `quantize` in a process of its own. */
async function inChild(script: string, args: readonly string[]): Promise<Run> {
  const { stdout } = await execute(process.execPath, [here(script), ...args]);
  return JSON.parse(stdout) as Run;
}

/** llama_model_quantize as a program: compiled against the library's own headers, linked with the libraries that we use too. */
function buildLlama(folder: string): string {
  ensureHeaders();
  const { llama, ggml, ggmlBase } = llamaLibraries(false);
  const program = join(folder, 'llama');
  const path = `-Wl,-rpath,${dirname(llama)}`;
  execFileSync(process.env['CC'] ?? 'cc', ['-O2', '-I', headersFolder, here('llama.c'), llama, ggml, ggmlBase, path, '-o', program]);
  return program;
}

async function sync(path: string): Promise<void> {
  const handle = await open(path, 'r+');
  await handle.sync();
  await handle.close();
}

const row = (what: string, values: readonly number[], unit: string, more: Partial<BenchRow> = {}, digits = 2): BenchRow => ({
  name: `quantize: ${what}`,
  value: median(values),
  unit,
  ...(values.length > 1 ? { spread: spread(values, digits) } : {}),
  ...more,
});

/** One pass from a folder, against the library's own quantizer on a ready F16 file. */
async function toGguf(root: string, large: string): Promise<BenchRow[]> {
  const llama = buildLlama(root);
  const ready = join(root, 'f16.gguf');
  const output = join(root, 'out.gguf');
  await inChild('child.ts', [large, ready, 'F16', `${THREADS}`]);
  const rows: BenchRow[] = [];
  for (const target of ['Q8_0', 'Q4_0', 'Q4_K_M'] as const) {
    const [ours, theirs]: [Run[], Run[]] = [[], []];
    const synced: number[] = [];
    // In turns, so that a busy moment of the machine meets both.
    for (let round = 0; round < ROUNDS; round += 1) {
      const startMs = performance.now();
      const { stdout } = await execute(llama, [ready, output, `${mixes[target].fileType}`, `${THREADS}`]);
      theirs.push(JSON.parse(stdout) as Run);
      await sync(output);
      synced.push((performance.now() - startMs) / 1000);
      await rm(output);
      ours.push(await inChild('child.ts', [large, output, target, `${THREADS}`]));
      await rm(output);
    }
    const seconds = (runs: readonly Run[]): number[] => runs.map((run) => run.seconds);
    const cpuSeconds = (runs: readonly Run[]): number[] => runs.map((run) => run.cpuSeconds);
    const ratio = (others: readonly number[], own: readonly number[]): number[] => others.map((other, i) => other / (own[i] ?? Number.NaN));
    rows.push(
      row(`${target} in one pass`, seconds(ours), 's', { note: `BF16 folder, ${THREADS} threads, on the disk when it ends` }),
      row(`${target} by llama_model_quantize`, seconds(theirs), 's', { note: 'from a ready F16 file, in the cache when it ends' }),
      row(`${target}, times faster`, ratio(seconds(theirs), seconds(ours)), '×', { goal: '≥ 1' }),
      row(`${target}, times faster than it and sync`, ratio(synced, seconds(ours)), '×'),
      row(`${target}, times less processor time`, ratio(cpuSeconds(theirs), cpuSeconds(ours)), '×'),
    );
  }
  await rm(ready);
  return rows;
}

/** Folder to folder, and the kernels alone, by the bytes that go in. */
async function toFolder(root: string, large: string, weightBytes: number): Promise<BenchRow[]> {
  const output = join(root, 'out');
  const found: Record<'int8' | 'nf4' | 'copy', number[]> = { int8: [], nf4: [], copy: [] };
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const target of ['int8', 'nf4'] as const) {
      const { seconds } = await inChild('child.ts', [large, output, target, `${THREADS}`]);
      found[target].push(weightBytes / MiB / seconds);
      await rm(output, { recursive: true });
    }
    found.copy.push((weightBytes / MiB / (await copyMs(join(large, 'model.safetensors'), join(root, 'copy'), true))) * 1000);
  }
  return [
    row('INT8, folder to folder', found.int8, 'MiB/s', { note: 'bytes of BF16 input' }, 0),
    row('NF4, folder to folder', found.nf4, 'MiB/s', { note: 'bytes of BF16 input' }, 0),
    row('cp of the weights, then sync', found.copy, 'MiB/s', {}, 0),
  ];
}

async function kernels(): Promise<BenchRow[]> {
  const native = loadNative();
  const [rows, columns, blockSize] = [4096, 4096, 64];
  const count = rows * columns;
  const weights = Float32Array.from({ length: count }, (_, i) => Math.sin(i));
  const [copied, codes, packed] = [new Float32Array(count), new Uint8Array(count), new Uint8Array(count / 2)];
  const [scales, absmax] = [new Float32Array(rows), new Float32Array(count / blockSize)];
  const jobs = {
    copy: async () => copied.set(weights),
    int8: () => native.int8Quantize(weights, rows, codes, scales, THREADS),
    nf4: () => native.fourBitQuantize('nf4', weights, blockSize, packed, absmax, THREADS),
  };
  const found: Record<keyof typeof jobs, number[]> = { copy: [], int8: [], nf4: [] };
  for (let round = 0; round <= 15; round += 1)
    for (const [job, run] of Object.entries(jobs)) {
      const startMs = performance.now();
      await run();
      // The first round fills the caches, and the pages.
      if (round > 0) found[job as keyof typeof jobs].push((4 * count) / MiB / ((performance.now() - startMs) / 1000));
    }
  const share = (values: readonly number[]): number[] => values.map((value, i) => value / (found.copy[i] ?? Number.NaN));
  return [
    row('INT8 kernel', found.int8, 'MiB/s', { note: `4096 × 4096 float32, ${THREADS} threads` }, 0),
    row('NF4 kernel', found.nf4, 'MiB/s', { note: `blocks of ${blockSize}` }, 0),
    row('memory copy of the same bytes', found.copy, 'MiB/s', { note: 'one thread' }, 0),
    row('INT8 kernel, of a memory copy', share(found.int8), '×'),
    row('NF4 kernel, of a memory copy', share(found.nf4), '×'),
  ];
}

async function gptq(): Promise<BenchRow[]> {
  const rows: BenchRow[] = [];
  for (const [outputs, inputs, rounds] of [
    [4096, 4096, 3],
    [4096, 11008, 1],
  ] as const) {
    const runs: Run[] = [];
    for (let round = 0; round < rounds; round += 1) runs.push(await inChild('layer.ts', [outputs, inputs, THREADS].map(String)));
    const peak = median(runs.map(({ peakBytes }) => peakBytes)) / MiB;
    const seconds = runs.map((run) => run.seconds);
    const note = `4 bits, groups of 128, ${THREADS} threads; ${Math.round(peak)} MiB at most, Hessian and all`;
    rows.push(row(`GPTQ of a layer of ${outputs} × ${inputs}`, seconds, 's', { note }));
  }
  return rows;
}

/** The most memory that a process has had, for a model and one of a quarter of its size. */
async function memory(root: string, large: string, small: string): Promise<BenchRow[]> {
  const output = join(root, 'out');
  const rows: BenchRow[] = [];
  for (const target of ['Q8_0', 'Q4_0', 'int8', 'nf4', 'nf4-dq']) {
    const peakOf = async (model: string): Promise<number> => {
      const { peakBytes } = await inChild('child.ts', [model, output, target, `${THREADS}`]);
      await rm(output, { recursive: true });
      return peakBytes / MiB;
    };
    const [most, least] = [await peakOf(large), await peakOf(small)];
    const note = `${Math.round(least)} MiB for a quarter of the model, the program itself included`;
    rows.push(row(`peak memory of ${target}`, [most], 'MiB', { goal: 'about the same', note }));
  }
  return rows;
}

/** Every way to quantize: how fast, beside the library that it shares its kernels with, and in how much memory. */
export async function run(): Promise<BenchRow[]> {
  const root = await mkdtemp(join(tmpdir(), 'lathe-bench-'));
  try {
    const [large, small] = [join(root, 'large'), join(root, 'small')];
    const weightBytes = await makeModel(large, 12);
    await makeModel(small, 3);
    return [
      ...(await toGguf(root, large)),
      ...(await toFolder(root, large, weightBytes)),
      ...(await kernels()),
      ...(await gptq()),
      ...(await memory(root, large, small)),
    ];
  } finally {
    await rm(root, { recursive: true });
  }
}
