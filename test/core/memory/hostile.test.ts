import { describe, expect, test } from 'vitest';
import { arr, bool, f32, i32, str, u32, u64, type GgufValue } from '#core/gguf/values.ts';
import { advise, largestContext } from '#core/memory/fit.ts';
import { estimateShape } from '#core/memory/inference.ts';
import { shapeFromGguf } from '#core/memory/shape-gguf.ts';
import { estimateTraining } from '#core/memory/training.ts';

/** Numbers from 0 to 1 that are the same in every run (Lehmer). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

const architectures = ['llama', 'gemma3', 'deepseek2', 'mamba', 'mamba2', 'jamba', 'gpt2', 'phi3', 'rwkv7', 'no such thing'];
const keys =
  'block_count context_length embedding_length feed_forward_length attention.head_count attention.head_count_kv attention.key_length attention.value_length attention.key_length_mla attention.value_length_mla attention.kv_lora_rank attention.q_lora_rank attention.sliding_window attention.sliding_window_pattern rope.dimension_count vocab_size expert_count expert_used_count expert_feed_forward_length expert_shared_count ssm.inner_size ssm.state_size ssm.conv_kernel ssm.time_step_rank ssm.group_count'.split(
    ' ',
  );
const tensors = 'attn_q attn_qkv attn_q_norm attn_k_norm ffn_gate ffn_up ffn_gate_inp ffn_up_shexp ssm_in'.split(' ');

/** A value as a broken or malicious file could have it: of any type and size. */
function anything(next: () => number): GgufValue {
  const size = Math.floor(10 ** (next() * 10));
  const pick = Math.floor(next() * 10);
  if (pick === 0) return str('x'.repeat(3));
  if (pick === 1) return bool(next() > 0.5);
  if (pick === 2) return f32(next() > 0.5 ? Number.NaN : -1e30);
  if (pick === 3) return arr('i32', [0, -5, 2 ** 31 - 1]);
  if (pick === 4) return u64(2n ** 63n);
  if (pick === 5) return i32(-size % 2 ** 31);
  if (pick === 6) return u32(0);
  return u32(Math.min(size, 2 ** 32 - 1));
}

function header(seed: number) {
  const next = random(seed);
  const architecture = architectures[seed % architectures.length] ?? 'llama';
  const metadata = new Map<string, GgufValue>([['general.architecture', str(architecture)]]);
  for (const key of keys) if (next() > 0.3) metadata.set(`${architecture}.${key}`, anything(next));
  const list = tensors.flatMap((name) =>
    next() > 0.5
      ? [{ name: `blk.0.${name}.weight`, type: 'F16' as const, dimensions: [64, 64], offset: 0, sizeBytes: Math.floor(next() * 2 ** 40) }]
      : [],
  );
  return { metadata, tensors: list };
}

const SEEDS = 300;

describe('a file that makes no sense', () => {
  test('is reckoned with finite numbers, and little work', () => {
    const strange: unknown[] = [];
    const next = random(7);
    for (let seed = 1; seed <= SEEDS; seed += 1) {
      const shape = shapeFromGguf(header(seed));
      const settings = {
        contextLength: 10 ** (next() * 12),
        gpuLayers: Math.floor(next() * 600) - 20,
        cards: [next() * 1e10, 0],
        flashAttention: next() > 0.5,
      };
      const run = estimateShape(shape, settings);
      const train = estimateTraining(shape, { method: 'qlora', length: 10 ** (next() * 12) });
      const numbers = [
        run.totalBytes,
        run.lowBytes,
        run.highBytes,
        train.totalBytes,
        train.highBytes,
        ...run.amounts.map(({ bytes }) => bytes),
      ];
      if (!numbers.every((value) => Number.isFinite(value) && value >= 0)) strange.push({ seed, settings, numbers });
    }
    expect(strange).toEqual([]);
  });

  test('gets advice without a NaN', () => {
    for (let seed = 1; seed <= SEEDS; seed += 10) {
      const question = {
        shape: shapeFromGguf(header(seed)),
        settings: { contextLength: 4096 },
        room: { processorBytes: 8e9, cardBytes: [Number.NaN, 4e9] },
      };
      expect(Number.isFinite(advise(question).missingBytes)).toBe(true);
      const longest = largestContext(question);
      expect(longest === undefined || longest >= 256).toBe(true);
    }
  });
});
