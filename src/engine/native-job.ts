import { availableParallelism } from 'node:os';
import { AppError, isErrorCode, type ErrorParams } from '#core/errors/index.ts';

/** How the addon's jobs are run: cancelled by a signal, with progress, and with errors that the rest of Lathe knows. */

/** A handle that stops the job it is given to. */
export interface CancelFlag {
  readonly cancelFlag: unique symbol;
}

/** The addon's part in stopping a job. */
interface Cancelling {
  cancelFlag(): CancelFlag;
  raise(flag: CancelFlag): void;
}

/** Runs the addon's jobs. */
export interface JobRunner {
  /** One that can be cancelled. What `onProgress` throws ends it as well. */
  run<T, P extends unknown[]>(
    signal: AbortSignal | undefined,
    onProgress: ((...values: P) => void) | undefined,
    start: (cancel: CancelFlag, onProgress: ((...values: P) => void) | undefined) => Promise<T>,
  ): Promise<T>;
  /** A short one: what the addon throws, at once or later, as a rejection with an AppError. */
  coded<T>(job: () => Promise<T>): Promise<T>;
}

/** What stops each job under way. Before it ends, Node waits for the threads of its pool. */
const running = new Set<() => void>();
process.once('exit', () => {
  for (const stop of running) stop();
});

export function jobRunner(addon: Cancelling): JobRunner {
  const run = async <T, P extends unknown[]>(
    signal: AbortSignal | undefined,
    onProgress: ((...values: P) => void) | undefined,
    start: (cancel: CancelFlag, onProgress: ((...values: P) => void) | undefined) => Promise<T>,
  ): Promise<T> => {
    if (signal?.aborted === true) throw new AppError('request.cancelled', {});
    const flag = addon.cancelFlag();
    const raise = (): void => addon.raise(flag);
    const failures: unknown[] = [];
    const report =
      onProgress &&
      ((...values: P): void => {
        try {
          if (failures.length === 0) onProgress(...values);
        } catch (error) {
          failures.push(error);
          raise();
        }
      });
    signal?.addEventListener('abort', raise, { once: true });
    running.add(raise);
    try {
      const result = await coded(() => start(flag, report));
      if (failures.length > 0) throw failures[0];
      return result;
    } catch (error) {
      throw failures.length > 0 ? failures[0] : error;
    } finally {
      running.delete(raise);
      signal?.removeEventListener('abort', raise);
    }
  };
  return { run, coded };
}

export const defaultThreads = (): number => Math.max(1, availableParallelism() - 1);

/** The addon's error as an AppError; anything else as it is. */
export function asAppError(error: unknown): unknown {
  if (!(error instanceof Error) || !('code' in error) || !('params' in error)) return error;
  const { code, params } = error;
  if (typeof code !== 'string' || !isErrorCode(code)) return error;
  const detail = 'detail' in error && typeof error.detail === 'string' ? error.detail : undefined;
  return AppError.from({ code, params: params as ErrorParams, detail });
}

/** What the addon throws, at once or later, as a rejection. */
async function coded<T>(job: () => Promise<T>): Promise<T> {
  try {
    return await job();
  } catch (error) {
    throw asAppError(error);
  }
}
