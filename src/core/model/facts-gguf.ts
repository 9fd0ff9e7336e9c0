import { elementCount } from '../element-count.ts';
import { fileTypeName } from '../gguf/file-types.ts';
import type { GgufHeader } from '../gguf/header.ts';
import type { GgufValue } from '../gguf/values.ts';
import { asCount, asNumber, asPositive, asText } from './config.ts';
import { countBytes, dominantType, factsOf, type AdapterFacts, type ModelFacts } from './facts.ts';

/** Tensors that follow from the configuration: no parameters of the model. */
const computedTensors: ReadonlySet<string> = new Set(['rope_freqs.weight', 'rope_factors_long.weight', 'rope_factors_short.weight']);

/** The facts of a GGUF file; of a split model, those of its first part with the tensors of all. Never throws. */
export function factsFromGguf({ metadata, tensors }: Pick<GgufHeader, 'metadata' | 'tensors'>): ModelFacts {
  const read = (key: string): unknown => plain(metadata.get(key));
  const architecture = asText(read('general.architecture'));
  const own = (key: string): unknown => read(`${architecture ?? ''}.${key}`);
  /** A count for each layer is shown as the largest. */
  const ownCount = (key: string): number | undefined => asCount(own(key)) ?? largest(metadata.get(`${architecture ?? ''}.${key}`));
  const isAdapter = read('general.type') === 'adapter';
  const bytes = countBytes(tensors);
  const embeddingLength = ownCount('embedding_length');
  const headCount = ownCount('attention.head_count');
  // llama.cpp's own default where the file is silent.
  const evenHead =
    embeddingLength !== undefined && headCount !== undefined && embeddingLength % headCount === 0 ? embeddingLength / headCount : undefined;
  const fileType = asNumber(read('general.file_type'));
  const tokens = metadata.get('tokenizer.ggml.tokens');
  return factsOf<ModelFacts>({
    name: asText(read('general.name')),
    architecture,
    parameterCount: isAdapter || tensors.length === 0 ? undefined : parameters(tensors),
    layerCount: ownCount('block_count'),
    embeddingLength,
    feedForwardLength: ownCount('feed_forward_length'),
    headCount,
    headCountKv: ownCount('attention.head_count_kv') ?? headCount,
    headDimension: ownCount('attention.key_length') ?? evenHead,
    valueLength: ownCount('attention.value_length') ?? evenHead,
    vocabularySize: ownCount('vocab_size') ?? (tokens?.type === 'arr' ? asCount(tokens.value.length) : undefined),
    contextLength: ownCount('context_length'),
    slidingWindow: ownCount('attention.sliding_window'),
    expertCount: ownCount('expert_count'),
    expertUsedCount: ownCount('expert_used_count'),
    ropeFreqBase: asPositive(own('rope.freq_base')),
    tiedEmbeddings: isAdapter || tensors.length === 0 ? undefined : !tensors.some(({ name }) => name === 'output.weight'),
    quantization: (fileType === undefined ? undefined : fileTypeName(fileType)) ?? dominantType(bytes.bytesByType),
    ...bytes,
    tokenizerModel: asText(read('tokenizer.ggml.model')),
    hasChatTemplate: isAdapter ? undefined : asText(read('tokenizer.chat_template')) !== undefined,
    licence: asText(read('general.license')),
    adapter: isAdapter ? adapterFacts(read, tensors) : undefined,
  });
}

const parameters = (tensors: GgufHeader['tensors']): number =>
  tensors.reduce((sum, { name, dimensions }) => sum + (computedTensors.has(name) ? 0 : elementCount(dimensions)), 0);

/** The rank is the second dimension of every `lora_a`, here the largest of them; alpha is one for all. */
function adapterFacts(read: (key: string) => unknown, tensors: GgufHeader['tensors']): AdapterFacts {
  const ranks = tensors.flatMap(({ name, dimensions }) => (name.endsWith('.lora_b') ? (asCount(dimensions[0]) ?? []) : []));
  const targets = tensors.flatMap(({ name }) => /^(?:blk\.\d+\.)?(.+)\.weight\.lora_a$/.exec(name)?.[1] ?? []);
  return factsOf<AdapterFacts>({
    rank: ranks.length === 0 ? undefined : ranks.reduce((left, right) => Math.max(left, right)),
    alpha: asNumber(read('adapter.lora.alpha')),
    targetModules: [...new Set(targets)].sort(),
    baseModel: asText(read('general.base_model.0.name')),
  });
}

/** A value as JSON has it; a 64-bit integer only where it is exact. */
function plain(value: GgufValue | undefined): unknown {
  if (value === undefined || value.type === 'arr') return undefined;
  return typeof value.value === 'bigint' ? Number(value.value) : value.value;
}

function largest(value: GgufValue | undefined): number | undefined {
  if (value?.type !== 'arr' || !(value.value instanceof Uint32Array || value.value instanceof Int32Array)) return undefined;
  let most = 0;
  for (const item of value.value) most = Math.max(most, item);
  return asCount(most);
}
