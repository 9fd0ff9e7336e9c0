import { defaultThreads, type CancelFlag, type JobRunner } from './native-job.ts';
import type { AdapterFile } from './native-quantize.ts';

/** A text and what may follow it. */
export interface Pair {
  readonly text: string;
  readonly answer: string;
}

/** How likely a model holds an answer after its text. */
export interface Score {
  /** Of all its tokens together, in nats. */
  readonly logLikelihood: number;
  readonly tokens: number;
  /** Each of its tokens is the likeliest after those before. */
  readonly isLikeliest: boolean;
}

export interface ScoreOptions {
  /** A GGUF file, or the first of a split one. */
  readonly modelPath: string;
  /** Such as share a beginning stand together: it is computed once. */
  readonly pairs: readonly Pair[];
  /** Default: all cores but one. */
  readonly threads?: number | undefined;
  /** Layers that go to the graphics card; default none. */
  readonly gpuLayers?: number | undefined;
  /** Beside the weights; default none. */
  readonly adapters?: readonly AdapterFile[] | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((donePairs: number, totalPairs: number) => void) | undefined;
}

export interface ScoreAddon {
  scoreAnswers(
    modelPath: string,
    pairs: readonly Pair[],
    threads: number,
    gpuLayers: number,
    adapters: readonly AdapterFile[],
    cancel: CancelFlag,
    onProgress: ((amount: number, total: number) => void) | undefined,
  ): Promise<Score[]>;
}

export interface NativeScore {
  /**
   * How likely answers are, pair by pair: text and answer are tokenized as one, the answer's tokens are those after the text's.
   * Throws what `perplexity` throws.
   */
  scoreAnswers(options: ScoreOptions): Promise<readonly Score[]>;
}

export const nativeScore = (addon: ScoreAddon, { run }: JobRunner): NativeScore => ({
  scoreAnswers: ({ modelPath, pairs, threads = defaultThreads(), gpuLayers = 0, adapters = [], signal, onProgress }) =>
    run(signal, onProgress, (cancel, report) => addon.scoreAnswers(modelPath, pairs, threads, gpuLayers, adapters, cancel, report)),
});
