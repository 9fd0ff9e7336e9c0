import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { speedSettings } from '#contract/benchmark.ts';
import { quantizeOptions } from '#contract/quantize.ts';
import { createEngines, forkEngine } from '#main/engines/index.ts';
import { makeModel } from './files.ts';
import { median, spread, type BenchRow } from './row.ts';

export const name = 'speed';

/**
 * Lathe's benchmark beside llama.cpp's own tools, in turns on the same libraries. The tools are not in the package: they are built from
 * llama.cpp's sources against its libraries (docs/benchmarks.md), and found by these variables. Without them only Lathe is measured.
 */
const LLAMA_BENCH = process.env['LATHE_LLAMA_BENCH'];
const LLAMA_PERPLEXITY = process.env['LATHE_LLAMA_PERPLEXITY'];

const LAYERS = 2;
const PROMPT = 256;
const NEW = 64;
const REPETITIONS = 2;
const ROUNDS = 7;
const TARGETS = ['F16', 'Q8_0', 'Q4_K_M'] as const;
const THREADS = [1, 2];

const WINDOW = 512;
const WINDOWS = 32;

const execute = promisify(execFile);
const entry = fileURLToPath(new URL('../../src/engine/index.ts', import.meta.url));
const textPath = fileURLToPath(new URL('../../resources/demo/stories.txt', import.meta.url));

interface Rates {
  readonly reading: number;
  readonly writing: number;
}

const settings = speedSettings.parse({
  promptTokens: PROMPT,
  newTokens: NEW,
  context: 0,
  repetitions: REPETITIONS,
  batch: 2048,
  ubatch: 512,
  keyType: 'F16',
  valueType: 'F16',
  flashAttention: 'auto',
  threads: 0,
  gpuLayers: 0,
});

const middle = (ratios: readonly number[]) => ({ value: median(ratios), unit: '×', spread: spread(ratios, 3) }) as const;

type Engines = ReturnType<typeof createEngines>;

async function finished<E extends { readonly type: string }>(events: AsyncIterable<E>): Promise<Extract<E, { type: 'finished' }>> {
  for await (const event of events) if (event.type === 'finished') return event as Extract<E, { type: 'finished' }>;
  throw new Error('it ended without a result');
}

/** A process of its own for each measurement, as a cell of a benchmark has it. */
async function ours(engines: Engines, modelPath: string, threads: number, scratchFolder: string): Promise<Rates> {
  await engines.restart('benchmark');
  const { benchmark } = await engines.benchmark();
  const request = { modelPath, adapters: [], settings: { ...settings, threads }, threads: null, scratchFolder };
  const { promptSeconds, newSeconds } = await finished(benchmark.speed(request));
  return { reading: PROMPT / median(promptSeconds), writing: NEW / median(newSeconds) };
}

async function theirs(program: string, modelPath: string, threads: number): Promise<Rates> {
  const args = ['-m', modelPath, '-p', PROMPT, '-n', NEW, '-r', REPETITIONS, '-t', threads, '-fa', 'auto', '-o', 'json'].map(String);
  const { stdout } = await execute(program, args, { maxBuffer: 2 ** 24 });
  const tests = JSON.parse(stdout) as { n_prompt: number; n_gen: number; samples_ns: number[] }[];
  const seconds = (isPrompt: boolean): number =>
    median((tests.find(({ n_prompt }) => n_prompt > 0 === isPrompt)?.samples_ns ?? []).map((ns) => ns / 1e9));
  return { reading: PROMPT / seconds(true), writing: NEW / seconds(false) };
}

/** The ratios of all cells: a cell's own are few and spread wide on a busy machine. */
interface Pooled {
  readonly reading: number[];
  readonly writing: number[];
}

async function race(engines: Engines, modelPath: string, target: string, scratchFolder: string, pooled: Pooled): Promise<BenchRow[]> {
  const rows: BenchRow[] = [];
  const best = { ours: { reading: 0, writing: 0 }, theirs: { reading: 0, writing: 0 } };
  /** Each one's best number of threads is the one whose median is the highest: the best of many noisy rounds is only noise. */
  const keep = (who: 'ours' | 'theirs', rates: readonly Rates[]): void => {
    const middle = (key: keyof Rates): number => Math.max(best[who][key], median(rates.map((rate) => rate[key])));
    best[who] = { reading: middle('reading'), writing: middle('writing') };
  };
  for (const threads of THREADS) {
    const rounds: { ours: Rates; theirs: Rates | null }[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      // In turns, each first as often as second, so that a busy moment of the machine meets both.
      const first = round % 2 === 0 ? await ours(engines, modelPath, threads, scratchFolder) : null;
      const other = LLAMA_BENCH === undefined ? null : await theirs(LLAMA_BENCH, modelPath, threads);
      rounds.push({ ours: first ?? (await ours(engines, modelPath, threads, scratchFolder)), theirs: other });
    }
    for (const [what, key, goal] of [
      [`pp${PROMPT}`, 'reading', '≥ 0.95'],
      [`tg${NEW}`, 'writing', '≥ 0.97'],
    ] as const) {
      const label = `speed: ${target} ${what}, threads: ${threads}`;
      const mine = rounds.map((round) => round.ours[key]);
      rows.push({ name: label, value: median(mine), unit: 'tokens/s', spread: spread(mine, 1) });
      const ratios = rounds.flatMap((round) => (round.theirs === null ? [] : [round.ours[key] / round.theirs[key]]));
      pooled[key].push(...ratios);
      if (ratios.length > 0)
        rows.push({ name: `${label}, of llama-bench`, value: median(ratios), unit: '×', spread: spread(ratios, 3), goal });
    }
    keep(
      'ours',
      rounds.map((round) => round.ours),
    );
    keep(
      'theirs',
      rounds.flatMap((round) => (round.theirs === null ? [] : [round.theirs])),
    );
  }
  if (LLAMA_BENCH !== undefined)
    for (const [what, key, goal] of [
      [`pp${PROMPT}`, 'reading', '≥ 0.95'],
      [`tg${NEW}`, 'writing', '≥ 0.97'],
    ] as const)
      rows.push({
        name: `speed: ${target} ${what}, at each one’s best threads, of llama-bench`,
        value: best.ours[key] / best.theirs[key],
        unit: '×',
        goal,
      });
  return rows;
}

const numberAfter = (text: string, pattern: RegExp): number => Number(pattern.exec(text)?.[1] ?? Number.NaN);

/** Perplexity and divergence by llama-perplexity: the base's logits are written to a file, then the variant is held against it. */
async function divergence(program: string, basePath: string, variantPath: string, folder: string) {
  const logits = join(folder, 'base.kld');
  const common = ['-f', textPath, '-c', WINDOW, '-t', 2, '--chunks', WINDOWS].map(String);
  await execute(program, ['-m', basePath, '--kl-divergence-base', logits, ...common], { maxBuffer: 2 ** 26 });
  const { stdout, stderr } = await execute(
    program,
    ['-m', variantPath, '--kl-divergence', '--kl-divergence-base', logits, '-c', String(WINDOW), '-t', '2', '--chunks', String(WINDOWS)],
    { maxBuffer: 2 ** 26 },
  );
  const text = stdout + stderr;
  return {
    perplexity: numberAfter(text, /Mean PPL\(Q\)\s*:\s*([\d.]+)/),
    meanKl: numberAfter(text, /Mean\s+KLD:\s*([-\d.]+)/),
    topOneAgreement: numberAfter(text, /Same top p:\s*([\d.]+)/) / 100,
  };
}

async function qualityRows(engines: Engines, paths: Readonly<Record<string, string>>, folder: string): Promise<BenchRow[]> {
  if (LLAMA_PERPLEXITY === undefined) return [];
  const rows: BenchRow[] = [];
  const basePath = paths['F16'] ?? '';
  await engines.restart('benchmark');
  const { benchmark } = await engines.benchmark();
  for (const target of ['Q8_0', 'Q4_0']) {
    const modelPath = paths[target] ?? '';
    const request = {
      modelPath,
      adapters: [],
      basePath,
      textPath,
      contextLength: WINDOW,
      windows: WINDOWS,
      scratchFolder: folder,
      threads: 2,
    };
    const mine = await finished(benchmark.quality(request));
    const other = await divergence(LLAMA_PERPLEXITY, basePath, modelPath, folder);
    const differs = (name: string, value: number, their: number): BenchRow => ({
      name: `quality: ${target} ${name}, difference from llama-perplexity`,
      value: (Math.abs(value - their) / their) * 100,
      unit: '%',
      goal: '≤ 0.1',
      note: `${value.toPrecision(7)} and ${their}`,
    });
    rows.push(
      differs('perplexity', mine.perplexity, other.perplexity),
      differs('mean KL divergence', mine.against?.meanKl ?? Number.NaN, other.meanKl),
      differs('same top token', mine.against?.topOneAgreement ?? Number.NaN, other.topOneAgreement),
    );
  }
  return rows;
}

/** Speed of Lathe's benchmark engine beside llama-bench, and its perplexity and divergence beside llama-perplexity's. */
export async function run(): Promise<BenchRow[]> {
  const folder = await mkdtemp(join(tmpdir(), 'lathe-bench-'));
  const engines = createEngines({ spawn: (kind) => forkEngine(kind, { entry }), log: () => undefined });
  try {
    const make = async (modelPath: string, target: string, outputPath: string): Promise<string> => {
      // Engines that wait for long are ended.
      const { tensor } = await engines.tensor();
      const request = { modelPath, target, format: 'gguf' as const, outputPath, name: 'model', scratchFolder: folder, threads: null };
      await finished(tensor.quantize({ ...request, options: quantizeOptions.parse({}) }));
      return outputPath;
    };
    const hf = join(folder, 'model');
    await makeModel(hf, LAYERS);
    const rows: BenchRow[] = [];
    const pooled: Pooled = { reading: [], writing: [] };
    for (const target of TARGETS)
      rows.push(...(await race(engines, await make(hf, target, join(folder, `${target}.gguf`)), target, folder, pooled)));
    if (LLAMA_BENCH !== undefined)
      rows.push(
        { name: 'speed: pp, all cells, of llama-bench', ...middle(pooled.reading), goal: '≥ 0.95' },
        { name: 'speed: tg, all cells, of llama-bench', ...middle(pooled.writing), goal: '≥ 0.97' },
      );
    // Of a model of random weights every word is as likely: the trained one says something.
    const demo = fileURLToPath(new URL('../../resources/demo/model', import.meta.url));
    const trained: Record<string, string> = {};
    for (const target of ['F16', 'Q8_0', 'Q4_0']) trained[target] = await make(demo, target, join(folder, `demo-${target}.gguf`));
    rows.push(...(await qualityRows(engines, trained, folder)));
    return rows;
  } finally {
    await engines.close();
    await rm(folder, { recursive: true });
  }
}
