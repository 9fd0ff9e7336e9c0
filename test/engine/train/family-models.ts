import { readFile, writeFile } from 'node:fs/promises';
import { architectureOf } from '#core/architectures/index.ts';
import { demoConfig } from '#core/demo/config.ts';
import { memorySource } from '#core/byte-source.ts';
import { readGguf } from '#core/gguf/read.ts';
import type { GgmlTypeName } from '#core/gguf/types.ts';
import { arr, bool, str, u32, type GgufValue } from '#core/gguf/values.ts';
import { planGguf } from '#core/gguf/write.ts';
import { trainableFamily, type TrainableFamily } from '#core/training/families.ts';
import type { Native } from '#engine/native.ts';

/** Small models of every family that can be trained, of random weights: the same in every run. */
export interface FamilyModel {
  readonly family: string;
  readonly layers?: number;
  readonly heads?: number;
  readonly kvHeads?: number;
  readonly embedding?: number;
  readonly feedForward?: number;
  readonly tied?: boolean;
  /** Of the matrices; default F32. */
  readonly type?: GgmlTypeName;
  readonly more?: Readonly<Record<string, unknown>>;
}

export const VOCABULARY = 320;
export const CONTEXT = 256;

/** SplitMix32, as numbers of a normal distribution by Box and Muller. */
export function normal(seed: number): () => number {
  let state = seed >>> 0;
  const uniform = (): number => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
  };
  return () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}

/** SentencePiece's kind: bytes, and words that never occur. */
const tokenizer = (): (readonly [string, GgufValue])[] => {
  const ids = Array.from({ length: VOCABULARY }, (_, id) => id);
  return [
    ['tokenizer.ggml.model', str('llama')],
    [
      'tokenizer.ggml.tokens',
      arr(
        'str',
        ids.map((id) =>
          id < 3
            ? (['<unk>', '<s>', '</s>'][id] ?? '')
            : id < 259
              ? `<0x${(id - 3).toString(16).toUpperCase().padStart(2, '0')}>`
              : `¤${id}`,
        ),
      ),
    ],
    [
      'tokenizer.ggml.scores',
      arr(
        'f32',
        ids.map((id) => -id),
      ),
    ],
    [
      'tokenizer.ggml.token_type',
      arr(
        'i32',
        ids.map((id) => (id < 3 ? 3 : id < 259 ? 6 : 1)),
      ),
    ],
    ['tokenizer.ggml.bos_token_id', u32(1)],
    ['tokenizer.ggml.eos_token_id', u32(2)],
    ['tokenizer.ggml.add_bos_token', bool(true)],
    ['tokenizer.ggml.add_space_prefix', bool(false)],
  ];
};

/** Writes the model and says how the trainer sees it. */
export async function writeFamilyModel(native: Native, path: string, model: FamilyModel): Promise<TrainableFamily> {
  const { family, layers = 3, heads = 4, kvHeads = 2, embedding = 64, feedForward = 96, tied = false, type = 'F32' } = model;
  const config = {
    ...demoConfig({
      family,
      layerCount: layers,
      embeddingLength: embedding,
      headCount: heads,
      headCountKv: kvHeads,
      feedForwardLength: feedForward,
      contextLength: CONTEXT,
      vocabularySize: VOCABULARY,
      tiedEmbeddings: tied,
      dtype: 'F32',
    }),
    ...model.more,
  };
  const architecture = architectureOf(config);
  const h = architecture.hyperparameters(config);
  const computed = architecture.computed(h);
  const rules = architecture.tensors(h).filter((rule) => !rule.optional || (rule.gguf === 'output.weight' && !tied));
  const isMatrix = (shape: readonly number[]): boolean => shape.length > 1;
  const plan = planGguf({
    metadata: new Map<string, GgufValue>([
      ['general.architecture', str(architecture.ggufName)],
      ...architecture.metadata(h, 0),
      ...tokenizer(),
    ]),
    tensors: [
      ...computed.map(({ gguf, values }) => ({ name: gguf, type: 'F32' as const, dimensions: [values.length] })),
      ...rules.map((rule) => ({
        name: rule.gguf,
        type: isMatrix(rule.shape) ? type : ('F32' as const),
        dimensions: rule.shape.toReversed(),
      })),
    ],
  });
  const file = new Uint8Array(plan.totalBytes);
  file.set(plan.header);
  const next = normal(7);
  for (const tensor of plan.tensors) {
    const given = computed.find(({ gguf }) => gguf === tensor.name)?.values;
    const elements = tensor.dimensions.reduce((product, n) => product * n, 1);
    const deviation = tensor.name.endsWith('.bias')
      ? 0.2
      : tensor.name === 'token_embd.weight'
        ? 1
        : 1.5 / Math.sqrt(tensor.dimensions[0] ?? 1);
    const values =
      given ?? Float32Array.from({ length: elements }, () => (tensor.name.includes('norm') ? 1 + 0.2 * next() : deviation * next()));
    const target = file.subarray(tensor.offset, tensor.offset + tensor.sizeBytes);
    if (tensor.type === 'F32') target.set(new Uint8Array(values.buffer));
    else await native.ggmlQuantize(Float32Array.from(values), tensor.type, tensor.dimensions[0] ?? 1, target);
  }
  await writeFile(path, file);
  return familyOf(path);
}

/** The family of a GGUF file, for rows as long as the test models' context. */
export async function familyOf(path: string, maxTokens = CONTEXT): Promise<TrainableFamily> {
  return trainableFamily(await readGguf(memorySource(new Uint8Array(await readFile(path)))), maxTokens);
}
