import { AppError, toErrorData, type AppErrorData } from '#core/errors/index.ts';

/** The coded error that a function or a promise ends with. Any other ending is a failure. */
export async function errorOf(work: Promise<unknown> | (() => unknown)): Promise<AppErrorData> {
  try {
    await (typeof work === 'function' ? work() : work);
  } catch (error) {
    if (error instanceof AppError) return toErrorData(error);
    throw error;
  }
  throw new Error('It should have been refused, but it was accepted.');
}
