import { memorySource } from '#core/byte-source.ts';
import type { GgufHeader } from '#core/gguf/header.ts';
import { readGguf } from '#core/gguf/read.ts';
import { readGgufSplit } from '#core/gguf/split.ts';
import { ggmlTypes, type GgmlTypeName } from '#core/gguf/types.ts';
import { arr, bool, f32, f64, i64, str, u32, type GgufValue } from '#core/gguf/values.ts';
import { planGguf, planGgufSplit, type NewGgufTensor } from '#core/gguf/write.ts';
import { readGgufAdapter } from '#core/lora/gguf.ts';
import { estimateShape } from '#core/memory/inference.ts';
import { shapeFromGguf } from '#core/memory/shape-gguf.ts';
import { readImatrix, writeImatrix } from '#core/quantize/imatrix-file.ts';
import { writeLegacyImatrix } from '#core/quantize/imatrix-legacy.ts';
import { ggufModel } from '#core/quantize/model.ts';
import { zeroFilled } from '#test/byte-source.ts';
import { damagedText, encode } from '../json.ts';
import { strangeText, type Random } from '../random.ts';
import { promise, type Target } from '../target.ts';

const TOKENS = [
  'GGUF',
  'general.alignment',
  'general.architecture',
  '.block_count',
  '\0\0\0\0',
  '\t\0\0\0',
  '\b\0\0\0',
  '\x04\0\0\0',
  '\u4e2d',
];

const types = Object.keys(ggmlTypes) as GgmlTypeName[];
const architectures = ['llama', 'qwen2', 'qwen3', 'gemma2', 'gemma3', 'phi3', 'gpt2', 'mamba', 'deepseek2', 'llama4', 'nemotron_h'];
const hyperparameters = [
  'block_count',
  'embedding_length',
  'feed_forward_length',
  'context_length',
  'vocab_size',
  'attention.head_count',
  'attention.head_count_kv',
  'attention.key_length',
  'attention.value_length',
  'attention.sliding_window',
  'attention.sliding_window_pattern',
  'attention.kv_lora_rank',
  'expert_count',
  'expert_used_count',
  'ssm.state_size',
  'ssm.inner_size',
  'ssm.conv_kernel',
  'rope.freq_base',
];

const number = (random: Random): number => random.pick([0, 1, 2, 3, 4, 8, 32, 64, 100, 128, 4096, 2 ** 20, 2 ** 31 - 1, 2 ** 32 - 1]);

function value(random: Random): GgufValue {
  const kind = random.below(9);
  if (kind < 4) return u32(number(random));
  if (kind === 4) return f32(random.pick([0, 1, -1, 1e4, 1e30, Number.NaN, Infinity]));
  if (kind === 5) return str(strangeText(random).toWellFormed());
  if (kind === 6)
    return arr(
      'u32',
      random.many(random.below(6), () => number(random)),
    );
  if (kind === 7)
    return arr(
      'str',
      random.many(random.below(6), () => strangeText(random).toWellFormed()),
    );
  return random.pick([f64(1e300), i64(-1n), bool(true), arr('bool', [true, false, true])]);
}

function metadata(random: Random): Map<string, GgufValue> {
  const architecture = random.pick(architectures);
  const entries = new Map<string, GgufValue>([['general.architecture', str(architecture)]]);
  for (const key of hyperparameters)
    if (random.chance(0.6)) entries.set(`${architecture}.${key}`, random.chance(0.7) ? u32(1 + random.below(64)) : value(random));
  entries.set('tokenizer.ggml.tokens', arr('str', ['a', 'b', 'ab']));
  if (random.chance(0.2)) entries.set('general.type', str(random.pick(['adapter', 'model', 'mmproj'])));
  return entries;
}

function tensors(random: Random): NewGgufTensor[] {
  const names = random.many(1 + random.below(8), (index) =>
    random.pick([
      `blk.${index}.attn_q.weight`,
      `blk.${random.below(3)}.ffn_down_exps.${index}.weight`,
      `token_embd.${index}`,
      `output.${index}`,
      `t${index}`,
    ]),
  );
  return [...new Set(names)].map((name) => ({
    name,
    type: random.pick(types),
    dimensions: [256 * (1 + random.below(2)), ...random.many(random.below(4), () => 1 + random.below(3))],
  }));
}

function file(random: Random, entries = metadata(random), listed = tensors(random)): Uint8Array {
  const plan = planGguf({ metadata: entries, tensors: listed, ...(random.chance(0.3) ? { alignment: 2 ** (3 + random.below(6)) } : {}) });
  return zeroFilled(plan.header, plan.totalBytes);
}

const damaged = (random: Random, bytes: Uint8Array): Uint8Array => (random.chance(0.2) ? bytes : damagedText(random, bytes, TOKENS));

/** What is read lies inside the file, and everything that is made of a header can be made of this one. */
function keepsPromises(header: GgufHeader, sizeBytes: number): void {
  for (const { offset, sizeBytes: own } of header.tensors)
    promise(
      offset >= header.dataOffset && (offset - header.dataOffset) % header.alignment === 0 && offset + own <= sizeBytes,
      'a tensor lies outside the file',
    );
  const shape = shapeFromGguf(header);
  const { totalBytes } = estimateShape(shape);
  promise(totalBytes >= 0, 'an estimate is no number');
  ggufModel([[header.file, header]]);
  planGguf(header);
}

export const gguf: Target = {
  name: 'gguf',
  codes: /^(gguf|format|quantize)\./,
  make: (random) => [damaged(random, file(random))],
  run: async ([bytes = new Uint8Array()]) => {
    const header = await readGguf(memorySource(bytes));
    keepsPromises(header, bytes.byteLength);
    return 'read';
  },
};

export const ggufSplit: Target = {
  name: 'gguf-split',
  codes: /^(gguf|format)\./,
  make: (random) => {
    const parts = planGgufSplit({ metadata: metadata(random), tensors: tensors(random) }, 'model', 600 + random.below(3000)).map(
      ({ header, totalBytes }) => zeroFilled(header, totalBytes),
    );
    const at = random.below(parts.length);
    const change = random.below(5);
    if (change === 0) return parts.with(at, damaged(random, parts[at] ?? new Uint8Array()));
    if (change === 1) return parts.toSpliced(at, 1);
    if (change === 2) return parts.toSpliced(at, 0, parts[random.below(parts.length)] ?? new Uint8Array());
    if (change === 3) return parts.toReversed();
    return parts;
  },
  run: async (parts) => {
    const split = await readGgufSplit(parts.map((bytes, at) => memorySource(bytes, `part ${at + 1}`)));
    promise(new Set(split.tensors.map(({ name }) => name)).size === split.tensors.length, 'a tensor is there twice');
    promise(split.parts.length === parts.length, 'a part is missing');
    for (const { part, offset, sizeBytes } of split.tensors)
      promise(offset + sizeBytes <= (parts[part]?.byteLength ?? 0), 'a tensor lies outside its part');
    return 'read';
  },
};

export const ggufAdapter: Target = {
  name: 'gguf-adapter',
  codes: /^(gguf|format|adapters)\./,
  make: (random) => {
    const entries = new Map<string, GgufValue>([
      ['general.type', str('adapter')],
      ['general.architecture', str('llama')],
      ['adapter.type', str('lora')],
      ['adapter.lora.alpha', random.chance(0.8) ? f32(16) : value(random)],
    ]);
    const rank = 1 + random.below(8);
    const pairs = random
      .many(1 + random.below(4), (index): NewGgufTensor[] => {
        const name = random.pick([
          `blk.${index}.attn_q.weight`,
          'token_embd.weight',
          `blk.${index}.${strangeText(random).toWellFormed().replaceAll('\0', '').slice(0, 10)}`,
        ]);
        const type = random.pick(['F32', 'F16', 'BF16', 'F32', 'Q8_0'] as const);
        return [
          { name: `${name}.lora_a`, type, dimensions: [32, random.chance(0.9) ? rank : 3] },
          { name: `${name}.lora_b`, type: 'F32', dimensions: [rank, 32] },
        ];
      })
      .flat();
    const once = [...new Map(pairs.map((tensor) => [tensor.name, tensor])).values()];
    return [damaged(random, file(random, entries, random.chance(0.2) ? once.slice(1) : once))];
  },
  run: async ([bytes = new Uint8Array()]) => {
    const { modules } = readGgufAdapter(await readGguf(memorySource(bytes)), 'adapter.gguf');
    for (const { rank, inputs, outputs, scale } of modules)
      promise(rank > 0 && inputs > 0 && outputs > 0 && Number.isFinite(scale), 'a module has no size or no scale');
    return 'read';
  },
};

export const imatrix: Target = {
  name: 'imatrix',
  codes: /^(gguf|format|quantize)\./,
  make: (random) => {
    const entries = new Map(
      random.many(1 + random.below(4), (index) => [
        `blk.${index}.attn_q.weight`,
        { squares: Float32Array.from({ length: 8 }, () => random.uniform()), counts: Float32Array.of(2) },
      ]),
    );
    const made = { entries, datasets: ['text'], chunkCount: 2, chunkSize: 512 };
    return [damagedText(random, random.chance(0.5) ? writeImatrix(made) : writeLegacyImatrix(made), ['.in_sum2', '.counts', 'GGUF'])];
  },
  run: async ([bytes = new Uint8Array()]) => {
    const { entries } = await readImatrix(memorySource(bytes));
    for (const { squares, counts } of entries.values()) promise(squares.length % counts.length === 0, 'sums do not fit their counts');
    return 'read';
  },
};

/** A file that begins as GGUF and goes on as anything. */
export const noise: Target = {
  name: 'noise',
  codes: /^(gguf|format|quantize)\./,
  make: (random) => [new Uint8Array([...encode('GGUF'), 3, 0, 0, 0, ...random.bytes(random.below(400))])],
  run: gguf.run,
};
