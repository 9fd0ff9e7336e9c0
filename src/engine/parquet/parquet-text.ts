import { basename } from 'node:path';
import { Worker } from 'node:worker_threads';
import { AppError } from '#core/errors/index.ts';

/** Parquet, the format of most published datasets, as lines of JSON: one for each row. Read by hyparquet, in a thread of its own. */

export type ParquetReply = { readonly text: string } | { readonly problem: string; readonly isTooLarge: boolean };

/** A dataset of 256 MiB takes some seconds; what takes longer does not end. */
const LIMIT_MS = 120_000;
/** Rows of the largest dataset as objects, and their text. */
const LIMIT_MIB = 3072;

/** In a bundle this code lies in a chunk one folder below the entries. */
const workerUrl = new URL(import.meta.url.endsWith('.ts') ? './parquet-worker.ts' : '../parquet-worker.js', import.meta.url);

/**
 * @param maxTextBytes of all lines
 * Throws `train.unreadableData` for what is no Parquet file, or one that is damaged; `train.dataTooLarge`.
 */
export async function parquetText(path: string, sizeBytes: number, maxTextBytes: number): Promise<string> {
  const unreadable = (problem: string): AppError => new AppError('train.unreadableData', { file: basename(path) }, problem);
  const tooLarge = (problem: string): AppError => new AppError('train.dataTooLarge', { sizeBytes, limitBytes: maxTextBytes }, problem);
  const worker = new Worker(workerUrl, {
    workerData: { path, maxTextBytes },
    env: {},
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: LIMIT_MIB },
  });
  const { promise, resolve, reject } = Promise.withResolvers<ParquetReply>();
  worker.once('message', resolve);
  worker.once('error', (error: Error & { code?: string }) =>
    reject(error.code === 'ERR_WORKER_OUT_OF_MEMORY' ? tooLarge('it needs too much memory') : unreadable(error.message)),
  );
  worker.once('exit', () => reject(unreadable('its thread ended')));
  const limit = setTimeout(() => reject(unreadable(`it was not read within ${LIMIT_MS} ms`)), LIMIT_MS);
  try {
    const reply = await promise;
    if ('text' in reply) return reply.text;
    if (reply.isTooLarge) throw tooLarge(reply.problem);
    throw unreadable(reply.problem);
  } finally {
    clearTimeout(limit);
    await worker.terminate();
  }
}
