import type { ModelFacts } from '../model/facts.ts';
import { MAX_EXPERTS, type FeedForward, type GuessedTerm, type LayerShape, type Memory, type ModelShape } from './shape.ts';
import { traitsOf } from './traits.ts';
import { windowPattern } from './windows.ts';

/** Layers that llama.cpp takes at most (LLAMA_MAX_LAYERS in llama-hparams.h): bounds the work on absurd facts. */
const MAX_LAYERS = 512;
/** Most that a count of a model can be: llama.cpp reads 32 bits. */
const MAX_COUNT = 2 ** 31 - 1;

/** Architectures without attention, whose state is small and fixed (`llm_arch_is_recurrent` in llama-arch.cpp). */
const recurrent: ReadonlySet<string> = new Set(['mamba', 'mamba2', 'rwkv6', 'rwkv6qwen2', 'rwkv7', 'arwkv7']);

/** Architectures whose shape llama.cpp's files describe as read here. */
const known: ReadonlySet<string> = new Set(
  (
    'llama qwen2 qwen3 qwen2moe qwen3moe gemma gemma2 gemma3 phi2 phi3 smollm3 gpt2 gpt-oss starcoder2 stablelm olmo2 cohere2 ' +
    'exaone4 deepseek2 granite glm4 command-r falcon mpt bloom mamba mamba2 rwkv6 rwkv6qwen2 rwkv7 arwkv7'
  ).split(' '),
);

/** A whole number of at least 1, or undefined: facts come from files. */
const countOf = (value: number | undefined): number | undefined =>
  value !== undefined && Number.isFinite(value) && value >= 1 ? Math.min(Math.floor(value), MAX_COUNT) : undefined;

/** A size of at least 0, or 0. */
const bytesOf = (value: number): number => (Number.isFinite(value) && value > 0 ? Math.min(value, Number.MAX_SAFE_INTEGER) : 0);

/** Bytes of a weight where nothing is known: between F16 and a 4-bit type, nearer to what people run. */
const USUAL_BYTES_PER_PARAMETER = 0.6;

/**
 * Width of a model with so many parameters. A layer has about 12 d² of them (4 d² for attention, 8 d² for the feed-forward
 * network), and models are about 128 times as wide as they have layers: 7B gives 4211 wide and 33 layers, Llama has 4096 and 32.
 */
const usualWidth = (parameters: number): number => 64 * Math.max(1, Math.round(Math.cbrt((parameters * 128) / 12) / 64));
const usualLayers = (width: number): number => Math.max(1, Math.round(width / 128));

/**
 * The shape of a model from the facts that the library keeps of it. What the files do not say is guessed from its size, and
 * named in `guessed`: never an error, never NaN.
 * @param sizeBytes of the files, where the facts do not count the tensors
 */
export function shapeFromFacts(facts: ModelFacts, sizeBytes = 0): ModelShape {
  const guessed: GuessedTerm[] = ['weightPlacement'];
  const or = (term: GuessedTerm, stated: number | undefined, guess: () => number): number => {
    const value = countOf(stated);
    if (value !== undefined) return value;
    guessed.push(term);
    return Math.min(MAX_COUNT, Math.max(1, Math.round(guess())));
  };
  const architecture = facts.architecture ?? facts.modelType ?? null;
  if (architecture === null || !known.has(architecture)) guessed.push('architecture');
  const total = bytesOf(facts.tensorBytes ?? sizeBytes);
  const parameters = bytesOf(facts.parameterCount ?? 0) || Math.max(1, total / USUAL_BYTES_PER_PARAMETER);
  const embeddingLength = or('embeddingLength', facts.embeddingLength, () => usualWidth(parameters));
  const layerCount = Math.min(
    MAX_LAYERS,
    or('layerCount', facts.layerCount, () => usualLayers(embeddingLength)),
  );
  const vocabularySize = or('vocabularySize', facts.vocabularySize, () => 128_000);
  const isRecurrent = architecture !== null && recurrent.has(architecture);
  const feedForwardLength = isRecurrent
    ? (countOf(facts.feedForwardLength) ?? 0)
    : or('feedForwardLength', facts.feedForwardLength, () => 3.5 * embeddingLength);
  const windows = windowPattern(architecture, countOf(facts.slidingWindow));
  if (windows.guessed) guessed.push('slidingWindow');

  const memoryOf = attention(facts, { architecture, embeddingLength, isRecurrent, guessed, or });
  const feedForward = feedForwardOf(facts, feedForwardLength);
  // All but the embedding is spread evenly: the facts do not list tensors.
  const tied = facts.tiedEmbeddings ?? false;
  const matrixBytes = Math.min(total / (tied ? 1 : 2), (vocabularySize * embeddingLength * total) / parameters);
  const outputBytes = tied ? 0 : matrixBytes;
  const layerBytes = Math.max(0, total - matrixBytes - outputBytes) / layerCount;
  const layers = Array.from({ length: layerCount }, (_, index): LayerShape => {
    const window = windows.isWindowed(index) ? windows.window : null;
    return { memory: memoryOf(window), feedForward, weightBytes: layerBytes };
  });
  return {
    architecture,
    layers,
    embeddingLength,
    vocabularySize,
    contextLength: countOf(facts.contextLength) ?? null,
    statedWindow: countOf(facts.slidingWindow) ?? null,
    traits: traitsOf(architecture),
    inputBytes: matrixBytes,
    outputBytes,
    tiedBytes: tied ? matrixBytes : 0,
    guessed,
  };
}

interface Known {
  readonly architecture: string | null;
  readonly embeddingLength: number;
  readonly isRecurrent: boolean;
  readonly guessed: GuessedTerm[];
  readonly or: (term: GuessedTerm, stated: number | undefined, guess: () => number) => number;
}

function attention(
  facts: ModelFacts,
  { architecture, embeddingLength, isRecurrent, guessed, or }: Known,
): (window: number | null) => Memory {
  if (isRecurrent) {
    // Mamba's expansion of 2, state of 16 and convolution of 4 (Gu & Dao 2023, section 3.6).
    guessed.push('recurrentState');
    const innerLength = 2 * embeddingLength;
    const memory: Memory = {
      kind: 'recurrent',
      family: architecture === 'mamba' || architecture === 'mamba2' ? architecture : 'other',
      convolutionLength: 3 * innerLength,
      stateLength: (architecture === 'mamba' ? 16 : 64) * innerLength,
      innerLength,
      convolutionChannels: innerLength,
      stepRank: Math.ceil(embeddingLength / 16),
    };
    return () => memory;
  }
  const headCount = or('headCount', facts.headCount, () => embeddingLength / 128);
  const headCountKv = or('headCountKv', facts.headCountKv, () => (facts.headCount === undefined ? Math.min(8, headCount) : headCount));
  const keyLength = countOf(facts.headDimension) ?? Math.max(1, Math.round(embeddingLength / headCount));
  const valueLength = countOf(facts.valueLength) ?? keyLength;
  // DeepSeek's compressed cache: the library does not note its ranks, which are the same in V2, V3 and R1.
  if (architecture === 'deepseek2') {
    guessed.push('latentRank');
    return () => ({ kind: 'latent', headCount, latentLength: 512, positionLength: 64, keyLength: 192, valueLength: 128, queryRank: 1536 });
  }
  return (window) => ({ kind: 'attention', headCount, headCountKv, keyLength, valueLength, window });
}

function feedForwardOf(facts: ModelFacts, length: number): FeedForward {
  const experts = countOf(facts.expertCount);
  if (length === 0) return { kind: 'none' };
  if (experts === undefined) return { kind: facts.architecture === 'gpt2' ? 'plain' : 'gated', length };
  const expertCount = Math.min(experts, MAX_EXPERTS);
  return { kind: 'experts', length, expertCount, usedCount: Math.min(expertCount, countOf(facts.expertUsedCount) ?? 2), sharedLength: 0 };
}
