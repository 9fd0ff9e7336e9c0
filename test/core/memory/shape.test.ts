import { describe, expect, test } from 'vitest';
import { MiB } from '#core/bytes.ts';
import { arr, str, u32, type GgufValue } from '#core/gguf/values.ts';
import { layerCacheBytes } from '#core/memory/cache.ts';
import { readSettings, type InferenceSettings } from '#core/memory/settings.ts';
import { shapeFromGguf } from '#core/memory/shape-gguf.ts';
import type { ModelShape } from '#core/memory/shape.ts';
import { windowPattern } from '#core/memory/windows.ts';

const header = (architecture: string, keys: Readonly<Record<string, number | readonly number[]>>) => ({
  metadata: new Map<string, GgufValue>([
    ['general.architecture', str(architecture)],
    ...Object.entries(keys).map(([key, value]): [string, GgufValue] => [
      `${architecture}.${key}`,
      typeof value === 'number' ? u32(value) : arr('i32', value),
    ]),
  ]),
  tensors: [],
});

const cacheOf = (shape: ModelShape, given: InferenceSettings): number =>
  shape.layers.reduce((sum, { memory }) => sum + layerCacheBytes(memory, readSettings(shape, given).settings), 0);

const gemma3 = {
  block_count: 6,
  context_length: 2048,
  embedding_length: 512,
  feed_forward_length: 1408,
  'attention.head_count': 8,
  'attention.head_count_kv': 2,
  'attention.key_length': 64,
  'attention.value_length': 64,
  'attention.sliding_window': 1024,
  vocab_size: 4096,
};

describe('caches', () => {
  // llama.cpp's log for this model: "non-SWA KV cache, size = 4096 cells", "1 layers", 1.06 MiB in q8_0; "SWA KV cache, size =
  // 1792 cells", "5 layers", 2.32 MiB.
  test('of layers with a sliding window hold the window and a step', () => {
    const shape = shapeFromGguf(header('gemma3', gemma3));
    const inMiB = cacheOf(shape, { contextLength: 4096, keyType: 'Q8_0', valueType: 'Q8_0' }) / MiB;
    expect(inMiB).toBeCloseTo(1.0625 + 2.3242, 3);
    // "creating SWA KV cache" with `swa_full`: all as long as the context.
    expect(cacheOf(shape, { contextLength: 4096, fullWindowCache: true })).toBe(6 * 2 * 2 * 128 * 4096);
  });

  // DeepSeek V3: 61 layers of 512 + 64 numbers in F16, and no values: 68.6 KiB for each token.
  test('of latent attention hold one compressed vector', () => {
    const shape = shapeFromGguf(
      header('deepseek2', {
        block_count: 61,
        embedding_length: 7168,
        feed_forward_length: 18_432,
        vocab_size: 129_280,
        'attention.head_count': 128,
        'attention.head_count_kv': 1,
        'attention.kv_lora_rank': 512,
        'attention.q_lora_rank': 1536,
        'rope.dimension_count': 64,
        'attention.key_length_mla': 192,
        'attention.value_length_mla': 128,
      }),
    );
    expect(cacheOf(shape, { contextLength: 4096 })).toBe(274.5 * MiB);
  });

  test('are as each layer has its heads', () => {
    const shape = shapeFromGguf(header('llama', { ...gemma3, 'attention.head_count_kv': [2, 0, 4, 2, 2, 2] }));
    expect(shape.layers.map(({ memory }) => (memory.kind === 'attention' ? memory.headCountKv : memory.kind))).toEqual([
      2,
      'none',
      4,
      2,
      2,
      2,
    ]);
  });
});

describe('which layers have a window', () => {
  const windowed = (architecture: string, window: number | undefined, stated?: number | readonly boolean[]): string => {
    const pattern = windowPattern(architecture, window, stated);
    return Array.from({ length: 6 }, (_, index) => (pattern.isWindowed(index) ? 'w' : '-')).join('');
  };

  // set_swa_pattern in llama.cpp's src/models.
  test.each([
    ['gemma2', undefined, 'w-w-w-'],
    ['gemma3', 1024, 'wwwww-'],
    ['gemma3', undefined, '------'],
    ['cohere2', 4096, 'www-ww'],
    ['smallthinker', 4096, '-www-w'],
    ['phi3', 2047, '------'],
    ['llama', 4096, '------'],
  ] as const)('of %s with a window of %s: %s', (architecture, window, pattern) => {
    expect(windowed(architecture, window)).toBe(pattern);
  });

  test('is as the file says where it does', () => {
    expect(windowed('gemma3', 1024, 2)).toBe('w-w-w-');
    expect(windowed('no such thing', 1024, [true, false, true])).toBe('w-w---');
  });

  test('is not guessed of an unknown family: all layers count as full', () => {
    expect(windowPattern('no such thing', 1024)).toMatchObject({ window: null, guessed: true });
  });
});
