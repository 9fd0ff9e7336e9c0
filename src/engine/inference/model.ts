import { availableParallelism } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { InsufficientMemoryError, type LlamaContext, type LlamaContextSequence, type LlamaModel } from 'node-llama-cpp';
import { AppError } from '#core/errors/index.ts';
import { ggufString, ggufStringArray, type GgufHeader } from '#core/gguf/header.ts';
import { readGguf } from '#core/gguf/read.ts';
import { parseSplitName, readGgufSplit, splitPartNames } from '#core/gguf/split.ts';
import { ggmlTypes } from '#core/gguf/types.ts';
import { DEFAULT_CONTEXT_LENGTH, LEAST_CONTEXT_LENGTH, type LoadSettings } from '#core/memory/load.ts';
import { openFileSource } from '../file-source.ts';
import type { AdapterFile } from '../native-quantize.ts';
import type { LlamaRuntime } from './llama.ts';
import { fastest, threadCandidates } from './threads.ts';
import { hasEveryByte, vocabularyCheck, type VocabularyCheck } from './vocabulary.ts';

/** A model in memory, with what its file says and llama.cpp does not check. */
export interface OpenModel {
  readonly path: string;
  /** Layers that were asked for; null: node-llama-cpp chose. */
  readonly askedLayers: number | null;
  readonly model: LlamaModel;
  readonly chatTemplate: string | null;
  readonly check: VocabularyCheck;
  /** Whether it can write any text, as a grammar may ask for. */
  readonly canWriteAll: boolean;
  /** The vocabulary as its file writes it, by token. */
  readonly pieces: readonly string[];
  /** What llama.cpp has complained about since this was last asked. */
  readonly takeProblems: () => string[];
}

/** A context of a model: its one sequence of tokens. */
export interface OpenContext {
  readonly context: LlamaContext;
  readonly sequence: LlamaContextSequence;
  readonly threads: number;
}

export interface OpenModelOptions {
  readonly signal: AbortSignal;
  readonly progress: (fraction: number) => void;
  /** Null: as many as fit; the default. */
  readonly gpuLayers?: number | null | undefined;
  /** Without node-llama-cpp's own guess whether there is room. */
  readonly force?: boolean | undefined;
}

/** How long one thread count is tried, and from how many tokens on that may end. */
const MEASURE_MS = 250;
const MEASURE_TOKENS = 3;
const MOST_MEASURE_TOKENS = 64;

/** llama.cpp aligns contexts to this; the smallest that it makes. */
const SMALLEST_CONTEXT = 256;

/**
 * Load a model's weights. The file is first read by Lathe's own reader, which checks every size against the file:
 * llama.cpp sees nothing that it could fall over. Throws `gguf.*`, `engine.loadFailed`, `engine.insufficientMemory`.
 */
export async function openModel(runtime: LlamaRuntime, path: string, options: OpenModelOptions): Promise<OpenModel> {
  const { llama, takeProblems, allocations } = runtime;
  const { signal, progress, gpuLayers = null, force = false } = options;
  const header = await readHeader(path);
  const chatTemplate = ggufString(header, 'tokenizer.chat_template') ?? null;
  const check = vocabularyCheck(header);
  const pieces = ggufStringArray(header, 'tokenizer.ggml.tokens') ?? [];
  tryVocabulary(check, path);
  takeProblems();
  try {
    allocations.newModel();
    const model = await llama.loadModel({
      modelPath: path,
      loadSignal: signal,
      onLoadProgress: progress,
      ...(gpuLayers === null ? {} : { gpuLayers }),
      ignoreMemorySafetyChecks: force,
    });
    return { path, askedLayers: gpuLayers, model, chatTemplate, check, canWriteAll: hasEveryByte(header), pieces, takeProblems };
  } catch (error) {
    signal.throwIfAborted();
    const file = basename(path);
    const problem = error instanceof Error ? error.message : String(error);
    if (error instanceof InsufficientMemoryError) throw new AppError('engine.insufficientMemory', { file }, problem);
    const said = takeProblems();
    throw new AppError('engine.loadFailed', { file, problem: decisive(said) ?? problem }, said.join('\n') || undefined);
  }
}

/** A model's vocabulary without its weights. Throws `gguf.*`, `engine.loadFailed`. */
export async function openVocabulary({ llama, takeProblems }: LlamaRuntime, path: string, signal: AbortSignal) {
  const header = await readHeader(path);
  const check = vocabularyCheck(header);
  tryVocabulary(check, path);
  takeProblems();
  const model = await llama.loadModel({ modelPath: path, vocabOnly: true, loadSignal: signal });
  return { model, check, metadata: header.metadata, file: header.file };
}

/** What node-llama-cpp splits into tokens when it has loaded a model, to see whether it comes back (LlamaModel, `getWarnings`). */
const TRIAL_TEXT = '\nsome test text here';

/** A vocabulary that cannot take the trial would end the process. Throws `engine.loadFailed`. */
function tryVocabulary(check: VocabularyCheck, path: string): void {
  try {
    check(TRIAL_TEXT, false);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    throw new AppError('engine.loadFailed', { file: basename(path), problem: error.message });
  }
}

/** The header of the model at a path, of the first part where it is split; all parts are checked. */
export async function readHeader(path: string): Promise<Pick<GgufHeader, 'file' | 'metadata' | 'tensors'>> {
  const split = parseSplitName(basename(path));
  const names = split === null ? [basename(path)] : splitPartNames(split.prefix, split.count);
  await using stack = new AsyncDisposableStack();
  const sources = [];
  for (const name of names) sources.push(stack.use(await openFileSource(join(dirname(path), name))));
  const [first] = sources;
  if (split === null && first !== undefined) return await readGguf(first);
  const { metadata, tensors } = await readGgufSplit(sources);
  return { file: basename(path), metadata, tensors };
}

/** llama.cpp's own words for why it failed: the last line that names an error, without the name of its function. */
function decisive(said: readonly string[]): string | undefined {
  const line = said.findLast((text) => /error/i.test(text)) ?? said.at(-1);
  return line?.replace(/^\w+: (error loading model: )?/, '').slice(0, 500);
}

export interface OpenContextOptions {
  /** Null: as long as the model was trained for, up to 8192, and as memory allows. */
  readonly contextLength: number | null;
  /** Of keys and values; default F16. */
  readonly cacheType?: LoadSettings['cacheType'] | undefined;
  /** Default: where the model and the device can do it. */
  readonly flashAttention?: boolean | undefined;
  readonly force?: boolean | undefined;
  readonly threads: number;
  /** Beside the weights; default none. */
  readonly adapters?: readonly AdapterFile[] | undefined;
  readonly signal: AbortSignal;
}

/** Make a context. Throws `engine.contextTooLong`, `engine.insufficientMemory`. */
export async function openContext(
  { model, path }: OpenModel,
  { contextLength, cacheType = 'F16', flashAttention = true, force = false, threads, adapters = [], signal }: OpenContextOptions,
): Promise<OpenContext> {
  const most = Math.max(LEAST_CONTEXT_LENGTH, Math.min(model.trainContextSize, DEFAULT_CONTEXT_LENGTH));
  try {
    const context = await model.createContext({
      contextSize: contextLength ?? { min: LEAST_CONTEXT_LENGTH, max: most },
      threads,
      flashAttention: flashAttention ? 'auto' : false,
      experimentalKvCacheKeyType: ggmlTypes[cacheType].id,
      experimentalKvCacheValueType: ggmlTypes[cacheType].id,
      ignoreMemorySafetyChecks: force,
      ...(adapters.length === 0 ? {} : { lora: { adapters: adapters.map(({ path: filePath, scale }) => ({ filePath, scale })) } }),
      createSignal: signal,
      // There is one sequence: waiting for others to join the batch would only cost time.
      batching: { dispatchSchedule: (dispatch) => dispatch() },
    });
    return { context, sequence: context.getSequence(), threads };
  } catch (error) {
    signal.throwIfAborted();
    const detail = error instanceof Error ? error.message : String(error);
    if (contextLength !== null) throw new AppError('engine.contextTooLong', { contextLength }, detail);
    throw new AppError('engine.insufficientMemory', { file: basename(path) }, detail);
  }
}

/**
 * The number of threads that computes this model fastest here, one core left free. Measured with a few tokens each;
 * where there is nothing to choose, or a GPU computes, nothing is measured.
 */
export async function measureThreads(open: OpenModel, signal: AbortSignal, cores = availableParallelism()): Promise<number> {
  const candidates = threadCandidates(cores);
  const [first = 1] = candidates;
  const { model } = open;
  if (candidates.length === 1 || model.gpuLayers > 0) return first;
  const token = model.tokens.bos ?? model.tokens.eos ?? model.iterateAllTokens().next().value;
  if (token === undefined) return first;
  return fastest(candidates, async (threads) => {
    signal.throwIfAborted();
    const { context, sequence } = await openContext(open, { contextLength: SMALLEST_CONTEXT, threads, signal });
    try {
      let tokens = -1;
      let startMs = 0;
      for await (const _ of sequence.evaluate([token], { temperature: 0, yieldEogToken: true })) {
        // The first one also brings the weights from the disk and starts the threads.
        if (tokens === -1) startMs = performance.now();
        tokens += 1;
        const spentMs = performance.now() - startMs;
        if (tokens >= MOST_MEASURE_TOKENS || (tokens >= MEASURE_TOKENS && spentMs >= MEASURE_MS)) break;
      }
      return (tokens * 1000) / (performance.now() - startMs);
    } finally {
      await context.dispose();
    }
  });
}
