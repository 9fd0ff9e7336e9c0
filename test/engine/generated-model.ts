import { writeFile } from 'node:fs/promises';
import { arr, bool, f32, str, u32, type GgufValue } from '#core/gguf/values.ts';
import { planGguf } from '#core/gguf/write.ts';

/** What a made-up model should be; every field has a default. */
export interface GeneratedModel {
  readonly layers?: number;
  readonly embedding?: number;
  readonly feedForward?: number;
  readonly contextLength?: number;
  readonly chatTemplate?: string | null;
  readonly seed?: number;
  /** Bytes that have a token; with all of them, which is the default, the vocabulary can take any text. */
  readonly byteTokens?: readonly number[];
  /** Merged into the metadata, over what is made up. */
  readonly metadata?: ReadonlyMap<string, GgufValue>;
}

const HEADS = 4;
const NORMAL = 1;
const CONTROL = 3;
const BYTE = 6;
const SPECIALS = ['<unk>', '<s>', '</s>', '<|im_start|>', '<|im_end|>'];
const ALL_BYTES = Array.from({ length: 256 }, (_, byte) => byte);

/** A template in the manner of ChatML, on the two control tokens below. */
export const CHAT_TEMPLATE =
  "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}{% endfor %}" +
  "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

/** SentencePiece pieces: specials, all bytes, and some pieces of more than one character. */
function vocabulary(byteTokens: readonly number[]): { readonly tokens: string[]; readonly types: number[]; readonly scores: number[] } {
  const bytes = byteTokens.map((byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`);
  const letters = [...'▁abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,!?é中'];
  const words = ['▁t', 'he', '▁the', '▁a', 'in', 'er', '▁w', 're', '▁s', 'on'];
  const tokens = [...SPECIALS, ...bytes, ...letters, ...words];
  return {
    tokens,
    types: tokens.map((_, id) => (id < SPECIALS.length ? CONTROL : id < SPECIALS.length + bytes.length ? BYTE : NORMAL)),
    scores: tokens.map((_, id) => -id),
  };
}

/** Numbers from -1 to 1 that are the same in every run (mulberry32). */
function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 31 - 1;
  };
}

/**
 * Write a llama model with random F32 weights that llama.cpp runs: nonsense, but the same nonsense in every run.
 * Defaults make a file of half a megabyte.
 */
export async function writeGeneratedModel(path: string, options: GeneratedModel = {}): Promise<void> {
  const {
    layers = 2,
    embedding = 64,
    feedForward = 128,
    contextLength = 512,
    chatTemplate = CHAT_TEMPLATE,
    seed = 1,
    byteTokens = ALL_BYTES,
  } = options;
  const { tokens, types, scores } = vocabulary(byteTokens);
  const metadata = new Map<string, GgufValue>([
    ['general.architecture', str('llama')],
    ['general.name', str('generated')],
    ['llama.block_count', u32(layers)],
    ['llama.context_length', u32(contextLength)],
    ['llama.embedding_length', u32(embedding)],
    ['llama.feed_forward_length', u32(feedForward)],
    ['llama.attention.head_count', u32(HEADS)],
    ['llama.rope.dimension_count', u32(embedding / HEADS)],
    ['llama.attention.layer_norm_rms_epsilon', f32(1e-5)],
    ['tokenizer.ggml.model', str('llama')],
    ['tokenizer.ggml.tokens', arr('str', tokens)],
    ['tokenizer.ggml.scores', arr('f32', scores)],
    ['tokenizer.ggml.token_type', arr('i32', types)],
    ['tokenizer.ggml.bos_token_id', u32(1)],
    ['tokenizer.ggml.eos_token_id', u32(2)],
    ['tokenizer.ggml.add_bos_token', bool(true)],
    ...(chatTemplate === null ? [] : [['tokenizer.chat_template', str(chatTemplate)] as const]),
    ...(options.metadata ?? []),
  ]);
  const matrix = (name: string, dimensions: number[]) => ({ name, type: 'F32' as const, dimensions });
  const perLayer = Array.from({ length: layers }, (_, layer) => [
    matrix(`blk.${layer}.attn_norm.weight`, [embedding]),
    ...['attn_q', 'attn_k', 'attn_v', 'attn_output'].map((part) => matrix(`blk.${layer}.${part}.weight`, [embedding, embedding])),
    matrix(`blk.${layer}.ffn_norm.weight`, [embedding]),
    matrix(`blk.${layer}.ffn_gate.weight`, [embedding, feedForward]),
    matrix(`blk.${layer}.ffn_up.weight`, [embedding, feedForward]),
    matrix(`blk.${layer}.ffn_down.weight`, [feedForward, embedding]),
  ]).flat();
  const plan = planGguf({
    metadata,
    tensors: [
      matrix('token_embd.weight', [embedding, tokens.length]),
      ...perLayer,
      matrix('output_norm.weight', [embedding]),
      matrix('output.weight', [embedding, tokens.length]),
    ],
  });
  const file = new Uint8Array(plan.totalBytes);
  file.set(plan.header);
  const next = random(seed);
  for (const { name, offset, sizeBytes } of plan.tensors) {
    const values = new Float32Array(file.buffer, offset, sizeBytes / 4);
    // Norms near one, matrices so that activations keep their size.
    for (let index = 0; index < values.length; index += 1) values[index] = name.includes('norm') ? 1 : next() * Math.sqrt(3 / embedding);
    // The best of hundreds of random logits is above zero: a greedy answer never ends by itself.
    if (name === 'output.weight') values.fill(0, 0, SPECIALS.length * embedding);
  }
  await writeFile(path, file);
}
