import { architectureOf, type Hyperparameters, type TensorRule } from '../architectures/index.ts';
import { elementCount } from '../element-count.ts';
import { MiB } from '../bytes.ts';
import type { Config } from '../model/config.ts';
import { planSafetensors, type SafetensorsPlan } from '../safetensors/write.ts';
import type { TensorInfo } from '../safetensors/read.ts';
import { demoConfig, type DemoShape } from './config.ts';
import { fillFrom, normalTable, seedOf, XorShift32, type DemoDtype } from './random.ts';

/** Bytes of one chunk of weights: large enough to write at full speed, small enough to keep nothing in memory. */
const CHUNK_BYTES = 4 * MiB;

export interface DemoOptions extends DemoShape {
  readonly seed: number;
  /** The tokenizer's files by name, as the trainer made them. */
  readonly tokenizerFiles: Readonly<Record<string, string>>;
}

/** A model that was never trained: everything but the weights is in memory, the weights come as a stream. */
export interface DemoModel {
  readonly config: Config;
  /** config.json, generation_config.json and the tokenizer's files, by name. */
  readonly files: Readonly<Record<string, string>>;
  /** Layout of model.safetensors. */
  readonly weights: SafetensorsPlan;
  /** Of the whole folder. */
  readonly totalBytes: number;
  /** model.safetensors from its first byte to its last. A chunk is valid until the next one is asked for. */
  chunks(): Generator<Uint8Array, void>;
  /** The bytes of one tensor, whole. */
  tensorBytes(name: string): Uint8Array;
}

/**
 * Make a model up: real config, real tokenizer, weights from a seeded normal distribution.
 * @throws model.badConfig where the shape is impossible for the family
 */
export function demoModel(options: DemoOptions): DemoModel {
  const config = demoConfig(options);
  const architecture = architectureOf(config);
  const h = architecture.hyperparameters(config);
  const rules = architecture.tensors(h).filter((rule) => isStored(rule, options));
  const weights = planSafetensors(rules.map(({ hf, shape }) => ({ name: hf, dtype: options.dtype, shape })));
  const byName = new Map(rules.map((rule) => [rule.hf, rule]));
  const tables = new Map<string, Uint16Array | Uint32Array>();

  function* tensorChunks({ name, shape }: TensorInfo): Generator<Uint8Array, void> {
    const { mean, sigma } = distribution(byName.get(name), h, architecture.family);
    const key = `${mean} ${sigma}`;
    const table = tables.get(key) ?? normalTable(options.dtype, mean, sigma);
    tables.set(key, table);
    const random = new XorShift32(seedOf(name, options.seed));
    const chunk = emptyChunk(options.dtype);
    for (let left = elementCount(shape); left > 0; left -= chunk.length) {
      const values = chunk.subarray(0, Math.min(left, chunk.length));
      fillFrom(table, random, values);
      yield new Uint8Array(values.buffer, 0, values.byteLength);
    }
  }

  const files = {
    'config.json': json(config),
    'generation_config.json': json({
      bos_token_id: config['bos_token_id'],
      eos_token_id: config['eos_token_id'],
      pad_token_id: config['pad_token_id'],
    }),
    ...options.tokenizerFiles,
  };
  const textBytes = Object.values(files).reduce((sum, text) => sum + new TextEncoder().encode(text).byteLength, 0);
  return {
    config,
    files,
    weights,
    totalBytes: weights.totalBytes + textBytes,
    *chunks() {
      yield weights.header;
      for (const tensor of weights.tensors) yield* tensorChunks(tensor);
    },
    tensorBytes(name) {
      const tensor = weights.tensors.find((candidate) => candidate.name === name);
      if (tensor === undefined) throw new RangeError(`no tensor ${name} in this demo model`);
      const bytes = new Uint8Array(tensor.sizeBytes);
      let filled = 0;
      for (const chunk of tensorChunks(tensor)) {
        bytes.set(chunk, filled);
        filled += chunk.byteLength;
      }
      return bytes;
    },
  };
}

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

const emptyChunk = (dtype: DemoDtype): Uint16Array | Uint32Array =>
  dtype === 'F32' ? new Uint32Array(CHUNK_BYTES / 4) : new Uint16Array(CHUNK_BYTES / 2);

/** Of the tensors that a family may do without, those that its models have: Qwen 2's biases, and an untied output. */
const isStored = ({ optional, gguf }: TensorRule, { family, tiedEmbeddings }: DemoOptions): boolean =>
  !optional || (gguf === 'output.weight' ? !tiedEmbeddings : family === 'qwen2' && /\.attn_[qkv]\.bias$/.test(gguf));

/**
 * Normal distributions as in training's first step: norms near one, embeddings 0.02, a matrix 1/√inputs, so that signals keep their
 * size; what adds to the residual stream is smaller by √(2 · layers) (GPT-2).
 */
function distribution(rule: TensorRule | undefined, h: Hyperparameters, family: string): { mean: number; sigma: number } {
  if (rule === undefined) throw new RangeError('a tensor without a rule');
  const { gguf, shape, transform } = rule;
  if (gguf.endsWith('_norm.weight')) return { mean: transform.kind === 'addOne' ? 0 : 1, sigma: 0.02 };
  if (shape.length < 2 || gguf.startsWith('token_embd') || gguf.startsWith('position_embd')) return { mean: 0, sigma: 0.02 };
  const inputs = (family === 'gpt2' && transform.kind === 'transpose' ? shape[0] : shape[1]) ?? 1;
  const residual = /\.(attn_output|ffn_down)\.weight$/.test(gguf) ? Math.sqrt(2 * h.layerCount) : 1;
  return { mean: 0, sigma: 1 / Math.sqrt(inputs) / residual };
}
