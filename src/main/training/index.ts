import { createHash } from 'node:crypto';
import { mkdir, readFile, rm, stat } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { AppError } from '#core/errors/index.ts';
import { onDisk } from '#core/errors/on-disk.ts';
import { checkSettings } from '#core/training/check-settings.ts';
import { datasetEndings } from '#core/training/records.ts';
import type { AppHandlers } from '#contract/index.ts';
import type { Job } from '#contract/jobs.ts';
import type { TrainingEvent, TrainingRun } from '#contract/training.ts';
import type { Engines } from '../engines/index.ts';
import { newId } from '../ids.ts';
import { usableAdapter } from '../jobs/adapters.ts';
import { checkIsModel } from '../jobs/inputs.ts';
import type { JobQueue } from '../jobs/queue.ts';
import type { Library } from '../library/index.ts';
import { resolveUserPath } from '../library/paths.ts';
import { exportRecipe } from './export.ts';
import { followRun, isTrainJob, type TrainJob } from './follow.ts';
import type { RunRecord, RunStore } from './store.ts';

interface TrainingOptions {
  readonly library: Pick<Library, 'usable' | 'get'>;
  readonly engines: Pick<Engines, 'trainer' | 'benchmark'>;
  readonly runs: RunStore;
  readonly jobs: Pick<JobQueue, 'start' | 'resume' | 'list' | 'changes' | 'isOurs'>;
  /** Where results go unless a run says otherwise. */
  readonly modelFolder: string;
  readonly scratchFolder: string;
  readonly threads: () => number | null;
  readonly clock: () => number;
}

const stateOf = (job: Job | undefined, isDone: boolean): TrainingRun['state'] => {
  if (job?.state === 'queued') return 'waiting';
  if (job?.state === 'running') return 'running';
  if (isDone) return 'done';
  return job?.state === 'failed' ? 'failed' : 'paused';
};

export type Training = ReturnType<typeof createTraining>;

/** Training runs: begun, followed, told to wait or to end, gone on with. */
export function createTraining({ library, engines, runs, jobs, modelFolder, scratchFolder, threads, clock }: TrainingOptions) {
  const checkFolder = join(scratchFolder, 'training');

  /** The newest job of each run. */
  const jobsByRun = async (): Promise<Map<string, TrainJob>> => {
    const found = new Map<string, TrainJob>();
    for (const job of (await jobs.list()).filter(isTrainJob)) if (!found.has(job.spec.runId)) found.set(job.spec.runId, job);
    return found;
  };
  const describe = async (record: RunRecord, job: TrainJob | undefined): Promise<TrainingRun> => {
    const [log, saved, result] = await Promise.all([runs.log(record.id), runs.checkpoints(record.id), runs.result(record.id)]);
    const best = log.reduce<{ step: number; loss: number } | null>(
      (least, { step, eval_loss }) => (eval_loss !== null && eval_loss < (least?.loss ?? Infinity) ? { step, loss: eval_loss } : least),
      null,
    );
    return {
      id: record.id,
      config: record.config,
      dataSha256: record.dataSha256,
      baseSha256: record.baseSha256,
      state: stateOf(job, result !== null),
      jobId: job?.id ?? null,
      error: job?.state === 'failed' ? job.error : null,
      totalSteps: record.totalSteps,
      last: log.at(-1) ?? null,
      checkpoints: saved.map((each) => ({ ...each, isBest: each.step === best?.step })),
      result,
    };
  };
  const runOf = async (runId: string): Promise<TrainingRun> => describe(await runs.read(runId), (await jobsByRun()).get(runId));
  const isActive = ({ state }: TrainingRun): boolean => state === 'waiting' || state === 'running';

  const wish = async (runId: string, what: 'pause' | 'checkpoint' | 'stop'): Promise<void> => {
    const run = await runOf(runId);
    if (run.state !== 'running') throw new AppError('train.notRunning', { name: run.config.name });
    if (run.jobId !== null && !jobs.isOurs(run.jobId)) return runs.wish(runId, what);
    const { trainer } = await engines.trainer();
    try {
      await trainer.wish({ wish: what });
    } catch (error) {
      if (error instanceof AppError && error.code === 'train.notRunning') throw new AppError('train.notRunning', { name: run.config.name });
      throw error;
    }
  };

  const follow = (runId: string, signal: AbortSignal): AsyncGenerator<TrainingEvent> =>
    followRun({ runs, jobs, runOf, isActive }, runId, signal);

  const handlers: AppHandlers['training'] = {
    checkData: async ({ baseId, dataPath, columns, template, settings: given, shown, first }, { signal }) => {
      const settings = { ...checkSettings(given, template) };
      const base = await library.usable(baseId);
      checkIsModel(base);
      const { trainer } = await engines.trainer();
      const request = { modelPath: base.path, dataPath: resolveUserPath(dataPath), columns, settings, shown, first };
      return trainer.checkData({ ...request, scratchFolder: checkFolder }, { signal });
    },
    fields: async ({ dataPath }, { signal }) => {
      const { trainer } = await engines.trainer();
      return trainer.fields({ dataPath: resolveUserPath(dataPath) }, { signal });
    },
    demoData: async () => {
      const { trainer } = await engines.trainer();
      return trainer.demoData({});
    },
    preview: async ({ baseId, template, settings: given }, { signal }) => {
      const settings = { ...checkSettings(given, template) };
      const base = await library.usable(baseId);
      checkIsModel(base);
      const { trainer } = await engines.trainer();
      return trainer.preview({ modelPath: base.path, settings, scratchFolder: checkFolder }, { signal });
    },
    devices: async (_, { signal }) => {
      const { benchmark } = await engines.benchmark();
      return benchmark.devices({}, { signal });
    },
    start: async ({ baseId, dataPath: written, columns, name, template, settings: given, outputFolder, adapterId, device }) => {
      const settings = { ...checkSettings(given, template) };
      const base = await library.usable(baseId);
      checkIsModel(base);
      if (adapterId !== null) await usableAdapter(library, adapterId);
      const dataPath = resolveUserPath(written);
      const source = await readData(dataPath);
      // What cannot be trained is named before there is a run.
      const { trainer } = await engines.trainer();
      await trainer.preview({ modelPath: base.path, settings, scratchFolder: checkFolder });
      const id = newId();
      const isParquet = extname(dataPath).toLowerCase() === '.parquet';
      const data = isParquet ? await asJsonLines(trainer, dataPath, join(checkFolder, `${id}.jsonl`)) : source;
      const config = {
        baseId,
        baseName: base.name,
        dataPath,
        columns,
        name,
        template,
        given,
        settings,
        outputFolder: outputFolder === undefined ? modelFolder : resolveUserPath(outputFolder),
        adapterId,
        device,
        createdMs: clock(),
      };
      const dataSha256 = createHash('sha256').update(source).digest('hex');
      const dataFile = isParquet ? 'data.jsonl' : `data${extname(dataPath).toLowerCase()}`;
      await runs.create({ id, config, dataFile, dataSha256, baseSha256: null, totalSteps: null, outputPath: null }, data);
      try {
        await jobs.start({ kind: 'train', runId: id, baseId, name });
      } catch (error) {
        await runs.remove(id);
        throw error;
      }
      return runOf(id);
    },
    runs: async () => {
      const newest = await jobsByRun();
      return Promise.all((await runs.list()).map((record) => describe(record, newest.get(record.id))));
    },
    get: async ({ runId }) => ({
      run: await runOf(runId),
      log: await runs.log(runId),
      samples: await runs.samples(runId),
      comparison: await runs.comparison(runId),
    }),
    compare: async ({ runId, prompts, tokens }, { signal }) => {
      const run = await runOf(runId);
      const { baseId, settings, name } = run.config;
      const base = await library.usable(baseId);
      const made = (await Promise.all((run.result?.modelIds ?? []).map((id) => library.usable(id).catch(() => null)))).find(
        (model) => model?.kind === 'gguf-adapter' || model?.kind === 'gguf',
      );
      if (made == null) throw new AppError('train.nothingToCompare', { name });
      const after = made.kind === 'gguf' ? { modelPath: made.path, adapterPath: null } : { modelPath: base.path, adapterPath: made.path };
      const { trainer } = await engines.trainer();
      const { answers } = await trainer.say(
        {
          ways: [{ modelPath: base.path, adapterPath: null }, after],
          prompts,
          tokens,
          chatTemplate: checkSettings(settings).chat_template,
          scratchFolder: checkFolder,
          threads: threads(),
        },
        { signal },
      );
      const said = (way: number, index: number): string => answers[way]?.[index] ?? '';
      const pairs = prompts.map((prompt, index) => ({ prompt, before: said(0, index), after: said(1, index) }));
      const comparison = { madeMs: clock(), pairs };
      await runs.writeComparison(runId, comparison);
      return comparison;
    },
    follow: ({ runId }, { signal }) => follow(runId, signal),
    pause: async ({ runId }, { signal }) => {
      await wish(runId, 'pause');
      let run = await runOf(runId);
      for await (const event of follow(runId, signal)) if (event.type === 'run') ({ run } = event);
      return run;
    },
    checkpoint: async ({ runId }) => {
      await wish(runId, 'checkpoint');
      return {};
    },
    stop: async ({ runId }) => {
      await wish(runId, 'stop');
      return {};
    },
    resume: async ({ runId }) => {
      const run = await runOf(runId);
      if (isActive(run)) throw new AppError('train.isRunning', { name: run.config.name });
      const job = (await jobsByRun()).get(runId);
      const { name, baseId } = run.config;
      if (job !== undefined && (job.state === 'interrupted' || job.state === 'failed')) await jobs.resume(job.id);
      else if (run.result === null) await jobs.start({ kind: 'train', runId, baseId, name });
      return runOf(runId);
    },
    remove: async ({ runId }) => {
      const run = await runOf(runId);
      if (isActive(run)) throw new AppError('train.isRunning', { name: run.config.name });
      await runs.remove(runId);
      return {};
    },
    exportRecipe: async ({ runId, format, outputFolder }) => {
      const record = await runs.read(runId);
      const { baseId, adapterId } = record.config;
      const parents = { base: library.get(baseId), adapter: adapterId === null ? null : library.get(adapterId) };
      return {
        files: await exportRecipe(record, parents, join(runs.folderOf(runId), record.dataFile), format, resolveUserPath(outputFolder)),
      };
    },
  };
  return { handlers };
}

/** As much as the trainer reads (src/engine/trainer/data.ts). */
const MAX_DATA_BYTES = 256 * 2 ** 20;

/** A dataset is kept with its run: without it nothing can be gone on with. Throws `train.unreadableData`, `train.dataTooLarge`, `disk.*`. */
const readData = (path: string): Promise<Uint8Array> =>
  onDisk(path, async () => {
    const found = await stat(path);
    if (!found.isFile() || !datasetEndings.includes(extname(path).toLowerCase()))
      throw new AppError('train.unreadableData', { file: basename(path) });
    const { size: sizeBytes } = found;
    if (sizeBytes > MAX_DATA_BYTES) throw new AppError('train.dataTooLarge', { sizeBytes, limitBytes: MAX_DATA_BYTES });
    return readFile(path);
  });

/** Rows of a Parquet file as lines: what is kept with a run is read again, and exported. */
async function asJsonLines(
  trainer: Awaited<ReturnType<Engines['trainer']>>['trainer'],
  dataPath: string,
  path: string,
): Promise<Uint8Array> {
  await onDisk(path, () => mkdir(dirname(path), { recursive: true }));
  try {
    await trainer.jsonLines({ dataPath, outputPath: path });
    return await onDisk(path, () => readFile(path));
  } finally {
    await rm(path, { force: true });
  }
}
