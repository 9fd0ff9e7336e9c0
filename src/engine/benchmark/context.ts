import { basename } from 'node:path';
import type { Handlers } from '#contract/define.ts';
import type { benchmarkContract } from '#contract/engine.ts';
import { openRuntimeAdapters } from '../inference/adapters.ts';
import type { AdapterAt } from '../lora/open-adapters.ts';
import type { AdapterFile } from '../native-quantize.ts';
import type { Native } from '../native.ts';
import { openQuantizable } from '../quantize/open-model.ts';
import { runnable } from '../tensor/run-model.ts';

export type BenchmarkHandlers = Handlers<typeof benchmarkContract>['benchmark'];

/** What the endpoints share. */
export interface BenchmarkContext {
  /** The addon with the libraries for graphics cards or without: one process has but one kind, the one first asked for. */
  native(wantsCards: boolean): Promise<Native>;
  readonly version: string;
}

/** A model as files that llama.cpp runs, for as long as it is not disposed of. */
export interface Runnable extends AsyncDisposable {
  readonly path: string;
  readonly adapters: readonly AdapterFile[];
}

interface RunnableOptions {
  readonly modelPath: string;
  readonly adapters: readonly AdapterAt[];
  readonly scratchFolder: string;
  readonly kernels: Native;
  readonly version: string;
  readonly threads: number;
  readonly signal: AbortSignal;
  readonly progress: (amount: number, total: number, tensor: string) => void;
}

/** A model with adapters beside it; a folder becomes a working copy of floats. Throws what stands in the way of either. */
export async function openRunnable({ modelPath, adapters, version, ...working }: RunnableOptions): Promise<Runnable> {
  await using stack = new AsyncDisposableStack();
  const opened = stack.use(await openQuantizable(modelPath, basename(modelPath)));
  const { path } = stack.use(await runnable(opened, version, working));
  const { files } = stack.use(await openRuntimeAdapters(path, adapters, working.scratchFolder, working.signal));
  const owned = stack.move();
  return { path, adapters: files, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}
