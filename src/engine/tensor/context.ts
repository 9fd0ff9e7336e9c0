import { availableParallelism } from 'node:os';
import type { Handlers } from '#contract/define.ts';
import type { tensorContract } from '#contract/engine.ts';
import type { Native } from '../native.ts';

export type TensorHandlers = Handlers<typeof tensorContract>['tensor'];

/** What the endpoints share. */
export interface TensorContext {
  /** The addon, loaded when it is first needed. */
  readonly native: () => Native;
  /** Lathe's, for the record in what is made. */
  readonly version: string;
}

/** For running a model: ggml's threads spin, and with every core taken they starve JavaScript. */
export const modelThreads = (threads: number | null): number => threads ?? Math.max(1, availableParallelism() - 1);
