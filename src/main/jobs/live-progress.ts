import { rateMeter, remainingMs } from '#core/jobs/rate.ts';
import { noProgress, type JobProgress } from '../db/jobs.ts';
import type { WorkReport } from './runner.ts';

/** A screen shows ten pictures of a progress a second, and another process one. */
const SHOW_EVERY_MS = 100;
const SAVE_EVERY_MS = 1000;

interface LiveProgressOptions {
  readonly clock: () => number;
  readonly show: () => void;
  readonly save: (progress: JobProgress) => void;
}

/** The progress of a running job, from what its runner reports. */
export class LiveProgress {
  current: JobProgress = noProgress;
  private readonly options: LiveProgressOptions;
  private meter = rateMeter();
  private phase: string | null = null;
  private shownMs = -Infinity;
  private savedMs = -Infinity;
  private later: NodeJS.Timeout | undefined;

  constructor(options: LiveProgressOptions) {
    this.options = options;
  }

  report({ phase, detail, amount, total, unit }: WorkReport): void {
    const nowMs = this.options.clock();
    if (phase !== this.phase) {
      // Another phase goes at another speed, and is soon known to other processes, however long it says nothing more.
      this.meter = rateMeter();
      this.savedMs = -Infinity;
    }
    this.phase = phase;
    this.meter.add(amount, nowMs);
    const ratePerSecond = this.meter.perSecond();
    this.current = {
      phase,
      detail,
      fraction: total > 0 ? Math.min(1, Math.max(0, amount / total)) : null,
      done: { amount, total, unit },
      ratePerSecond,
      remainingMs: remainingMs(amount, total, ratePerSecond),
    };
    if (nowMs - this.shownMs >= SHOW_EVERY_MS) this.show();
    // The last report before a pause is shown too.
    else this.later ??= setTimeout(() => this.show(), SHOW_EVERY_MS);
  }

  stop(): void {
    clearTimeout(this.later);
  }

  private show(): void {
    clearTimeout(this.later);
    this.later = undefined;
    this.shownMs = this.options.clock();
    // Saving is heard of as well, so it stands for showing.
    if (this.shownMs - this.savedMs < SAVE_EVERY_MS) return this.options.show();
    this.savedMs = this.shownMs;
    this.options.save(this.current);
  }
}
