import type { z } from 'zod';
import type { workProgress } from '#contract/engine.ts';
import { eventQueue } from '../event-queue.ts';

export type Progress = z.input<typeof workProgress>;

/** A screen shows progress ten times a second; more often would only cost time. */
const EVERY_MS = 100;

/** What is told about a long work, but for its kind. */
export type Tell = (progress: Omit<Progress, 'type'>) => void;

/**
 * Events of a work that tells its progress through callbacks: progress now and then, and the work's own result at last.
 * The work goes on at its own speed, whatever the reader's; a reader who leaves must abort it by the signal it was given.
 */
export async function* withProgress<T extends { readonly type: 'finished' }>(
  work: (tell: Tell) => Promise<T>,
): AsyncGenerator<Progress | T> {
  const events = eventQueue<Progress | T>({ replaces: (_, waiting) => waiting.type === 'progress' });
  let nextMs = 0;
  let phase: string | undefined;
  const tell: Tell = (progress) => {
    const nowMs = performance.now();
    if (nowMs < nextMs && progress.phase === phase && progress.amount < progress.total) return;
    nextMs = nowMs + EVERY_MS;
    phase = progress.phase;
    events.push({ type: 'progress', ...progress });
  };
  work(tell).then((result) => (events.push(result), events.end()), events.end);
  yield* events;
}
