import { rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { AppError } from '#core/errors/index.ts';
import { PROCESS_BYTES } from '#core/memory/inference.ts';
import type { Engines } from '../engines/index.ts';
import type { Library } from '../library/index.ts';
import { fileNameOf, freePath } from '../library/paths.ts';
import type { Memory } from '../memory/index.ts';
import { inspectEntry } from '../library/states.ts';
import type { RunRecord, RunStore } from '../training/store.ts';
import { isAdapter, parentsOf, usableAdapter } from './adapters.ts';
import { checkIsModel } from './inputs.ts';
import { makeFolder, publishedSince, removePartial } from './output.ts';
import { Paused, type JobRunner, type JobContext } from './runner.ts';

interface TrainOptions {
  readonly library: Pick<Library, 'usable' | 'enter' | 'hashOf' | 'setUsed'>;
  readonly engines: Pick<Engines, 'trainer' | 'tensor' | 'restart'>;
  readonly runs: RunStore;
  readonly memory: Pick<Memory, 'record'>;
  readonly threads: () => number | null;
  readonly versions: Readonly<Record<string, string>>;
  readonly clock: () => number;
}

/** Carry a run out, from its beginning or its last checkpoint, and put what came of it into the library. */
export function trainRunner({ library, engines, runs, memory, threads, versions, clock }: TrainOptions): JobRunner<'train'> {
  /** The models that a run is made from. Throws what is wrong with them. */
  const sourcesOf = async ({ config: { baseId, adapterId } }: RunRecord) => {
    const base = await library.usable(baseId);
    checkIsModel(base);
    return { base, adapter: adapterId === null ? null : await usableAdapter(library, adapterId) };
  };

  /** A path for what is made, without an ending; what an interrupted end left there is taken away. */
  const outputFor = async ({ id, outputPath, config }: RunRecord): Promise<string> => {
    if (outputPath !== null) {
      const own = [outputPath, `${outputPath}.gguf`];
      // Others may have put something there meanwhile: it is theirs.
      const left = await Promise.all(own.map((path) => publishedSince(path, config.createdMs).catch(() => 'taken' as const)));
      if (!left.includes('taken')) {
        for (const [index, path] of own.entries()) if (left[index] !== null) await rm(path, { recursive: true });
        return outputPath;
      }
    }
    await makeFolder(config.outputFolder);
    const file = await freePath(config.outputFolder, `${fileNameOf(config.name)}.gguf`);
    const free = file.replace(/\.gguf( \d+)?$/, '$1');
    const path = await freePath(dirname(free), basename(free));
    await runs.update(id, { outputPath: path });
    return path;
  };

  const run = async ({ runId, name }: { runId: string; name: string }, context: JobContext) => {
    const startMs = clock();
    const record = await runs.read(runId);
    const { config } = record;
    const { base, adapter } = await sourcesOf(record);
    library.setUsed(base.id);
    const used = [{ model: base, role: 'base' as const }, ...(adapter === null ? [] : [{ model: adapter, role: 'source' as const }])];
    const parents = await parentsOf(library, used, context, 'adapter.hashing');
    const baseSha256 = parents[0]?.sha256 ?? null;
    if (record.baseSha256 !== null && record.baseSha256 !== baseSha256) throw new AppError('train.baseChanged', { name: base.name });
    const outputPath = await outputFor(await runs.update(runId, { baseSha256 }));
    await makeFolder(context.scratchFolder);
    // A process has the libraries of one kind of device, and may have looked at data with the processor's.
    if (config.device !== 'CPU') await engines.restart('trainer');
    const { trainer } = await engines.trainer();
    const request = {
      modelPath: base.path,
      baseName: base.facts.name ?? base.name,
      dataPath: join(runs.folderOf(runId), record.dataFile),
      dataName: basename(config.dataPath),
      columns: config.columns,
      settings: config.settings,
      adapterPath: adapter?.path ?? null,
      runFolder: runs.folderOf(runId),
      outputPath,
      device: config.device,
      threads: threads(),
      scratchFolder: context.scratchFolder,
    };
    /** Of the trainer's process; what a card has is not told. */
    const measured = { predictedBytes: 0, measuredBytes: 0 };
    for await (const event of trainer.run(request, { signal: context.signal })) {
      if (event.type === 'log') measured.measuredBytes = Math.max(measured.measuredBytes, event.entry.memory_bytes);
      if (event.type === 'progress') context.progress(event);
      else if (event.type === 'planned') {
        measured.predictedBytes = event.memoryBytes + PROCESS_BYTES;
        await runs.update(runId, { totalSteps: event.totalSteps });
      } else if (event.type !== 'finished') runs.tell(runId, event);
      else {
        const { reason, step, warnings, files } = event;
        if (config.device === 'CPU')
          memory.record({ kind: 'train', modelName: base.name, device: 'processor', settings: decisive(config.settings), ...measured });
        if (reason === null) throw new Paused();
        const found = await Promise.all(files.map(async ({ path, kind }) => ({ kind, model: await inspectEntry({ path, kind }) })));
        const modelIds: string[] = [];
        const result = { reason, step, modelIds, paths: files.map(({ path }) => path), warnings, durationMs: clock() - startMs };
        const lineage = {
          parents,
          recipe: {
            kind: 'train',
            runId,
            settings: config.settings,
            dataSha256: record.dataSha256,
            dataName: basename(config.dataPath),
            step,
            curve: thinned(await runs.log(runId)),
          },
          versions: { ...versions },
          madeMs: clock(),
        };
        return {
          result: { kind: 'train' as const, runId, ...result },
          record: () => {
            modelIds.push(
              ...found.map(({ kind, model }) => library.enter(model, 'made', kind === 'peft-adapter' ? `${name}-PEFT` : name, lineage)),
            );
            runs.writeResult(runId, result);
          },
        };
      }
    }
    throw new AppError('request.cancelled', {});
  };

  return {
    lane: 'cpu',
    check: async ({ runId }) => {
      const record = await runs.read(runId);
      const { base } = await sourcesOf(record);
      if (isAdapter(base)) throw new AppError('jobs.needsModel', { name: base.name });
    },
    run,
    // The folder of a run is kept until it is removed by hand.
    canGoOn: ({ runId }) => runs.exists(runId),
    cleanUp: async ({ runId }) => {
      const { outputPath } = await runs.read(runId);
      if (outputPath !== null) for (const path of [outputPath, `${outputPath}.gguf`]) await removePartial(path);
    },
  };
}

/** Points of a curve that are kept with the result: enough to draw it. */
const CURVE_POINTS = 200;

function thinned(log: readonly { step: number; loss: number | null; eval_loss: number | null }[]) {
  const every = Math.ceil(log.length / CURVE_POINTS);
  return log
    .filter(({ eval_loss }, index) => index % every === 0 || eval_loss !== null || index === log.length - 1)
    .map(({ step, loss, eval_loss }) => ({ step, loss, eval_loss }));
}

/** Settings that memory depends on, as far as they were given. */
const DECISIVE = ['max_length', 'r', 'use_peft', 'gradient_checkpointing', 'weight_streaming'] as const;

const decisive = (settings: Readonly<Record<string, unknown>>): Record<string, number | boolean> =>
  Object.fromEntries(
    DECISIVE.flatMap((name) => {
      const value = settings[name];
      return typeof value === 'number' || typeof value === 'boolean' ? [[name, value]] : [];
    }),
  );
