import { writeFileSync, renameSync } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { AppError } from '#core/errors/index.ts';
import { onDisk } from '#core/errors/on-disk.ts';
import { CHECKPOINT_FOLDER, checkpointStep, LOG_FILE, SAMPLES_FILE, WISH_FILE, type RunWish } from '#core/training/run-files.ts';
import { sha256 } from '#contract/shared.ts';
import {
  logEntry,
  runConfig,
  trainingComparison,
  trainingResult,
  trainingSample,
  type TrainingComparison,
  type TrainingEvent,
  type TrainingResult,
} from '#contract/training.ts';
import { listeners } from '../changes.ts';

/** What is kept of a run, as `run.json` in its folder. */
const runRecord = z.object({
  id: z.string(),
  config: runConfig,
  /** Name of the copy of the dataset in the folder. */
  dataFile: z.string(),
  dataSha256: sha256,
  baseSha256: sha256.nullable(),
  totalSteps: z.number().nullable(),
  /** Without an ending; null until a run has begun to write. */
  outputPath: z.string().nullable(),
});
export type RunRecord = z.output<typeof runRecord>;

const RUN_FILE = 'run.json';
const RESULT_FILE = 'result.json';
const COMPARISON_FILE = 'comparison.json';

/** Something that a run tells, to whoever follows it. */
export type RunNews = Exclude<TrainingEvent, { type: 'run' }> | { readonly type: 'changed' };

export type RunStore = ReturnType<typeof createRunStore>;

/** Runs, each a folder with its settings, its data, its log and its checkpoints. */
export function createRunStore(folder: string) {
  const news = listeners<{ readonly runId: string; readonly news: RunNews }>();
  const folderOf = (id: string): string => {
    // An id from outside becomes a part of a path.
    if (!/^[0-9a-z]{1,64}$/.test(id)) throw new AppError('train.unknownRun', {});
    return join(folder, id);
  };

  const read = async (id: string): Promise<RunRecord> => {
    const text = await readFile(join(folderOf(id), RUN_FILE), 'utf8').catch(() => null);
    const found = text === null ? undefined : parseOne(runRecord, text);
    if (found === undefined) throw new AppError('train.unknownRun', {});
    return found;
  };
  const write = async (record: RunRecord): Promise<void> => {
    const path = join(folderOf(record.id), RUN_FILE);
    await onDisk(path, async () => {
      await using handle = await open(`${path}.partial`, 'w');
      await handle.writeFile(JSON.stringify(record));
      await handle.sync();
    });
    await onDisk(path, () => rename(`${path}.partial`, path));
    news.emit({ runId: record.id, news: { type: 'changed' } });
  };

  return {
    folderOf,
    read,
    write,
    create: async (record: RunRecord, data: Uint8Array): Promise<void> => {
      const own = folderOf(record.id);
      await onDisk(own, async () => {
        await mkdir(join(own, CHECKPOINT_FOLDER), { recursive: true });
        await using handle = await open(join(own, record.dataFile), 'w');
        await handle.writeFile(data);
        await handle.sync();
      });
      await write(record);
    },
    update: async (id: string, change: Partial<RunRecord>): Promise<RunRecord> => {
      const record = { ...(await read(id)), ...change };
      await write(record);
      return record;
    },
    /** All runs, newest first; a folder that is no run is left alone. */
    list: async (): Promise<RunRecord[]> => {
      const names = await readdir(folder).catch(() => []);
      const found = await Promise.all(names.map((name) => read(name).catch(() => null)));
      return found.filter((record) => record !== null).toSorted((a, b) => b.config.createdMs - a.config.createdMs);
    },
    log: async (id: string) => parseLines(logEntry, await readText(join(folderOf(id), LOG_FILE))),
    samples: async (id: string) => parseLines(trainingSample, await readText(join(folderOf(id), SAMPLES_FILE))),
    checkpoints: async (id: string) => {
      const own = join(folderOf(id), CHECKPOINT_FOLDER);
      const found: { step: number; sizeBytes: number; savedMs: number }[] = [];
      for (const name of await readdir(own).catch(() => [])) {
        const step = checkpointStep(name);
        const file = step === null ? null : await stat(join(own, name)).catch(() => null);
        if (step !== null && file !== null) found.push({ step, sizeBytes: file.size, savedMs: Math.floor(file.mtimeMs) });
      }
      return found.toSorted((a, b) => a.step - b.step);
    },
    result: async (id: string): Promise<TrainingResult | null> => {
      const text = await readText(join(folderOf(id), RESULT_FILE));
      return text === '' ? null : (parseOne(trainingResult, text) ?? null);
    },
    comparison: async (id: string): Promise<TrainingComparison | null> =>
      parseOne(trainingComparison, await readText(join(folderOf(id), COMPARISON_FILE))) ?? null,
    /** Throws `disk.*`. */
    writeComparison: async (id: string, comparison: TrainingComparison): Promise<void> => {
      const path = join(folderOf(id), COMPARISON_FILE);
      await onDisk(path, async () => {
        await writeFile(`${path}.partial`, JSON.stringify(comparison));
        await rename(`${path}.partial`, path);
      });
    },
    /** At once: within the transaction that ends the run's job. */
    writeResult: (id: string, result: TrainingResult): void => {
      const path = join(folderOf(id), RESULT_FILE);
      writeFileSync(`${path}.partial`, JSON.stringify(result));
      renameSync(`${path}.partial`, path);
    },
    /** Ask something of a run that is at work in another process: it finds the file after its present step. Throws `disk.*`. */
    wish: async (id: string, what: RunWish): Promise<void> => {
      const path = join(folderOf(id), WISH_FILE);
      await onDisk(path, async () => {
        await writeFile(`${path}.partial`, what);
        await rename(`${path}.partial`, path);
      });
    },
    remove: (id: string): Promise<void> => onDisk(folderOf(id), () => rm(folderOf(id), { recursive: true, force: true })),
    exists: (id: string): Promise<boolean> =>
      read(id).then(
        () => true,
        () => false,
      ),
    tell: (runId: string, what: RunNews): void => news.emit({ runId, news: what }),
    subscribe: news.add,
  };
}

const readText = (path: string): Promise<string> => readFile(path, 'utf8').catch(() => '');

function parseOne<T>(schema: z.ZodType<T>, text: string): T | undefined {
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/** Lines that are whole: the last one may be written at this moment. */
const parseLines = <T>(schema: z.ZodType<T>, text: string): T[] =>
  text
    .split('\n')
    .map((line) => (line === '' ? undefined : parseOne(schema, line)))
    .filter((each) => each !== undefined);
