import type { CacheType } from '#core/memory/cache-types.ts';
import { defaultThreads, type CancelFlag, type JobRunner } from './native-job.ts';
import type { AdapterFile } from './native-quantize.ts';

export interface SpeedOptions {
  /** A GGUF file, or the first of a split one. */
  readonly modelPath: string;
  /** Read at once; 0: not measured. Default 512. */
  readonly promptTokens?: number | undefined;
  /** Made one after another; 0: not measured. Default 128. */
  readonly newTokens?: number | undefined;
  /** Tokens that the context holds before either; default none. */
  readonly depth?: number | undefined;
  /** Default 5, after one that only warms up. */
  readonly repetitions?: number | undefined;
  /** Tokens that are given to llama.cpp at a time; default 2048. */
  readonly batch?: number | undefined;
  /** Tokens that one graph computes; default 512. */
  readonly ubatch?: number | undefined;
  /** Default F16. */
  readonly keyType?: CacheType | undefined;
  readonly valueType?: CacheType | undefined;
  /** Default: llama.cpp decides. */
  readonly flashAttention?: 'auto' | 'off' | 'on' | undefined;
  /** Default: all cores but one. */
  readonly threads?: number | undefined;
  /** Layers that go to the graphics card; default none. */
  readonly gpuLayers?: number | undefined;
  /** Beside the weights; default none. */
  readonly adapters?: readonly AdapterFile[] | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((doneRepetitions: number, totalRepetitions: number) => void) | undefined;
}

/** Seconds, one entry for each repetition. */
export interface Speed {
  /** For the model, without a context. */
  readonly loadSeconds: number;
  /** For all prompt tokens together. */
  readonly promptSeconds: Float64Array;
  /** For all new tokens together. */
  readonly newSeconds: Float64Array;
  /** When each of those began, in seconds of the clock that `process.hrtime` reads on Linux. */
  readonly newStarts: Float64Array;
}

export interface SpeedAddon {
  measureSpeed(
    modelPath: string,
    promptTokens: number,
    newTokens: number,
    depth: number,
    repetitions: number,
    batch: number,
    ubatch: number,
    keyType: string,
    valueType: string,
    flashAttention: string,
    threads: number,
    gpuLayers: number,
    adapters: readonly AdapterFile[],
    cancel: CancelFlag,
    onProgress: ((amount: number, total: number) => void) | undefined,
  ): Promise<Speed>;
}

export interface NativeSpeed {
  /**
   * How fast a model reads and writes, by llama-bench's method: random tokens, nothing is sampled. Throws `engine.loadFailed`,
   * `engine.insufficientMemory`, `evaluate.notGenerative`, `.contextLength`, `.quantizedValues`, `.decodeFailed`, `request.cancelled`.
   */
  measureSpeed(options: SpeedOptions): Promise<Speed>;
}

export const nativeSpeed = (addon: SpeedAddon, { run }: JobRunner): NativeSpeed => ({
  measureSpeed: ({
    modelPath,
    promptTokens = 512,
    newTokens = 128,
    depth = 0,
    repetitions = 5,
    batch = 2048,
    ubatch = 512,
    keyType = 'F16',
    valueType = 'F16',
    flashAttention = 'auto',
    threads = defaultThreads(),
    gpuLayers = 0,
    adapters = [],
    signal,
    onProgress,
  }) =>
    run(signal, onProgress, (cancel, report) =>
      addon.measureSpeed(
        modelPath,
        promptTokens,
        newTokens,
        depth,
        repetitions,
        batch,
        ubatch,
        keyType,
        valueType,
        flashAttention,
        threads,
        gpuLayers,
        adapters,
        cancel,
        report,
      ),
    ),
});
