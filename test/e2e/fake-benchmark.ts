import type { AppHandlers } from '#contract/index.ts';
import type {
  BenchmarkCell,
  BenchmarkEnvironment,
  BenchmarkRun,
  CellResult,
  CellTask,
  MeasuredTarget,
  Series,
} from '#contract/benchmark.ts';
import { summarize } from '#core/benchmark/statistics.ts';
import { GiB } from '#core/bytes.ts';
import { AppError } from '#core/errors/index.ts';
import { hash, now } from './fake-data.ts';

/** Benchmarks in every state, with figures as such variants have them. */

const here: BenchmarkEnvironment = {
  name: 'AMD Ryzen 7 7840U',
  processor: 'AMD Ryzen 7 7840U',
  cores: 16,
  memoryBytes: 32 * GiB,
  platform: 'Linux 6.12 x64',
  devices: [],
  features: 'CPU : SSE3 = 1 | AVX2 = 1 | AVX512 = 1 | OPENMP = 1',
  versions: { Lathe: '0.1.0', 'llama.cpp': 'b9211' },
};
const elsewhere: BenchmarkEnvironment = {
  ...here,
  name: 'Apple M3 Pro',
  processor: 'Apple M3 Pro',
  cores: 11,
  memoryBytes: 18 * GiB,
  platform: 'macOS 15.4 arm64',
  devices: [{ name: 'Apple M3 Pro', memoryBytes: 12 * GiB }],
  features: 'Metal : EMBED_LIBRARY = 1 | CPU : NEON = 1',
};

/** Values about a middle, one of them far off where `outlier` is given. */
function series(middle: number, outlier?: number): Series {
  const samples = [1, 0.983, 1.012, 0.994, 1.007].map((share) => middle * share);
  if (outlier !== undefined) samples[3] = middle * outlier;
  const { median, low, high, confidence, outliers } = summarize(samples);
  return { samples, median, low, high, confidence, outliers: [...outliers] };
}

const speed = (perSecond: number, prompt: number, memory: number, outlier?: number): CellResult => ({
  kind: 'speed',
  promptPerSecond: series(prompt),
  newPerSecond: series(perSecond, outlier),
  firstTokenMs: series(128_000 / prompt),
  loadMs: memory / 4e6,
  peakMemoryBytes: Math.round(memory),
  peakVramBytes: null,
  joulesPerToken: 28 / perSecond,
  backgroundLoad: 0.14,
  threads: 8,
});

const quality = (perplexity: number, meanKl: number): CellResult => ({
  kind: 'quality',
  textName: 'sample.txt',
  textSha256: hash('sample'),
  contextLength: 512,
  windows: 32,
  tokens: 8160,
  perplexity,
  perplexityError: 0.11,
  against: {
    name: 'SmolLM3 3B F16',
    perplexity: 8.712,
    meanKl,
    meanKlError: meanKl / 40,
    medianKl: meanKl / 2,
    kl999: meanKl * 40,
    maxKl: meanKl * 90,
    topOneAgreement: 1 - Math.sqrt(meanKl) / 2.1,
  },
});

const questions = (right: number): CellResult => ({
  kind: 'questions',
  fileName: 'capitals.jsonl',
  fileSha256: hash('capitals'),
  cloze: null,
  choice: { count: 40, right, share: right / 40, low: Math.max(0, right / 40 - 0.13), high: Math.min(1, right / 40 + 0.09) },
  items: [],
});

const TEXTS = ['Write one sentence about the sea.', 'Where is the key?'];
const prompts = (perSecond: number, ...texts: readonly string[]): CellResult => ({
  kind: 'prompts',
  outputs: texts.map((text, place) => ({
    prompt: TEXTS[place] ?? '',
    text,
    stopReason: place === 0 ? 'maxTokens' : 'end',
    tokens: text.split(' ').length,
    firstTokenMs: 240,
    tokensPerSecond: perSecond,
  })),
});

const target = (modelId: string | null, name: string, quantization: string, size: number, adapter?: string): MeasuredTarget => ({
  kind: 'local',
  modelId,
  name,
  architecture: 'smollm3',
  quantization,
  parameterCount: 3_075_098_624,
  sizeBytes: Math.round(size * GiB),
  sha256: hash(name),
  adapters: adapter === undefined ? [] : [{ name: adapter, scale: 0.8 }],
});

const variants: readonly (readonly [MeasuredTarget, readonly CellResult[]])[] = [
  [
    target('smolf16', 'SmolLM3 3B F16', 'F16', 5.73),
    [
      speed(7.31, 118, 6.02 * GiB),
      quality(8.712, 0),
      questions(33),
      prompts(7.2, 'The sea is calm and grey this morning, and', 'The key is under the mat.'),
    ],
  ],
  [
    target('smolq8', 'SmolLM3 3B Q8_0', 'Q8_0', 3.05),
    [
      speed(13.4, 141, 3.36 * GiB),
      quality(8.716, 0.0013),
      questions(33),
      prompts(13.1, 'The sea is calm and grey this morning, and', 'The key is under the mat.'),
    ],
  ],
  [
    target('smolq5', 'SmolLM3 3B Q5_K_M', 'Q5_K_M', 2.06),
    [
      speed(18.9, 97, 2.38 * GiB, 0.71),
      quality(8.762, 0.0118),
      questions(32),
      prompts(18.4, 'The sea is calm and grey, and the gulls', 'The key is under the mat.'),
    ],
  ],
  [
    target('smolq4', 'SmolLM3 3B Q4_K_M', 'Q4_K_M', 1.79),
    [
      speed(22.1, 104, 2.11 * GiB),
      quality(8.874, 0.0342),
      questions(31),
      prompts(21.7, 'The sea is a wide and quiet place where', 'The key is on the table.'),
    ],
  ],
  [
    target('smolq4', 'SmolLM3 3B Q4_K_M', 'Q4_K_M', 1.79, 'plain-tone'),
    [speed(20.2, 95, 2.19 * GiB), quality(9.214, 0.0871), questions(31), prompts(19.9, 'the sea is grey today.', 'under the mat.')],
  ],
];

const settings = (context = 0): CellTask => ({
  kind: 'speed',
  settings: {
    promptTokens: 512,
    newTokens: 128,
    context,
    repetitions: 5,
    batch: 2048,
    ubatch: 512,
    keyType: 'F16',
    valueType: 'F16',
    flashAttention: 'auto',
    threads: 0,
    gpuLayers: 0,
  },
});
const tasks: readonly CellTask[] = [settings(), { kind: 'quality' }, { kind: 'questions' }, { kind: 'prompts' }];

interface Fake {
  readonly run: BenchmarkRun;
  readonly cells: readonly BenchmarkCell[];
}

function fake(id: string, cells: readonly BenchmarkCell[], changes: Partial<BenchmarkRun>): Fake {
  const count = (state: BenchmarkCell['state']): number => cells.filter((cell) => cell.state === state).length;
  return {
    cells,
    run: {
      id,
      name: 'SmolLM3 3B',
      request: null,
      preset: 'standard',
      targets: variants.map(([each]) => each),
      base: { modelId: 'smolf16', name: 'SmolLM3 3B F16' },
      environment: here,
      isImported: false,
      state: 'done',
      jobId: null,
      error: null,
      cells: { total: cells.length, done: count('done'), failed: count('failed') },
      createdMs: now - 5400_000,
      ...changes,
    },
  };
}

const cell = (position: number, place: number, task: CellTask, result: CellResult | null): BenchmarkCell => ({
  id: `c${position}`,
  position,
  target: place,
  task,
  state: result === null ? 'waiting' : 'done',
  result,
  error: null,
  madeMs: result === null ? null : now,
  durationMs: result === null ? null : 41_000,
});

/** Every measurement of every variant, done as far as a place. */
const full = (until = Infinity): BenchmarkCell[] =>
  variants.flatMap(([, results], place) =>
    tasks.map((task, column) => {
      const position = place * tasks.length + column;
      const made = cell(position, place, task, position < until ? (results[column] ?? null) : null);
      return position === until ? { ...made, state: 'running' as const } : made;
    }),
  );

/** Three variants over three contexts, of which the longest did not fit one of them; the last was not reached. */
const swept = (): BenchmarkCell[] =>
  [0, 1, 2].flatMap((place) =>
    [0, 2048, 8192].map((context, column): BenchmarkCell => {
      const made = cell(place * 3 + column, place, settings(context), null);
      if (place === 0 && context === 8192)
        return { ...made, state: 'failed', error: { code: 'engine.crashed', params: { engine: 'benchmark', reason: 'SIGKILL' } } };
      if (place === 2 && context > 0) return made;
      const slower = 1 + context / 6000;
      const [rate, memory] = [
        [7.31, 6.02],
        [13.4, 3.36],
        [18.9, 2.38],
      ][place] ?? [0, 0];
      return {
        ...made,
        state: 'done',
        result: speed((rate ?? 0) / slower, 118 / slower, Math.round(((memory ?? 0) + context * 7e-5) * GiB)),
      };
    }),
  );

const imported = (): BenchmarkCell[] =>
  full().flatMap((made) =>
    made.result?.kind !== 'speed' || made.target > 3
      ? made.result?.kind === 'quality' && made.target < 4
        ? [made]
        : []
      : [{ ...made, result: speed((made.result.newPerSecond?.median ?? 0) * 2.3, 410, (made.result.peakMemoryBytes ?? 0) * 1.04) }],
  );

export function benchmarkHandlers(scene: 'empty' | 'filled' | 'running' | 'error'): AppHandlers['benchmark'] {
  const all: readonly Fake[] = [
    ...(scene === 'running' ? [fake('b4', full(6), { state: 'running', createdMs: now - 240_000 })] : []),
    fake('b1', full(), {}),
    fake('b2', swept(), {
      name: 'Long letters',
      preset: 'long',
      state: 'paused',
      targets: variants.slice(0, 3).map(([each]) => each),
      createdMs: now - 80 * 3600_000,
    }),
    fake('b3', imported(), {
      name: 'SmolLM3 3B',
      isImported: true,
      environment: elsewhere,
      base: { modelId: null, name: 'SmolLM3 3B F16' },
      targets: variants.slice(0, 4).map(([each]) => ({ ...each, modelId: null })),
      createdMs: now - 200 * 3600_000,
    }),
  ];
  const kept = new Map((scene === 'empty' || scene === 'error' ? [] : all).map((each) => [each.run.id, each]));
  const runOf = (id: string): Fake => {
    const found = kept.get(id);
    if (found === undefined) throw new AppError('benchmark.unknownRun', {});
    return found;
  };
  const change = (id: string, changes: Partial<BenchmarkRun>): BenchmarkRun => {
    const found = runOf(id);
    const run = { ...found.run, ...changes };
    kept.set(id, { ...found, run });
    return run;
  };
  return {
    plan: ({ targets, speed: isTimed, quality: text, questionsPath, prompts: own }) => {
      if (scene === 'error') throw new AppError('benchmark.tooManyCells', { cells: 4096, limit: 1000 });
      const each = Number(isTimed) + Number(text !== null) + Number(questionsPath !== null) + Number(own !== null);
      return { cells: targets.length * each, estimateMs: targets.length * each * 41_000 };
    },
    start: ({ name }) => {
      const started = fake('b5', full(0), { name: name === '' ? 'SmolLM3 3B' : name, state: 'running', createdMs: now });
      kept.set('b5', started);
      return started.run;
    },
    runs: () => [...kept.values()].map(({ run }) => run),
    get: ({ runId }) => ({ run: runOf(runId).run, cells: [...runOf(runId).cells] }),
    follow: async function* ({ runId }, { signal }) {
      yield { type: 'run' as const, run: runOf(runId).run };
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    },
    cancel: ({ runId }) => change(runId, { state: 'paused' }),
    resume: ({ runId }) => change(runId, { state: 'running' }),
    remove: ({ runId }) => {
      kept.delete(runId);
      return { id: runId };
    },
    export: ({ runId, format }) => ({ fileName: `${runId}.${format === 'json' ? 'json' : 'md'}`, text: runOf(runId).run.name }),
    import: ({ path }) => {
      if (scene === 'error') throw new AppError('benchmark.badFile', { path, reason: 'it is no JSON' });
      return runOf('b3').run;
    },
    history: ({ modelId }) =>
      [...kept.values()].flatMap(({ run, cells }) =>
        cells.flatMap((made) => {
          const of = run.targets[made.target];
          return of?.modelId === modelId && made.state === 'done'
            ? [{ runId: run.id, runName: run.name, target: of, environment: run.environment?.name ?? null, cell: made }]
            : [];
        }),
      ),
  };
}
