import { defaultThreads, type CancelFlag, type JobRunner } from './native-job.ts';

/** The part of the addon that quantizes, calibrates and compares; `native.ts` loads it. */

type Progress = ((done: number, total: number) => void) | undefined;

/** A model that is loaded for calibration. */
interface CalibratorHandle {
  readonly calibrator: unique symbol;
}

/** How far restored weights are from what they were: the relative error is √(error / norm). */
export interface ErrorSum {
  /** Σ (a − b)² */
  readonly error: number;
  /** Σ a² */
  readonly norm: number;
}

export interface GptqKernelOptions {
  readonly bits: 2 | 3 | 4 | 8;
  /** Inputs that share a scale; -1: the whole row. */
  readonly groupSize: number;
  readonly symmetric: boolean;
  readonly actOrder: boolean;
  readonly staticGroups: boolean;
  /** Symmetric only: search scales of both signs, as GGUF's Q4_0 uses them. */
  readonly signedScales: boolean;
  /** Share of the mean Hessian diagonal that is added to the diagonal. */
  readonly damping: number;
  /** 0: off. */
  readonly mseExponent: number;
}

export interface GptqMatrix {
  /** [rows × columns], in the original column order. */
  readonly codes: Uint8Array<ArrayBuffer>;
  /** [groups × rows], float16 bits. */
  readonly scales: Uint16Array<ArrayBuffer>;
  /** [groups × rows] */
  readonly zeros: Int32Array<ArrayBuffer>;
  /** [columns]: the group of each input. */
  readonly gIdx: Int32Array<ArrayBuffer>;
  readonly groups: number;
  /** The paper's objective, summed over all weights. */
  readonly loss: number;
  /** The damping that was needed in the end. */
  readonly damping: number;
  /** Inputs that were always zero. */
  readonly deadColumns: number;
  /** The Hessian could not be used: rounded to nearest. */
  readonly fellBack: boolean;
}

/** Why a GPTQ matrix cannot become GGUF blocks bit for bit. */
export type RepackProblem = 'mixedGroup' | 'outOfRange' | 'unevenRow';

/** Σ x² of the inputs of one weight matrix; with experts one row of sums and one count for each. */
export interface SquareSums {
  readonly name: string;
  readonly inputs: number;
  readonly squareSums: Float32Array<ArrayBuffer>;
  /** The largest |x| of each. */
  readonly maxima: Float32Array<ArrayBuffer>;
  readonly rows: Float64Array<ArrayBuffer>;
}

export interface Comparison {
  readonly sourcePerplexity: number;
  readonly perplexity: number;
  /** Of `perplexity`: one standard error. */
  readonly perplexityError: number;
  /** KL divergence of the variant from the source, in nats. */
  readonly meanKl: number;
  readonly klError: number;
  readonly medianKl: number;
  readonly kl999: number;
  readonly maxKl: number;
  readonly topOneAgreement: number;
  readonly tokens: number;
  readonly windows: number;
}

/** A GGUF adapter that acts beside the weights of a model. */
export interface AdapterFile {
  readonly path: string;
  readonly scale: number;
}

/** The addon's functions, as src/native/binding/{quantize,gptq,calibrate,evaluate}.cc define them. */
export interface QuantizeAddon {
  ggmlQuantize(
    weight: Float32Array,
    type: string,
    rowLength: number,
    importance: Float32Array | undefined,
    target: Uint8Array,
    threads: number,
    cancel: CancelFlag,
  ): Promise<ErrorSum>;
  ggmlDequantize(source: Uint8Array, type: string, rowLength: number, target: Float32Array, threads: number): Promise<void>;
  int8Quantize(weight: Float32Array, rows: number, codes: Uint8Array, scb: Float32Array, threads: number): Promise<number>;
  int8Dequantize(codes: Uint8Array, rows: number, scb: Float32Array, target: Float32Array, threads: number): Promise<void>;
  int8ZeroPointQuantize(
    weight: Float32Array,
    rows: number,
    codes: Uint8Array,
    scales: Float32Array,
    zeroPoints: Uint8Array,
    threads: number,
  ): Promise<void>;
  int8ZeroPointDequantize(
    codes: Uint8Array,
    rows: number,
    scales: Float32Array,
    zeroPoints: Uint8Array,
    target: Float32Array,
    threads: number,
  ): Promise<void>;
  fourBitQuantize(
    type: 'nf4' | 'fp4',
    weight: Float32Array,
    blockSize: number,
    packed: Uint8Array,
    absmax: Float32Array,
    threads: number,
  ): Promise<void>;
  fourBitDequantize(
    values: Float32Array,
    packed: Uint8Array,
    blockSize: number,
    absmax: Float32Array,
    target: Float32Array,
    threads: number,
  ): Promise<void>;
  nestAbsmax(absmax: Float32Array, codes: Uint8Array, nestedAbsmax: Float32Array): number;
  unnestAbsmax(map: Float32Array, codes: Uint8Array, nestedAbsmax: Float32Array, offset: number, absmax: Float32Array): void;
  quantizationMap(map: 'nf4' | 'fp4' | 'dynamic'): Float32Array<ArrayBuffer>;
  relativeError(original: Float32Array, restored: Float32Array, threads: number): Promise<ErrorSum>;
  isFinite(values: Float32Array, threads: number): Promise<boolean>;
  gptqQuantize(
    weight: Float32Array,
    rows: number,
    hessian: Float32Array,
    options: GptqKernelOptions,
    threads: number,
    cancel: CancelFlag,
  ): Promise<GptqMatrix>;
  gptqPackWeight(bits: number, inputs: number, outputs: number, codes: Uint8Array, qweight: Uint32Array, threads: number): Promise<void>;
  gptqUnpackWeight(bits: number, inputs: number, outputs: number, qweight: Uint32Array, codes: Uint8Array, threads: number): Promise<void>;
  gptqPackZeros(bits: number, groups: number, outputs: number, zeros: Int32Array, storedMinus: 0 | 1, qzeros: Uint32Array): boolean;
  gptqUnpackZeros(bits: number, groups: number, outputs: number, qzeros: Uint32Array, storedMinus: 0 | 1, zeros: Int32Array): void;
  gptqDequantize(
    inputs: number,
    outputs: number,
    codes: Uint8Array,
    scales: Float32Array,
    zeros: Int32Array,
    gIdx: Int32Array,
    target: Float32Array,
    threads: number,
  ): Promise<void>;
  gptqRepack(
    type: 'Q4_0' | 'Q5_0' | 'Q8_0',
    inputs: number,
    outputs: number,
    codes: Uint8Array,
    scales: Uint16Array,
    zeros: Int32Array,
    gIdx: Int32Array,
    blocks: Uint8Array,
    threads: number,
  ): Promise<'none' | RepackProblem>;
  openCalibrator(
    modelPath: string,
    text: string,
    contextLength: number,
    maxWindows: number,
    threads: number,
    cancel: CancelFlag,
  ): Promise<{ readonly calibrator: CalibratorHandle; readonly windows: number }>;
  closeCalibrator(calibrator: CalibratorHandle): void;
  squareSums(calibrator: CalibratorHandle, cancel: CancelFlag, onProgress: Progress): Promise<SquareSums[]>;
  secondMoments(
    calibrator: CalibratorHandle,
    names: readonly string[],
    cancel: CancelFlag,
    onProgress: Progress,
  ): Promise<Record<string, Float32Array<ArrayBuffer>>>;
  compare(
    sourcePath: string,
    variantPath: string,
    text: string,
    contextLength: number,
    maxWindows: number,
    threads: number,
    gpuLayers: number,
    sourceAdapters: readonly AdapterFile[],
    variantAdapters: readonly AdapterFile[],
    cancel: CancelFlag,
    onProgress: Progress,
  ): Promise<Comparison>;
  continueText(
    modelPath: string,
    text: string,
    places: number,
    promptTokens: number,
    newTokens: number,
    threads: number,
    gpuLayers: number,
    adapters: readonly AdapterFile[],
    cancel: CancelFlag,
    onProgress: Progress,
  ): Promise<Continuation[]>;
}

export interface JobOptions {
  readonly threads?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: Progress;
}

export interface CalibratorOptions extends JobOptions {
  /** A float GGUF. A caller may overwrite its tensors between two calls: the next one runs with the new weights. */
  readonly modelPath: string;
  readonly text: string;
  readonly contextLength: number;
  /** Default: the whole text. */
  readonly maxWindows?: number | undefined;
}

/** A model over a text, looked into. Close it: it holds the model's memory. */
export interface Calibrator {
  readonly windows: number;
  /** Σ x² of the inputs of every weight matrix of the layers. */
  squareSums(options?: JobOptions): Promise<SquareSums[]>;
  /** 2/n · Σ x·xᵀ of the named matrices' inputs; names that share their inputs share the array. A name never multiplied is absent. */
  secondMoments(names: readonly string[], options?: JobOptions): Promise<Readonly<Record<string, Float32Array<ArrayBuffer>>>>;
  close(): void;
}

export interface CompareOptions extends JobOptions {
  readonly sourcePath: string;
  readonly variantPath: string;
  readonly text: string;
  readonly contextLength: number;
  /** Default: the whole text. */
  readonly maxWindows?: number | undefined;
  readonly gpuLayers?: number | undefined;
  /** Beside the weights of the source; default none. */
  readonly sourceAdapters?: readonly AdapterFile[] | undefined;
  readonly variantAdapters?: readonly AdapterFile[] | undefined;
}

/** What a model makes of a place in a text. */
export interface Continuation {
  readonly prompt: string;
  readonly continuation: string;
}

export interface ContinueOptions extends JobOptions {
  readonly modelPath: string;
  readonly text: string;
  /** Evenly spaced over the text; fewer where it is too short for so many. */
  readonly places: number;
  readonly promptTokens: number;
  readonly newTokens: number;
  readonly gpuLayers?: number | undefined;
  /** Beside the weights; default none. */
  readonly adapters?: readonly AdapterFile[] | undefined;
}

/** The addon's short jobs as they are, with its errors made AppErrors; its long ones with signal and progress. */
export interface NativeQuantize extends Omit<
  QuantizeAddon,
  'ggmlQuantize' | 'gptqQuantize' | 'openCalibrator' | 'closeCalibrator' | 'squareSums' | 'secondMoments' | 'compare' | 'continueText'
> {
  /**
   * Rows of float32 to a ggml type by ggml's own quantizer; `importance` [rowLength] weighs the columns. The result is read
   * back and held against the weights. Throws `quantize.notFinite`, `quantize.badRows`, `quantize.unknownType`.
   */
  ggmlQuantize(
    weight: Float32Array,
    type: string,
    rowLength: number,
    target: Uint8Array,
    options?: JobOptions & { readonly importance?: Float32Array | undefined },
  ): Promise<ErrorSum>;
  /** `weight` [rows × columns] against `hessian` [columns × columns]; neither is changed. Throws `quantize.notFinite`. */
  gptqQuantize(
    weight: Float32Array,
    rows: number,
    hessian: Float32Array,
    kernel: GptqKernelOptions,
    options?: JobOptions,
  ): Promise<GptqMatrix>;
  openCalibrator(options: CalibratorOptions): Promise<Calibrator>;
  /** What a variant lost against its source on a text. Throws what `perplexity` throws, and `evaluate.otherVocabulary`. */
  compare(options: CompareOptions): Promise<Comparison>;
  /** The likeliest continuations of evenly spaced places of a text. Throws what `perplexity` throws. */
  continueText(options: ContinueOptions): Promise<readonly Continuation[]>;
}

export function nativeQuantize(addon: QuantizeAddon, { run, coded }: JobRunner): NativeQuantize {
  return {
    ggmlQuantize: (weight, type, rowLength, target, { importance, threads = defaultThreads(), signal } = {}) =>
      run(signal, undefined, (cancel) => addon.ggmlQuantize(weight, type, rowLength, importance, target, threads, cancel)),
    ggmlDequantize: (...values) => coded(() => addon.ggmlDequantize(...values)),
    int8Quantize: (...values) => coded(() => addon.int8Quantize(...values)),
    int8Dequantize: (...values) => coded(() => addon.int8Dequantize(...values)),
    int8ZeroPointQuantize: (...values) => coded(() => addon.int8ZeroPointQuantize(...values)),
    int8ZeroPointDequantize: (...values) => coded(() => addon.int8ZeroPointDequantize(...values)),
    fourBitQuantize: (...values) => coded(() => addon.fourBitQuantize(...values)),
    fourBitDequantize: (...values) => coded(() => addon.fourBitDequantize(...values)),
    nestAbsmax: (...values) => addon.nestAbsmax(...values),
    unnestAbsmax: (...values) => addon.unnestAbsmax(...values),
    quantizationMap: (map) => addon.quantizationMap(map),
    relativeError: (...values) => coded(() => addon.relativeError(...values)),
    isFinite: (...values) => coded(() => addon.isFinite(...values)),
    gptqQuantize: (weight, rows, hessian, kernel, { threads = defaultThreads(), signal } = {}) =>
      run(signal, undefined, (cancel) => addon.gptqQuantize(weight, rows, hessian, kernel, threads, cancel)),
    gptqPackWeight: (...values) => coded(() => addon.gptqPackWeight(...values)),
    gptqUnpackWeight: (...values) => coded(() => addon.gptqUnpackWeight(...values)),
    gptqPackZeros: (...values) => addon.gptqPackZeros(...values),
    gptqUnpackZeros: (...values) => addon.gptqUnpackZeros(...values),
    gptqDequantize: (...values) => coded(() => addon.gptqDequantize(...values)),
    gptqRepack: (...values) => coded(() => addon.gptqRepack(...values)),
    openCalibrator: async ({ modelPath, text, contextLength, maxWindows = 0, threads = defaultThreads(), signal }) => {
      const opened = await run(signal, undefined, (cancel) =>
        addon.openCalibrator(modelPath, text, contextLength, maxWindows, threads, cancel),
      );
      const { calibrator, windows } = opened;
      return {
        windows,
        squareSums: (job = {}) => run(job.signal, job.onProgress, (cancel, report) => addon.squareSums(calibrator, cancel, report)),
        secondMoments: (names, job = {}) =>
          run(job.signal, job.onProgress, (cancel, report) => addon.secondMoments(calibrator, names, cancel, report)),
        close: () => addon.closeCalibrator(calibrator),
      };
    },
    compare: ({
      sourcePath,
      variantPath,
      text,
      contextLength,
      maxWindows = 0,
      threads = defaultThreads(),
      gpuLayers = 0,
      sourceAdapters = [],
      variantAdapters = [],
      signal,
      onProgress,
    }) =>
      run(signal, onProgress, (cancel, report) =>
        addon.compare(
          sourcePath,
          variantPath,
          text,
          contextLength,
          maxWindows,
          threads,
          gpuLayers,
          sourceAdapters,
          variantAdapters,
          cancel,
          report,
        ),
      ),
    continueText: ({
      modelPath,
      text,
      places,
      promptTokens,
      newTokens,
      threads = defaultThreads(),
      gpuLayers = 0,
      adapters = [],
      signal,
      onProgress,
    }) =>
      run(signal, onProgress, (cancel, report) =>
        addon.continueText(modelPath, text, places, promptTokens, newTokens, threads, gpuLayers, adapters, cancel, report),
      ),
  };
}
