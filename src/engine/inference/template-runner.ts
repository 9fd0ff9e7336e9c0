import { Worker } from 'node:worker_threads';
import { MiB } from '#core/bytes.ts';
import { AppError } from '#core/errors/index.ts';
import type { TemplateReply, TemplateRequest } from './template-worker.ts';

/** A long conversation takes milliseconds; the rest is for a computer that is busy. */
const LIMIT_MS = 5000;
/** A conversation of two million characters takes a few dozen MiB. */
const LIMIT_BYTES = 256 * MiB;

/** Runs templates in a thread of their own, one at a time. */
export interface TemplateRunner {
  /** Throws `chat.templateFailed`, `chat.templateTooSlow` and `chat.templateTooLarge`; the latter two end the thread. */
  render(request: TemplateRequest): Promise<string>;
  close(): Promise<void>;
}

/** In a bundle this code lies in a chunk one folder below the entries. */
const workerUrl = new URL(import.meta.url.endsWith('.ts') ? './template-worker.ts' : '../template-worker.js', import.meta.url);

/** @param limitMs shorter for tests */
export function createTemplateRunner(limitMs = LIMIT_MS): TemplateRunner {
  let running: { readonly worker: Worker; readonly ready: Promise<void> } | undefined;
  let last: Promise<unknown> = Promise.resolve();

  const start = () => {
    const worker = new Worker(workerUrl, {
      // A template sees nothing of the process, not even by mistake.
      env: {},
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: LIMIT_BYTES / MiB, maxYoungGenerationSizeMb: 32 },
    });
    const { promise, resolve } = Promise.withResolvers<void>();
    // 'online' would be too early: the thread's code is still to be loaded.
    worker.once('message', () => resolve());
    worker.once('exit', () => {
      if (running?.worker === worker) running = undefined;
      resolve();
    });
    // Told to whoever waits; alone it would end the process.
    worker.on('error', () => undefined);
    return { worker, ready: promise };
  };

  const run = async (request: TemplateRequest): Promise<string> => {
    running ??= start();
    const { worker, ready } = running;
    const { promise, resolve, reject } = Promise.withResolvers<TemplateReply>();
    const fail = (error: Error & { code?: string }): void =>
      reject(
        error.code === 'ERR_WORKER_OUT_OF_MEMORY'
          ? new AppError('chat.templateTooLarge', { limitBytes: LIMIT_BYTES })
          : new AppError('chat.templateFailed', { problem: error.message }),
      );
    const exit = (): void => fail(new Error('its thread ended'));
    worker.on('error', fail);
    worker.on('exit', exit);
    worker.ref();
    let limit: NodeJS.Timeout | undefined;
    try {
      // Starting a thread is not the template's time.
      await ready;
      worker.on('message', resolve);
      limit = setTimeout(() => {
        reject(new AppError('chat.templateTooSlow', { limitMs }));
        if (running?.worker === worker) running = undefined;
        void worker.terminate();
      }, limitMs);
      worker.postMessage(request);
      const reply = await promise;
      if ('error' in reply) throw AppError.from(reply.error);
      return reply.text;
    } finally {
      clearTimeout(limit);
      worker.off('message', resolve);
      worker.off('error', fail);
      worker.off('exit', exit);
      worker.unref();
    }
  };

  return {
    render: (request) => {
      const rendering = last.then(() => run(request));
      last = rendering.catch(() => undefined);
      return rendering;
    },
    close: async () => void (await running?.worker.terminate()),
  };
}
