import { open } from 'node:fs/promises';
import { architectureOf } from '#core/architectures/index.ts';
import { demoConfig } from '#core/demo/config.ts';
import type { GgufHeader } from '#core/gguf/header.ts';
import type { GgmlTypeName } from '#core/gguf/types.ts';
import { arr, f32, str, u32, type GgufValue } from '#core/gguf/values.ts';
import { planGguf, type NewGgufTensor } from '#core/gguf/write.ts';

/** A model whose memory is measured: all weights are zero, and the file is a hole on the disk. */
export interface MemoryModel {
  readonly name: string;
  readonly metadata: ReadonlyMap<string, GgufValue>;
  readonly tensors: readonly NewGgufTensor[];
}

const EMBEDDING = 512;
const LAYERS = 6;
const HEADS = 8;
const FEED_FORWARD = 1408;
const CONTEXT = 32_768;

type Entries = readonly (readonly [string, GgufValue])[];
type Dimensions = readonly number[];

/** Matrices in `type`, everything else in F32, as llama.cpp's converter does it. */
const tensor = (name: string, dimensions: Dimensions, type: GgmlTypeName = 'F16'): NewGgufTensor => ({
  name,
  dimensions,
  type: dimensions.length > 1 && !name.includes('ssm_conv1d') && !/ssm_[ad]$/.test(name) && !name.includes('ffn_gate_inp') ? type : 'F32',
});

/** A vocabulary of the kind of SentencePiece, of nothing but numbered words and the bytes that llama.cpp asks for. */
function tokenizer(vocabularySize: number): Entries {
  const tokens = Array.from({ length: vocabularySize }, (_, id) =>
    id < 3 ? (['<unk>', '<s>', '</s>'][id] ?? '') : id < 259 ? `<0x${(id - 3).toString(16).toUpperCase().padStart(2, '0')}>` : `w${id}`,
  );
  return [
    ['tokenizer.ggml.model', str('llama')],
    ['tokenizer.ggml.tokens', arr('str', tokens)],
    [
      'tokenizer.ggml.scores',
      arr(
        'f32',
        tokens.map((_, id) => -id),
      ),
    ],
    [
      'tokenizer.ggml.token_type',
      arr(
        'i32',
        tokens.map((_, id) => (id < 3 ? 3 : id < 259 ? 6 : 1)),
      ),
    ],
    ['tokenizer.ggml.bos_token_id', u32(1)],
    ['tokenizer.ggml.eos_token_id', u32(2)],
  ];
}

const modelOf = (name: string, architecture: string, vocabularySize: number, entries: Entries, tensors: NewGgufTensor[]): MemoryModel => ({
  name,
  metadata: new Map<string, GgufValue>([['general.architecture', str(architecture)], ...entries, ...tokenizer(vocabularySize)]),
  tensors,
});

interface FamilyOptions {
  readonly family: string;
  readonly headCountKv?: number;
  readonly headDimension?: number;
  readonly vocabularySize?: number;
  readonly tiedEmbeddings?: boolean;
  readonly contextLength?: number;
  readonly type?: GgmlTypeName;
}

/** A model of a family that Lathe converts. */
function familyModel(name: string, options: FamilyOptions): MemoryModel {
  const { family, headCountKv = 2, vocabularySize = 4096, tiedEmbeddings = false, contextLength = CONTEXT, type = 'F16' } = options;
  const config = demoConfig({
    family,
    layerCount: LAYERS,
    embeddingLength: EMBEDDING,
    headCount: HEADS,
    headCountKv,
    ...(options.headDimension === undefined ? {} : { headDimension: options.headDimension }),
    feedForwardLength: FEED_FORWARD,
    contextLength,
    vocabularySize,
    tiedEmbeddings,
    dtype: 'F16',
  });
  const architecture = architectureOf(config);
  const h = architecture.hyperparameters(config);
  const tensors = architecture
    .tensors(h)
    .filter((rule) => !rule.optional || (rule.gguf === 'output.weight' ? !tiedEmbeddings : family === 'gpt2'))
    .map((rule) => tensor(rule.gguf, rule.transform.kind === 'transpose' ? rule.shape : rule.shape.toReversed(), type));
  return modelOf(name, architecture.ggufName, vocabularySize, architecture.metadata(h, 1), tensors);
}

const attentionTensors = (blk: string, keyValueLength: number): NewGgufTensor[] => [
  tensor(`${blk}.attn_norm.weight`, [EMBEDDING]),
  tensor(`${blk}.attn_q.weight`, [EMBEDDING, EMBEDDING]),
  tensor(`${blk}.attn_k.weight`, [EMBEDDING, keyValueLength]),
  tensor(`${blk}.attn_v.weight`, [EMBEDDING, keyValueLength]),
  tensor(`${blk}.attn_output.weight`, [EMBEDDING, EMBEDDING]),
];

const around = (vocabularySize: number, blocks: NewGgufTensor[]): NewGgufTensor[] => [
  tensor('token_embd.weight', [EMBEDDING, vocabularySize]),
  ...blocks,
  tensor('output_norm.weight', [EMBEDDING]),
  tensor('output.weight', [EMBEDDING, vocabularySize]),
];

const blocks = (tensors: (blk: string, index: number) => NewGgufTensor[]): NewGgufTensor[] =>
  Array.from({ length: LAYERS }, (_, index) => tensors(`blk.${index}`, index)).flat();

const common = (arch: string, feedForward = FEED_FORWARD): Entries => [
  [`${arch}.block_count`, u32(LAYERS)],
  [`${arch}.context_length`, u32(CONTEXT)],
  [`${arch}.embedding_length`, u32(EMBEDDING)],
  [`${arch}.feed_forward_length`, u32(feedForward)],
  [`${arch}.attention.head_count`, u32(HEADS)],
  [`${arch}.attention.layer_norm_rms_epsilon`, f32(1e-5)],
];

const EXPERTS = 16;
const EXPERT_LENGTH = 704;

const expertTensors = (blk: string, length = EXPERT_LENGTH): NewGgufTensor[] => [
  tensor(`${blk}.ffn_norm.weight`, [EMBEDDING]),
  tensor(`${blk}.ffn_gate_inp.weight`, [EMBEDDING, EXPERTS]),
  tensor(`${blk}.ffn_gate_exps.weight`, [EMBEDDING, length, EXPERTS]),
  tensor(`${blk}.ffn_up_exps.weight`, [EMBEDDING, length, EXPERTS]),
  tensor(`${blk}.ffn_down_exps.weight`, [length, EMBEDDING, EXPERTS]),
];

/** Mixtral's shape. */
function mixtral(name: string, vocabularySize: number): MemoryModel {
  const entries: Entries = [
    ...common('llama', EXPERT_LENGTH),
    ['llama.attention.head_count_kv', u32(2)],
    ['llama.rope.dimension_count', u32(EMBEDDING / HEADS)],
    ['llama.expert_count', u32(EXPERTS)],
    ['llama.expert_used_count', u32(2)],
  ];
  const layers = blocks((blk) => [...attentionTensors(blk, EMBEDDING / 4), ...expertTensors(blk)]);
  return modelOf(name, 'llama', vocabularySize, entries, around(vocabularySize, layers));
}

/** Qwen 3's mixture: many small experts, and norms of each head. */
function qwen3Experts(vocabularySize: number): MemoryModel {
  const entries: Entries = [
    ...common('qwen3moe'),
    ['qwen3moe.attention.head_count_kv', u32(2)],
    ['qwen3moe.attention.key_length', u32(EMBEDDING / HEADS)],
    ['qwen3moe.attention.value_length', u32(EMBEDDING / HEADS)],
    ['qwen3moe.expert_count', u32(EXPERTS)],
    ['qwen3moe.expert_used_count', u32(8)],
    ['qwen3moe.expert_feed_forward_length', u32(EXPERT_LENGTH)],
  ];
  const layers = blocks((blk) => [
    ...attentionTensors(blk, EMBEDDING / 4),
    tensor(`${blk}.attn_q_norm.weight`, [EMBEDDING / HEADS]),
    tensor(`${blk}.attn_k_norm.weight`, [EMBEDDING / HEADS]),
    ...expertTensors(blk),
  ]);
  return modelOf('many experts', 'qwen3moe', vocabularySize, entries, around(vocabularySize, layers));
}

/** DeepSeek's shape: latent attention, one dense layer, then experts with a shared one. */
function deepseek(name: string, vocabularySize: number): MemoryModel {
  const latent = 128;
  const position = 32;
  const key = 96;
  const value = 64;
  const queryRank = 192;
  const entries: Entries = [
    ...common('deepseek2'),
    ['deepseek2.attention.head_count_kv', u32(1)],
    ['deepseek2.attention.q_lora_rank', u32(queryRank)],
    ['deepseek2.attention.kv_lora_rank', u32(latent)],
    ['deepseek2.attention.key_length', u32(latent + position)],
    ['deepseek2.attention.value_length', u32(latent)],
    ['deepseek2.attention.key_length_mla', u32(key)],
    ['deepseek2.attention.value_length_mla', u32(value)],
    ['deepseek2.rope.dimension_count', u32(position)],
    ['deepseek2.leading_dense_block_count', u32(1)],
    ['deepseek2.vocab_size', u32(vocabularySize)],
    ['deepseek2.expert_count', u32(EXPERTS)],
    ['deepseek2.expert_used_count', u32(2)],
    ['deepseek2.expert_shared_count', u32(1)],
    ['deepseek2.expert_feed_forward_length', u32(EXPERT_LENGTH)],
    ['deepseek2.expert_weights_scale', f32(1)],
  ];
  const layers = blocks((blk, index) => [
    tensor(`${blk}.attn_norm.weight`, [EMBEDDING]),
    tensor(`${blk}.attn_q_a.weight`, [EMBEDDING, queryRank]),
    tensor(`${blk}.attn_q_a_norm.weight`, [queryRank]),
    tensor(`${blk}.attn_q_b.weight`, [queryRank, HEADS * key]),
    tensor(`${blk}.attn_kv_a_mqa.weight`, [EMBEDDING, latent + position]),
    tensor(`${blk}.attn_kv_a_norm.weight`, [latent]),
    tensor(`${blk}.attn_k_b.weight`, [key - position, latent, HEADS]),
    tensor(`${blk}.attn_v_b.weight`, [latent, value, HEADS]),
    tensor(`${blk}.attn_output.weight`, [HEADS * value, EMBEDDING]),
    ...(index === 0
      ? [
          tensor(`${blk}.ffn_norm.weight`, [EMBEDDING]),
          tensor(`${blk}.ffn_gate.weight`, [EMBEDDING, FEED_FORWARD]),
          tensor(`${blk}.ffn_up.weight`, [EMBEDDING, FEED_FORWARD]),
          tensor(`${blk}.ffn_down.weight`, [FEED_FORWARD, EMBEDDING]),
        ]
      : [
          ...expertTensors(blk),
          tensor(`${blk}.ffn_gate_shexp.weight`, [EMBEDDING, EXPERT_LENGTH]),
          tensor(`${blk}.ffn_up_shexp.weight`, [EMBEDDING, EXPERT_LENGTH]),
          tensor(`${blk}.ffn_down_shexp.weight`, [EXPERT_LENGTH, EMBEDDING]),
        ]),
  ]);
  return modelOf(name, 'deepseek2', vocabularySize, entries, around(vocabularySize, layers));
}

const INNER = 2 * EMBEDDING;
const RANK = 32;

const scanEntries = (arch: string, stateLength: number, rank: number): Entries => [
  [`${arch}.ssm.conv_kernel`, u32(4)],
  [`${arch}.ssm.inner_size`, u32(INNER)],
  [`${arch}.ssm.state_size`, u32(stateLength)],
  [`${arch}.ssm.time_step_rank`, u32(rank)],
];

const withoutAttention = (arch: string): Entries => [...common(arch, 0), [`${arch}.attention.head_count`, u32(0)]];

const mambaTensors = (blk: string): NewGgufTensor[] => [
  tensor(`${blk}.attn_norm.weight`, [EMBEDDING]),
  tensor(`${blk}.ssm_in.weight`, [EMBEDDING, 2 * INNER]),
  tensor(`${blk}.ssm_conv1d.weight`, [4, INNER]),
  tensor(`${blk}.ssm_conv1d.bias`, [INNER]),
  tensor(`${blk}.ssm_x.weight`, [INNER, RANK + 2 * 16]),
  tensor(`${blk}.ssm_dt.weight`, [RANK, INNER]),
  tensor(`${blk}.ssm_dt.bias`, [INNER]),
  tensor(`${blk}.ssm_a`, [16, INNER]),
  tensor(`${blk}.ssm_d`, [INNER]),
  tensor(`${blk}.ssm_out.weight`, [INNER, EMBEDDING]),
];

function mamba(name: string, vocabularySize: number): MemoryModel {
  const entries: Entries = [...withoutAttention('mamba'), ...scanEntries('mamba', 16, RANK)];
  return modelOf(name, 'mamba', vocabularySize, entries, around(vocabularySize, blocks(mambaTensors)));
}

function mamba2(name: string, vocabularySize: number): MemoryModel {
  const state = 64;
  const heads = 16;
  const channels = INNER + 2 * state;
  const entries: Entries = [...withoutAttention('mamba2'), ...scanEntries('mamba2', state, heads), ['mamba2.ssm.group_count', u32(1)]];
  const layers = blocks((blk) => [
    tensor(`${blk}.attn_norm.weight`, [EMBEDDING]),
    tensor(`${blk}.ssm_in.weight`, [EMBEDDING, INNER + channels + heads]),
    tensor(`${blk}.ssm_conv1d.weight`, [4, channels]),
    tensor(`${blk}.ssm_conv1d.bias`, [channels]),
    tensor(`${blk}.ssm_dt.bias`, [heads]),
    tensor(`${blk}.ssm_a`, [1, heads]),
    tensor(`${blk}.ssm_d`, [1, heads]),
    tensor(`${blk}.ssm_norm.weight`, [INNER, 1], 'F32'),
    tensor(`${blk}.ssm_out.weight`, [INNER, EMBEDDING]),
  ]);
  return modelOf(name, 'mamba2', vocabularySize, entries, around(vocabularySize, layers));
}

/** Jamba's shape: every third layer attends, the others scan. */
function jamba(vocabularySize: number): MemoryModel {
  const keyHeads = Array.from({ length: LAYERS }, (_, index) => (index % 3 === 2 ? 2 : 0));
  const entries: Entries = [...common('jamba'), ['jamba.attention.head_count_kv', arr('i32', keyHeads)], ...scanEntries('jamba', 16, RANK)];
  const layers = blocks((blk, index) => [
    ...(keyHeads[index] === 0
      ? [
          ...mambaTensors(blk),
          tensor(`${blk}.ssm_dt_norm.weight`, [RANK]),
          tensor(`${blk}.ssm_b_norm.weight`, [16]),
          tensor(`${blk}.ssm_c_norm.weight`, [16]),
        ]
      : attentionTensors(blk, EMBEDDING / 4)),
    tensor(`${blk}.ffn_norm.weight`, [EMBEDDING]),
    tensor(`${blk}.ffn_gate.weight`, [EMBEDDING, FEED_FORWARD]),
    tensor(`${blk}.ffn_up.weight`, [EMBEDDING, FEED_FORWARD]),
    tensor(`${blk}.ffn_down.weight`, [FEED_FORWARD, EMBEDDING]),
  ]);
  return modelOf('mixed', 'jamba', vocabularySize, entries, around(vocabularySize, layers));
}

/** One model for each kind of attention and of layer. Where the vocabulary is small, the layers take most of a step's memory, else the output. */
export const memoryModels: readonly MemoryModel[] = [
  familyModel('grouped', { family: 'llama', headCountKv: 2 }),
  familyModel('grouped, small vocabulary', { family: 'llama', headCountKv: 2, vocabularySize: 512 }),
  familyModel('grouped, large vocabulary', { family: 'llama', headCountKv: 2, vocabularySize: 32_000 }),
  familyModel('one key head', { family: 'llama', headCountKv: 1 }),
  familyModel('all heads', { family: 'llama', headCountKv: 8 }),
  familyModel('tied', { family: 'llama', headCountKv: 2, tiedEmbeddings: true }),
  familyModel('eight bits', { family: 'llama', headCountKv: 2, type: 'Q8_0' }),
  familyModel('qwen2', { family: 'qwen2' }),
  familyModel('qwen3', { family: 'qwen3', headDimension: 128 }),
  familyModel('gemma', { family: 'gemma', tiedEmbeddings: true, headDimension: 128 }),
  familyModel('gemma2', { family: 'gemma2', tiedEmbeddings: true, contextLength: 8192 }),
  familyModel('sliding window', { family: 'gemma3', tiedEmbeddings: true, contextLength: 2048 }),
  familyModel('phi3', { family: 'phi3' }),
  familyModel('smollm3', { family: 'smollm3', tiedEmbeddings: true }),
  familyModel('gpt2', { family: 'gpt2', headCountKv: 8, tiedEmbeddings: true, contextLength: 8192 }),
  mixtral('experts', 4096),
  mixtral('experts, small vocabulary', 512),
  qwen3Experts(4096),
  deepseek('latent', 4096),
  deepseek('latent, small vocabulary', 512),
  mamba('recurrent', 4096),
  mamba('recurrent, small vocabulary', 512),
  mamba2('recurrent 2', 4096),
  mamba2('recurrent 2, small vocabulary', 512),
  jamba(4096),
];

/** Write the model's file, and tell its header. */
export async function writeMemoryModel(
  path: string,
  { metadata, tensors }: MemoryModel,
): Promise<Pick<GgufHeader, 'metadata' | 'tensors'>> {
  const plan = planGguf({ metadata, tensors });
  const file = await open(path, 'w');
  try {
    await file.write(plan.header);
    await file.truncate(plan.totalBytes);
  } finally {
    await file.close();
  }
  return { metadata, tensors: plan.tensors };
}
