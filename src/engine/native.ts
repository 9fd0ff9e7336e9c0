import { join } from 'node:path';
import { AppError } from '#core/errors/index.ts';
import { findInstalled, llamaLibraries, type LlamaLibraries } from './llama-libraries.ts';
import { asAppError, defaultThreads, jobRunner, type CancelFlag } from './native-job.ts';
import { nativeLora, type LoraAddon, type NativeLora } from './native-lora.ts';
import { nativeScore, type NativeScore, type ScoreAddon } from './native-score.ts';
import { nativeSpeed, type NativeSpeed, type SpeedAddon } from './native-speed.ts';
import { nativeTrain, type NativeTrain, type TrainAddon } from './native-train.ts';
import { nativeQuantize, type AdapterFile, type NativeQuantize, type QuantizeAddon } from './native-quantize.ts';

/** The addon of src/native. No file but this and the `native-` ones beside it knows what it looks like. */

export type FloatType = 'F32' | 'F16' | 'BF16' | 'F64';

/** The versions that each kernel is compiled in; which of them a processor has, `systemInfo` tells. */
export type CpuLevel = 'plain' | 'avx2' | 'avx512' | 'neon';

/** What a cast met that a user should hear of. */
export interface CastCounts {
  /** Infinities and NaNs among the input. */
  readonly nonFinite: number;
  /** Finite numbers that the target type cannot hold, and that became infinite. */
  readonly overflowed: number;
}

interface NativeVersions {
  /** llama.cpp's tag, such as `v0.4.0`. */
  readonly release: string;
  readonly llama: string;
  readonly ggml: string;
  readonly ggmlCommit: string;
}

interface SystemInfo {
  /** In llama.cpp's words. */
  readonly llama: string;
  readonly devices: readonly {
    readonly name: string;
    readonly description: string;
    readonly backend: string;
    readonly kind: 'cpu' | 'gpu' | 'integratedGpu' | 'accelerator';
    readonly freeBytes: number;
    readonly totalBytes: number;
  }[];
  readonly kernels: Readonly<Record<Exclude<CpuLevel, 'plain'>, boolean>>;
}

interface PerplexityOptions {
  /** A GGUF file, or the first of a split one. */
  readonly modelPath: string;
  readonly text: string;
  /** Tokens of a window. */
  readonly contextLength: number;
  /** Default: all cores but one. ggml's threads spin, and with every core taken they starve JavaScript. */
  readonly threads?: number | undefined;
  /** Layers that go to the graphics card; default none. */
  readonly gpuLayers?: number | undefined;
  /** Default: the whole text. */
  readonly maxWindows?: number | undefined;
  /** Beside the weights; default none. */
  readonly adapters?: readonly AdapterFile[] | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((doneWindows: number, totalWindows: number) => void) | undefined;
}

interface Perplexity {
  /** e to the power of `nll`. */
  readonly perplexity: number;
  /** Of `perplexity`. */
  readonly standardError: number;
  /** Mean negative log-likelihood of a scored token, in nats. */
  readonly nll: number;
  /** Tokens that were scored: of the second half of each window. */
  readonly tokens: number;
  readonly windows: number;
  /** Tokens of the whole text. */
  readonly textTokens: number;
}

interface TokenizeOptions {
  readonly modelPath: string;
  readonly text: string;
  /** Add what the model's tokenizer puts around a text, such as BOS. Default false. */
  readonly addSpecial?: boolean | undefined;
  /** Names of special tokens in the text mean these tokens. Default false. */
  readonly parseSpecial?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * What the addon does. Every job runs on a thread of libuv's pool (four, unless UV_THREADPOOL_SIZE says otherwise), which
 * reading files uses as well. Arrays may begin at any address; while a job runs, they must be neither written nor
 * transferred. Arguments that make no sense reject with a TypeError; every other failure is an AppError.
 */
export interface Native extends NativeQuantize, NativeLora, NativeScore, NativeSpeed, NativeTrain {
  readonly versions: NativeVersions;
  systemInfo(): SystemInfo;
  /**
   * Convert little-endian numbers: `target` gets as many as `source` holds. Rounds to nearest, ties to even, in one step.
   * Subnormal numbers are kept; a NaN stays one. `level` is for tests; default is the best that the processor has.
   */
  cast(from: FloatType, source: Uint8Array, to: Exclude<FloatType, 'F64'>, target: Uint8Array, level?: CpuLevel): Promise<CastCounts>;
  /**
   * Each head's rows [2, rows / heads / 2, …] to [rows / heads / 2, 2, …]: the order in which llama.cpp's rotary embedding
   * wants a Hugging Face q or k projection. `source` is [rows × anything]; a chunk of whole heads will do.
   */
  permuteRows(source: Uint8Array, target: Uint8Array, shape: { readonly rows: number; readonly heads: number }): Promise<void>;
  /** `source` [rows × columns] to `target` [columns × rows], elements of 1, 2, 4 or 8 bytes. */
  transpose(
    source: Uint8Array,
    target: Uint8Array,
    shape: { readonly rows: number; readonly columns: number; readonly elementBytes: 1 | 2 | 4 | 8 },
  ): Promise<void>;
  /** Add 1 to each float32, in place: Gemma's norms are stored as their distance from 1. */
  addOne(values: Uint8Array): Promise<void>;
  /**
   * How well a model predicts a text, by llama-perplexity's method: the text is cut into windows, the second half of each
   * is scored. Throws `engine.loadFailed`, `engine.insufficientMemory`, `evaluate.*`, `tokenizer.unsupportedText` (with
   * `position`, in characters, among its params) and `request.cancelled`.
   */
  perplexity(options: PerplexityOptions): Promise<Perplexity>;
  /** The tokens of a text. Loads the vocabulary alone. Throws as `perplexity` does. */
  tokenize(options: TokenizeOptions): Promise<Int32Array>;
}

/** The addon's functions, as src/native/binding defines them. */
interface Addon extends QuantizeAddon, LoraAddon, ScoreAddon, SpeedAddon, TrainAddon {
  builtFor(): { readonly release: string; readonly llama: string; readonly ggml: string };
  load(libraries: LlamaLibraries): void;
  versions(): NativeVersions;
  systemInfo(): SystemInfo;
  cancelFlag(): CancelFlag;
  raise(flag: CancelFlag): void;
  cast(from: FloatType, source: Uint8Array, to: FloatType, target: Uint8Array, level: CpuLevel | undefined): Promise<CastCounts>;
  permuteRows(source: Uint8Array, target: Uint8Array, rows: number, heads: number): Promise<void>;
  transpose(source: Uint8Array, target: Uint8Array, rows: number, columns: number, elementBytes: number): Promise<void>;
  addOne(values: Uint8Array): Promise<void>;
  perplexity(
    modelPath: string,
    text: string,
    contextLength: number,
    maxWindows: number,
    threads: number,
    gpuLayers: number,
    adapters: readonly AdapterFile[],
    cancel: CancelFlag,
    onProgress: ((done: number, total: number) => void) | undefined,
  ): Promise<Perplexity>;
  tokenize(modelPath: string, text: string, addSpecial: boolean, parseSpecial: boolean, cancel: CancelFlag): Promise<Int32Array>;
}

export interface NativeOptions {
  /** Default: those of the variant without graphics card. */
  readonly libraries?: LlamaLibraries | undefined;
  /** Default: LATHE_NATIVE, else out/native/lathe.node of this copy of Lathe. */
  readonly addonPath?: string | undefined;
}

/**
 * Load the addon and, with it, llama.cpp's libraries. A process can do this any number of times, but with one variant only.
 * Throws `native.*`.
 */
export function loadNative({ libraries = llamaLibraries(false), addonPath = findAddon() }: NativeOptions = {}): Native {
  const addon = openAddon(addonPath);
  const { release } = addon.builtFor();
  if (libraries.release !== release)
    throw new AppError('native.versionMismatch', { library: 'llama.cpp', expected: release, found: libraries.release });
  try {
    addon.load(libraries);
  } catch (error) {
    throw asAppError(error);
  }

  const jobs = jobRunner(addon);
  const { run, coded } = jobs;
  return {
    ...nativeQuantize(addon, jobs),
    ...nativeLora(addon, jobs),
    ...nativeScore(addon, jobs),
    ...nativeSpeed(addon, jobs),
    ...nativeTrain(addon, jobs),
    versions: addon.versions(),
    systemInfo: () => addon.systemInfo(),
    cast: (from, source, to, target, level) => coded(() => addon.cast(from, source, to, target, level)),
    permuteRows: (source, target, { rows, heads }) => coded(() => addon.permuteRows(source, target, rows, heads)),
    transpose: (source, target, { rows, columns, elementBytes }) =>
      coded(() => addon.transpose(source, target, rows, columns, elementBytes)),
    addOne: (values) => coded(() => addon.addOne(values)),
    perplexity: ({
      modelPath,
      text,
      contextLength,
      maxWindows = 0,
      threads = defaultThreads(),
      gpuLayers = 0,
      adapters = [],
      signal,
      onProgress,
    }) =>
      run(signal, onProgress, (cancel, report) =>
        addon.perplexity(modelPath, text, contextLength, maxWindows, threads, gpuLayers, adapters, cancel, report),
      ),
    tokenize: ({ modelPath, text, addSpecial = false, parseSpecial = false, signal }) =>
      run(signal, undefined, (cancel) => addon.tokenize(modelPath, text, addSpecial, parseSpecial, cancel)),
  };
}

function openAddon(path: string): Addon {
  const module = { exports: {} as Addon };
  try {
    process.dlopen(module, path);
  } catch (error) {
    throw new AppError('native.addonMissing', { path, problem: error instanceof Error ? error.message : String(error) });
  }
  return module.exports;
}

function findAddon(): string {
  const relative = join('out', 'native', 'lathe.node');
  return process.env['LATHE_NATIVE'] ?? findInstalled(relative) ?? relative;
}
