import { readingMs, speedCellMs, writingMs, type Known } from '#core/benchmark/estimate.ts';
import { AppError } from '#core/errors/index.ts';
import { isActive } from '#core/jobs/state.ts';
import type { BenchmarkCell, BenchmarkEvent, BenchmarkRequest, BenchmarkRun, MeasuredTarget } from '#contract/benchmark.ts';
import type { AppHandlers } from '#contract/index.ts';
import type { Job } from '#contract/jobs.ts';
import { streamOf } from '../changes.ts';
import type { BenchmarkRepository, SavedRun } from '../db/benchmarks.ts';
import type { ChangeFeed } from '../db/feed.ts';
import { newId } from '../ids.ts';
import type { JobQueue } from '../jobs/queue.ts';
import type { Library } from '../library/index.ts';
import { fileNameOf, resolveUserPath } from '../library/paths.ts';
import type { RemoteEngines } from '../remote/index.ts';
import { fileOf, importedRun, readBenchmarkFile } from './file.ts';
import { markdownOf } from './markdown.ts';
import { cellsOf, newCells } from './plan.ts';

interface BenchmarksOptions {
  readonly library: Pick<Library, 'get'>;
  readonly benchmarks: BenchmarkRepository;
  readonly remote: Pick<RemoteEngines, 'target'>;
  readonly feed: ChangeFeed;
  readonly jobs: Pick<JobQueue, 'start' | 'resume' | 'cancel' | 'get'>;
  readonly clock: () => number;
}

/** Models that a name tells; the others are counted. */
const NAMED_MODELS = 3;

/** Tokens that a question set is taken for, where its length is not known before it is read. */
const QUESTION_TOKENS = 10_000;

export type Benchmarks = ReturnType<typeof createBenchmarks>;

/** Benchmarks: planned, begun, followed, gone on with, taken to another computer. */
export function createBenchmarks({ library, benchmarks, remote, feed, jobs, clock }: BenchmarksOptions) {
  const saved = (runId: string): SavedRun => {
    const run = benchmarks.get(runId);
    if (run === undefined) throw new AppError('benchmark.unknownRun', {});
    return run;
  };
  /** Jobs are forgotten at some time, runs are not. */
  const jobOf = ({ jobId }: SavedRun): Job | undefined => {
    try {
      return jobId === null ? undefined : jobs.get(jobId);
    } catch {
      return undefined;
    }
  };
  const stateOf = (job: Job | undefined, isComplete: boolean): BenchmarkRun['state'] => {
    if (job?.state === 'queued') return 'waiting';
    if (job?.state === 'running') return 'running';
    if (isComplete) return 'done';
    return job?.state === 'failed' ? 'failed' : 'paused';
  };
  const describe = (run: SavedRun): BenchmarkRun => {
    const cells = benchmarks.counts(run.id);
    const job = jobOf(run);
    const state = stateOf(job, cells.done + cells.failed === cells.total);
    const { targets, ...rest } = run;
    return {
      ...rest,
      targets: [...targets],
      cells,
      state,
      jobId: job?.id ?? null,
      error: state === 'failed' ? (job?.error ?? null) : null,
    };
  };
  const runOf = (runId: string): BenchmarkRun => describe(saved(runId));
  const isAtWork = ({ state }: BenchmarkRun): boolean => state === 'waiting' || state === 'running';
  /** What was at work when its process ended is not any more. */
  const cellsShown = (run: BenchmarkRun): BenchmarkCell[] =>
    benchmarks.cells(run.id).map((cell) => (cell.state === 'running' && run.state !== 'running' ? { ...cell, state: 'waiting' } : cell));

  const nameOf = (modelId: string): string => library.get(modelId).name;
  const describeTarget = (target: BenchmarkRequest['targets'][number]): MeasuredTarget => {
    if (target.kind === 'remote')
      return {
        kind: 'remote',
        modelId: null,
        name: `${target.model} @ ${remote.target(target.engineId).name}`,
        architecture: null,
        quantization: null,
        parameterCount: null,
        sizeBytes: null,
        sha256: null,
        adapters: [],
      };
    const { id, name, facts, sizeBytes, hash } = library.get(target.modelId);
    return {
      kind: 'local',
      modelId: id,
      name,
      architecture: facts.architecture ?? null,
      quantization: facts.quantization ?? null,
      parameterCount: facts.parameterCount ?? null,
      sizeBytes,
      sha256: hash.status === 'done' ? hash.sha256 : null,
      adapters: target.adapters.map(({ adapterId, scale }) => ({ name: nameOf(adapterId), scale })),
    };
  };

  const knownOf = (modelId: string): Known => {
    const { sizeBytes, facts } = library.get(modelId);
    const [newest] = benchmarks.history(modelId).flatMap(({ cell: { result } }) => (result?.kind === 'speed' ? [result] : []));
    return {
      sizeBytes,
      parameterCount: facts.parameterCount,
      promptPerSecond: newest?.promptPerSecond?.median,
      newPerSecond: newest?.newPerSecond?.median,
    };
  };
  const cellMs = (request: BenchmarkRequest, { target: place, task }: Pick<BenchmarkCell, 'target' | 'task'>): number => {
    const target = request.targets[place];
    if (target?.kind !== 'local') return 0;
    const known = knownOf(target.modelId);
    const { quality, prompts } = request;
    if (task.kind === 'speed') return speedCellMs(task.settings, known);
    if (task.kind === 'prompts' && prompts !== null) return writingMs(prompts.texts.length * prompts.maxTokens, known);
    if (task.kind !== 'quality' || quality === null) return readingMs(QUESTION_TOKENS, known);
    // The text that comes with Lathe has no more; of the user's own text the number of its tokens is not known before.
    const tokens = (quality.windows ?? QUESTION_TOKENS / quality.contextLength) * quality.contextLength;
    return readingMs(tokens, known) + (quality.baseId === null ? 0 : readingMs(tokens, knownOf(quality.baseId)));
  };

  const startJob = async (run: SavedRun): Promise<void> => {
    const models = (run.request?.targets ?? []).flatMap((target) =>
      target.kind === 'local' ? [target.modelId, ...target.adapters.map(({ adapterId }) => adapterId)] : [],
    );
    const baseId = run.request?.quality?.baseId ?? null;
    const used = [...new Set(baseId === null ? models : [...models, baseId])].map((modelId) => ({ modelId }));
    const job = await jobs.start({ kind: 'benchmark', runId: run.id, name: run.name, models: used });
    benchmarks.setJob(run.id, job.id);
  };

  const follow = async function* (runId: string, signal: AbortSignal): AsyncGenerator<BenchmarkEvent> {
    const seen = new Map<string, string>();
    const isNew = (key: string, value: unknown): boolean => {
      const text = JSON.stringify(value);
      if (seen.get(key) === text) return false;
      seen.set(key, text);
      return true;
    };
    saved(runId);
    const subscribe = (listener: (id: string) => void): (() => void) => {
      const leave = [
        feed.subscribe('benchmark', (id) => id === runId && listener(id)),
        feed.subscribe('job', (id) => id === benchmarks.get(runId)?.jobId && listener(runId)),
      ];
      return () => leave.forEach((each) => each());
    };
    for await (const id of streamOf(subscribe, { signal, key: (each) => each, first: [runId] })) {
      const now = benchmarks.get(id);
      if (now === undefined) return;
      const run = describe(now);
      if (isNew('run', run)) yield { type: 'run', run };
      for (const cell of cellsShown(run)) if (isNew(cell.id, cell)) yield { type: 'cell', cell };
      if (!isAtWork(run)) return;
    }
  };

  const handlers: AppHandlers['benchmark'] = {
    plan: (request) => {
      const cells = cellsOf(request);
      // How fast an endpoint is nobody knows.
      const isLocal = request.targets.every(({ kind }) => kind === 'local');
      return { cells: cells.length, estimateMs: isLocal ? cells.reduce((sum, cell) => sum + cellMs(request, cell), 0) : null };
    },
    start: async (request) => {
      const cells = newCells(cellsOf(request));
      const targets = request.targets.map(describeTarget);
      const baseId = request.quality?.baseId ?? null;
      const names = [...new Set(targets.map(({ name }) => name))];
      const more = names.length - NAMED_MODELS;
      const run: SavedRun = {
        id: newId(),
        name: request.name || `${names.slice(0, NAMED_MODELS).join(', ')}${more > 0 ? ` + ${more}` : ''}`,
        preset: request.preset,
        request: {
          ...request,
          questionsPath: request.questionsPath === null ? null : resolveUserPath(request.questionsPath),
        },
        targets,
        base: baseId === null ? null : { modelId: baseId, name: nameOf(baseId) },
        environment: null,
        isImported: false,
        jobId: null,
        createdMs: clock(),
      };
      benchmarks.add(run, cells);
      try {
        await startJob(run);
      } catch (error) {
        benchmarks.remove(run.id);
        throw error;
      }
      return runOf(run.id);
    },
    runs: ({ modelId }) => benchmarks.list(modelId).map(describe),
    get: ({ runId }) => {
      const run = runOf(runId);
      return { run, cells: cellsShown(run) };
    },
    follow: ({ runId }, { signal }) => follow(runId, signal),
    cancel: ({ runId }) => {
      const job = jobOf(saved(runId));
      if (job !== undefined && isActive(job.state)) jobs.cancel(job.id);
      return runOf(runId);
    },
    resume: async ({ runId, again }) => {
      const run = saved(runId);
      if (run.isImported) throw new AppError('benchmark.cannotResume', { name: run.name });
      const job = jobOf(run);
      if (job !== undefined && isActive(job.state)) throw new AppError('benchmark.isRunning', { name: run.name });
      benchmarks.reset(runId, again);
      const { cells } = runOf(runId);
      if (cells.done + cells.failed === cells.total) return runOf(runId);
      if (job === undefined || job.state === 'done') await startJob(run);
      else await jobs.resume(job.id);
      return runOf(runId);
    },
    remove: ({ runId }) => {
      const run = runOf(runId);
      if (isAtWork(run)) throw new AppError('benchmark.isRunning', { name: run.name });
      benchmarks.remove(runId);
      return { id: runId };
    },
    export: ({ runId, format }) => {
      const run = saved(runId);
      const cells = benchmarks.cells(runId);
      const name = `benchmark ${fileNameOf(run.name)} ${new Date(run.createdMs).toISOString().slice(0, 10)}`;
      return format === 'json'
        ? { fileName: `${name}.json`, text: `${JSON.stringify(fileOf(run, cells), null, 2)}\n` }
        : { fileName: `${name}.md`, text: markdownOf(run, cells) };
    },
    import: async ({ path }) => {
      const { run, cells } = importedRun(await readBenchmarkFile(resolveUserPath(path)));
      benchmarks.add(run, cells);
      return runOf(run.id);
    },
    history: ({ modelId }) =>
      benchmarks.history(modelId).flatMap(({ runId, cell }) => {
        const run = benchmarks.get(runId);
        const target = run?.targets[cell.target];
        return run === undefined || target === undefined
          ? []
          : [{ runId, runName: run.name, target, environment: run.environment?.name ?? null, cell }];
      }),
  };
  return { handlers };
}
