import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { arr, bool, f32, str, u32, type GgufValue } from '#core/gguf/values.ts';
import { planGguf } from '#core/gguf/write.ts';

/**
 * A llama model whose one layer adds nothing, so that each prediction follows from the last token alone: logits =
 * output · RMSNorm(embedding). What such a model must give is computed here in double precision, without llama.cpp.
 * Its vocabulary has no byte tokens: characters other than a to h and the space cannot be said.
 */
const EMBEDDING = 8;
const FEED_FORWARD = 8;
const EPSILON = 1e-5;

const letters = [...'abcdefgh'];
const tokens = ['<unk>', '<s>', '</s>', '▁', ...letters];
const BOS = 1;
const SPACE = 3;
const CONTROL = 3;

export const CONTEXT_LENGTH = 8192;
export const VOCABULARY_SIZE = tokens.length;

/** Numbers from -1 to 1 that are the same in every run (Lehmer). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return (state / 2_147_483_647) * 2 - 1;
  };
}

const floats = (count: number, next: () => number): Float32Array<ArrayBuffer> => Float32Array.from({ length: count }, next);

/** A text of letters and spaces, with as many tokens as characters. */
export function randomText(length: number, seed: number): string {
  const next = random(seed);
  return Array.from({ length }, () => (next() > 0.7 ? ' ' : letters[Math.floor(Math.abs(next()) * letters.length)])).join('');
}

/** As the model's tokenizer does it: BOS, then a token for each character. */
export const tokensOf = (text: string): number[] => [
  BOS,
  ...[...text].map((character) => (character === ' ' ? SPACE : tokens.indexOf(character))),
];

export interface BigramModel {
  readonly path: string;
  /** -log of the probability that `next` follows `token`. */
  readonly loss: (token: number, next: number) => number;
  /** What goes into the attention's matrices behind `token`: the normalised embedding, times the norm's weights. */
  readonly attentionInput: (token: number) => number[];
}

/**
 * Write the model into a new temporary folder.
 * @param metadata put over what a sound file has; null leaves a key out
 * @param options `outputScale`: what the output matrix is multiplied with
 */
export function writeBigramModel(
  metadata: Readonly<Record<string, GgufValue | null>> = {},
  { outputScale = 1, normType = 'F32' }: { readonly outputScale?: number; readonly normType?: 'F32' | 'F16' } = {},
): BigramModel {
  const next = random(5);
  const embedding = floats(EMBEDDING * VOCABULARY_SIZE, next);
  const norm = floats(EMBEDDING, () => 1.5 + next());
  const attentionNorm = floats(EMBEDDING, next);
  const output = floats(EMBEDDING * VOCABULARY_SIZE, () => next() * outputScale);
  const zeros = (count: number): Float32Array<ArrayBuffer> => new Float32Array(count);
  const square = (): Float32Array<ArrayBuffer> => floats(EMBEDDING * EMBEDDING, next);
  const tensors: [string, number[], Float32Array<ArrayBuffer>][] = [
    ['token_embd.weight', [EMBEDDING, VOCABULARY_SIZE], embedding],
    ['blk.0.attn_norm.weight', [EMBEDDING], attentionNorm],
    ['blk.0.attn_q.weight', [EMBEDDING, EMBEDDING], square()],
    ['blk.0.attn_k.weight', [EMBEDDING, EMBEDDING], square()],
    ['blk.0.attn_v.weight', [EMBEDDING, EMBEDDING], square()],
    ['blk.0.attn_output.weight', [EMBEDDING, EMBEDDING], zeros(EMBEDDING * EMBEDDING)],
    ['blk.0.ffn_norm.weight', [EMBEDDING], floats(EMBEDDING, next)],
    ['blk.0.ffn_gate.weight', [EMBEDDING, FEED_FORWARD], floats(EMBEDDING * FEED_FORWARD, next)],
    ['blk.0.ffn_up.weight', [EMBEDDING, FEED_FORWARD], floats(EMBEDDING * FEED_FORWARD, next)],
    ['blk.0.ffn_down.weight', [FEED_FORWARD, EMBEDDING], zeros(EMBEDDING * FEED_FORWARD)],
    ['output_norm.weight', [EMBEDDING], norm],
    ['output.weight', [EMBEDDING, VOCABULARY_SIZE], output],
  ];
  const plan = planGguf({
    metadata: metadataOf(metadata),
    tensors: tensors.map(([name, dimensions]) => ({ name, type: name === 'output_norm.weight' ? normType : 'F32', dimensions })),
  });
  const bytes = new Uint8Array(plan.totalBytes);
  bytes.set(plan.header);
  for (const [i, { offset, sizeBytes }] of plan.tensors.entries()) {
    const data = tensors[i]?.[2];
    if (data !== undefined) bytes.set(new Uint8Array(data.buffer, 0, sizeBytes), offset);
  }
  const path = join(mkdtempSync(join(tmpdir(), 'lathe-bigram-')), 'bigram 模型.gguf');
  writeFileSync(path, bytes);

  const row = (matrix: Float32Array, index: number): number[] => [...matrix.subarray(index * EMBEDDING, (index + 1) * EMBEDDING)];
  const normalised = (token: number, weights: Float32Array): number[] => {
    const x = row(embedding, token);
    const scale = 1 / Math.sqrt(x.reduce((sum, value) => sum + value * value, 0) / EMBEDDING + EPSILON);
    return x.map((value, i) => value * scale * (weights[i] ?? 0));
  };
  return {
    path,
    attentionInput: (token) => normalised(token, attentionNorm),
    loss: (token, following) => {
      const x = normalised(token, norm);
      const logits = tokens.map((_, id) => row(output, id).reduce((sum, value, i) => sum + value * (x[i] ?? 0), 0));
      return Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0)) - (logits[following] ?? NaN);
    },
  };
}

function metadataOf(changes: Readonly<Record<string, GgufValue | null>>): Map<string, GgufValue> {
  const sound: Record<string, GgufValue> = {
    'general.architecture': str('llama'),
    'llama.context_length': u32(CONTEXT_LENGTH),
    'llama.embedding_length': u32(EMBEDDING),
    'llama.block_count': u32(1),
    'llama.feed_forward_length': u32(FEED_FORWARD),
    'llama.attention.head_count': u32(1),
    'llama.attention.head_count_kv': u32(1),
    'llama.attention.layer_norm_rms_epsilon': f32(EPSILON),
    'llama.rope.dimension_count': u32(EMBEDDING),
    'llama.vocab_size': u32(VOCABULARY_SIZE),
    'tokenizer.ggml.model': str('llama'),
    'tokenizer.ggml.tokens': arr('str', tokens),
    'tokenizer.ggml.scores': arr(
      'f32',
      Float32Array.from(tokens, (_, id) => -id),
    ),
    'tokenizer.ggml.token_type': arr(
      'i32',
      Int32Array.from(tokens, (_, id) => (id === 0 ? 2 : id < SPACE ? CONTROL : 1)),
    ),
    'tokenizer.ggml.bos_token_id': u32(BOS),
    'tokenizer.ggml.eos_token_id': u32(2),
    'tokenizer.ggml.add_bos_token': bool(true),
    'tokenizer.ggml.add_space_prefix': bool(false),
  };
  const merged = { ...sound, ...changes };
  return new Map(Object.entries(merged).filter((entry): entry is [string, GgufValue] => entry[1] !== null));
}
