import type { TrainableFamily } from '#core/training/families.ts';
import { asAppError, defaultThreads, type CancelFlag, type JobRunner } from './native-job.ts';

/** The part of the addon that trains; `native.ts` loads it. */

/** A row of tokens: one sample, or several that do not see each other. All arrays are equally long. */
export interface TrainRow {
  readonly tokens: Int32Array;
  /** Of each token in its own sample. */
  readonly positions: Int32Array;
  /** The number of each token's sample in the row, -1 for padding. */
  readonly segments: Int32Array;
  /** The token that should follow; -1: not trained. */
  readonly labels: Int32Array;
  /** Of each label in the loss. */
  readonly weights: Float32Array;
}

/** Sums over the trained tokens of a row. */
export interface RowResult {
  /** Negative log-likelihoods in nats, weighted. */
  readonly lossSum: number;
  readonly weightSum: number;
  readonly trained: number;
  /** Labels that were the likeliest token. */
  readonly correct: number;
  /** Of the predictions, in nats. */
  readonly entropySum: number;
}

export interface TrainerModule {
  /** Such as `blk.0.attn_q.weight`. */
  readonly tensor: string;
  readonly rank: number;
  /** alpha / rank, or alpha / √rank. */
  readonly scale: number;
}

export interface TrainerOptions {
  /** One GGUF file. */
  readonly modelPath: string;
  readonly family: TrainableFamily;
  /** `CPU`, or a device's name of `systemInfo`. */
  readonly device: string;
  readonly threads?: number | undefined;
  /** Of the longest row. */
  readonly maxTokens: number;
  readonly modules: readonly TrainerModule[];
  /** Names of tensors that are trained as they are, in float32. */
  readonly whole?: readonly string[] | undefined;
  readonly dropout?: number | undefined;
  readonly dora?: boolean | undefined;
  /** Compute each layer again on the way back rather than keep what it computed: less memory, a third more time. */
  readonly checkpointing?: boolean | undefined;
  /** Read each layer's weights when they are needed: the memory of one layer. */
  readonly streaming?: boolean | undefined;
  readonly seed?: number | undefined;
}

export interface UpdateOptions {
  readonly optimizer: 'adamw' | 'sgd';
  readonly learningRate: number;
  /** Of every lora_b; LoRA+ takes a larger one. Default: `learningRate`. */
  readonly learningRateB?: number | undefined;
  readonly beta1?: number | undefined;
  readonly beta2?: number | undefined;
  readonly epsilon?: number | undefined;
  /** Not on norms, biases and DoRA's lengths. */
  readonly weightDecay?: number | undefined;
  /** 0: gradients are not clipped. */
  readonly maxGradNorm?: number | undefined;
  /** What the gradients are multiplied with first: 1 / the sum of the rows' weights makes their mean. */
  readonly gradientScale: number;
}

export interface UpdateResult {
  /** Before clipping. */
  readonly gradNorm: number;
  /** False: gradients were not finite; they are gone and nothing has changed. */
  readonly applied: boolean;
}

export interface TrainerTensor {
  /** A module's tensor with `.lora_a` [inputs, rank], `.lora_b` [rank, outputs] or `.lora_magnitude` [outputs]; or a whole one's. */
  readonly name: string;
  /** As ggml counts: the first runs fastest. */
  readonly shape: readonly number[];
  /** Floats from the beginning of the state's arrays. */
  readonly offset: number;
}

/** All that a later step depends on, beside options and rows. The arrays are equally long, with gaps between tensors. */
export interface TrainerState {
  readonly parameters: Float32Array;
  readonly firstMoments: Float32Array;
  readonly secondMoments: Float32Array;
  readonly updates: number;
}

/** Bytes on the device. */
export interface TrainerMemory {
  readonly weights: number;
  /** Values, gradients and both moments. */
  readonly parameters: number;
  /** What goes into each layer, masks and inputs. */
  readonly states: number;
  /** Grows to the longest row's. */
  readonly graphs: number;
}

/** A trainer; one call at a time. Close it: it holds the model's memory. */
export interface Trainer {
  readonly tensors: readonly TrainerTensor[];
  memory(): TrainerMemory;
  /** Adds a row's gradients, each token weighed, to those that are there. */
  accumulate(row: TrainRow, signal?: AbortSignal): Promise<RowResult>;
  evaluate(row: TrainRow, signal?: AbortSignal): Promise<RowResult>;
  /** One step with what was added up. */
  update(options: UpdateOptions): Promise<UpdateResult>;
  /** Forget the gradients of rows since the last step, after a row that was cancelled. */
  discard(): void;
  /** At first lora_a and lora_b are zero, magnitudes the lengths of the base, whole tensors those of the file. */
  readState(): TrainerState;
  writeState(state: TrainerState): void;
  close(): void;
}

interface TrainerHandle {
  readonly trainer: unique symbol;
}

type Part = 'parameters' | 'firstMoments' | 'secondMoments';

/** The addon's functions, as src/native/binding/train.cc defines them. */
export interface TrainAddon {
  openTrainer(
    options: Required<TrainerOptions>,
    cancel: CancelFlag,
    onProgress: ((done: number, total: number) => void) | undefined,
  ): Promise<{ readonly trainer: TrainerHandle; readonly size: number; readonly tensors: readonly TrainerTensor[] }>;
  trainRow(
    trainer: TrainerHandle,
    train: boolean,
    tokens: Int32Array,
    positions: Int32Array,
    segments: Int32Array,
    labels: Int32Array,
    weights: Float32Array,
    cancel: CancelFlag,
  ): Promise<RowResult>;
  trainUpdate(
    trainer: TrainerHandle,
    options: Required<Omit<UpdateOptions, 'optimizer'>> & { readonly sgd: boolean },
    cancel: CancelFlag,
  ): Promise<UpdateResult>;
  trainState(trainer: TrainerHandle): { readonly updates: number; readonly memory: TrainerMemory };
  readTrained(trainer: TrainerHandle, part: Part, out: Float32Array): void;
  writeTrained(trainer: TrainerHandle, part: Part, values: Float32Array, updates: number): void;
  discardGradients(trainer: TrainerHandle): void;
  closeTrainer(trainer: TrainerHandle): void;
}

export interface NativeTrain {
  /** Throws `train.badModel`, `train.noDevice`, `train.outOfMemory`, and later `train.unsupportedOperation`, `train.computeFailed`. */
  openTrainer(
    options: TrainerOptions,
    control?: {
      readonly signal?: AbortSignal | undefined;
      readonly onProgress?: ((done: number, total: number) => void) | undefined;
    },
  ): Promise<Trainer>;
}

/** A call that the addon answers without a job: what it throws, as an AppError. */
function atOnce<T>(act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw asAppError(error);
  }
}

const parts: readonly Part[] = ['parameters', 'firstMoments', 'secondMoments'];

export function nativeTrain(addon: TrainAddon, { run }: JobRunner): NativeTrain {
  return {
    openTrainer: async (options, { signal, onProgress } = {}) => {
      const { threads, whole, dropout, dora, checkpointing, streaming, seed } = options;
      const complete: Required<TrainerOptions> = {
        ...options,
        threads: threads ?? defaultThreads(),
        whole: whole ?? [],
        dropout: dropout ?? 0,
        dora: dora ?? false,
        checkpointing: checkpointing ?? true,
        streaming: streaming ?? false,
        seed: seed ?? 0,
      };
      const { trainer, size, tensors } = await run(signal, onProgress, (cancel, report) => addon.openTrainer(complete, cancel, report));
      const pass = (train: boolean, row: TrainRow, stop: AbortSignal | undefined): Promise<RowResult> =>
        run(stop, undefined, (cancel) =>
          addon.trainRow(trainer, train, row.tokens, row.positions, row.segments, row.labels, row.weights, cancel),
        );
      return {
        tensors,
        memory: () => atOnce(() => addon.trainState(trainer).memory),
        accumulate: (row, stop) => pass(true, row, stop),
        evaluate: (row, stop) => pass(false, row, stop),
        update: ({ optimizer, ...given }) =>
          run(undefined, undefined, (cancel) =>
            addon.trainUpdate(
              trainer,
              {
                sgd: optimizer === 'sgd',
                learningRate: given.learningRate,
                learningRateB: given.learningRateB ?? given.learningRate,
                beta1: given.beta1 ?? 0.9,
                beta2: given.beta2 ?? 0.999,
                epsilon: given.epsilon ?? 1e-8,
                weightDecay: given.weightDecay ?? 0,
                maxGradNorm: given.maxGradNorm ?? 0,
                gradientScale: given.gradientScale,
              },
              cancel,
            ),
          ),
        discard: () => atOnce(() => addon.discardGradients(trainer)),
        readState: () =>
          atOnce(() => {
            const { updates } = addon.trainState(trainer);
            const read = (part: Part): Float32Array => {
              const values = new Float32Array(size);
              addon.readTrained(trainer, part, values);
              return values;
            };
            return { parameters: read('parameters'), firstMoments: read('firstMoments'), secondMoments: read('secondMoments'), updates };
          }),
        writeState: (state) =>
          atOnce(() => {
            for (const part of parts) addon.writeTrained(trainer, part, state[part], state.updates);
          }),
        close: () => atOnce(() => addon.closeTrainer(trainer)),
      };
    },
  };
}
