import { describe, expect, it } from 'vitest';
import { architectureOf } from '#core/architectures/index.ts';
import { storedTwice } from '#core/convert/sources.ts';
import { demoConfig } from '#core/demo/config.ts';
import { demoModel } from '#core/demo/model.ts';
import { AppError } from '#core/errors/index.ts';
import { memorySource } from '#core/byte-source.ts';
import { readGguf } from '#core/gguf/read.ts';
import type { Config } from '#core/model/config.ts';
import type { ShardTensorInfo } from '#core/safetensors/shards.ts';
import { plainVocabulary } from './golden.ts';
import { planConversion, type ConversionRequest } from './planned.ts';

const shape = {
  layerCount: 2,
  embeddingLength: 32,
  headCount: 4,
  headCountKv: 2,
  feedForwardLength: 48,
  contextLength: 64,
  vocabularySize: 96,
  tiedEmbeddings: true,
  dtype: 'BF16',
} as const;

function request(family: string, more: { config?: Config; tied?: boolean } = {}): ConversionRequest {
  const options = { ...shape, family, tiedEmbeddings: more.tied ?? true };
  const model = demoModel({ ...options, seed: 1, tokenizerFiles: {} });
  return {
    config: { ...demoConfig(options), ...more.config },
    tensors: model.weights.tensors.map((tensor) => ({ ...tensor, shard: 'model.safetensors' })),
    vocabulary: plainVocabulary(96),
    name: 'Test',
    target: 'F16',
  };
}

function failure(call: () => unknown): { code: string; params: object } {
  try {
    call();
  } catch (error) {
    if (error instanceof AppError) return { code: error.code, params: error.params };
    throw error;
  }
  throw new Error('the call did not fail');
}

const rename = (tensors: readonly ShardTensorInfo[], from: string, to: string): ShardTensorInfo[] =>
  tensors.map((tensor) => (tensor.name === from ? { ...tensor, name: to } : tensor));
const names = (made: ConversionRequest): string[] => planConversion(made).tensors.map(({ name }) => name);
const embed = 'model.embed_tokens.weight';

describe('tensors that do not fit the model', () => {
  it('names a missing tensor, and how many are missing', () => {
    const made = request('llama');
    const tensors = made.tensors.filter(({ name }) => !name.startsWith('model.layers.1.'));
    expect(failure(() => planConversion({ ...made, tensors }))).toEqual({
      code: 'model.missingTensor',
      params: { tensor: 'model.layers.1.input_layernorm.weight', count: 9 },
    });
  });

  it('names an unexpected tensor, as of a deeper model than config.json says', () => {
    const made = request('llama');
    expect(failure(() => planConversion({ ...made, config: { ...made.config, num_hidden_layers: 1 } }))).toMatchObject({
      code: 'model.unexpectedTensor',
      params: { count: 9, architecture: 'llama', tensor: expect.stringMatching(/^model\.layers\.1\./) },
    });
  });

  it('gives both shapes where they contradict each other', () => {
    const made = request('llama');
    expect(failure(() => planConversion({ ...made, config: { ...made.config, intermediate_size: 64 } }))).toEqual({
      code: 'model.wrongShape',
      params: { tensor: 'model.layers.0.mlp.gate_proj.weight', actual: '[48, 32]', expected: '[64, 32]' },
    });
  });

  it('refuses the same tensor under two names, or in two files', () => {
    const made = request('llama');
    const twin = made.tensors.find(({ name }) => name === 'model.norm.weight');
    for (const name of ['model.norm.weight', 'norm.weight'])
      expect(
        failure(() => planConversion({ ...made, tensors: [...made.tensors, { ...twin!, name, shard: 'other.safetensors' }] })).code,
      ).toBe('model.duplicateTensor');
  });

  it('refuses a data type that is no float', () => {
    const made = request('llama');
    const tensors = made.tensors.map((tensor) => (tensor.name === embed ? { ...tensor, dtype: 'I8' as const } : tensor));
    expect(failure(() => planConversion({ ...made, tensors }))).toEqual({
      code: 'model.unsupportedType',
      params: { tensor: embed, dtype: 'I8' },
    });
  });

  it('refuses a tokenizer of another size', () => {
    const made = request('llama');
    for (const size of [0, 95, 97])
      expect(failure(() => planConversion({ ...made, vocabulary: plainVocabulary(size) }))).toEqual({
        code: 'model.vocabularyMismatch',
        params: { tokens: size, rows: 96 },
      });
  });
});

describe('a matrix shared by input and output', () => {
  it('is found under the output’s name alone', () => {
    const made = request('llama');
    const tensors = rename(made.tensors, embed, 'lm_head.weight');
    const plan = planConversion({ ...made, tensors });
    expect(plan.tensors.map(({ name }) => name)).toEqual(names(made));
    expect(plan.tensors[0]).toMatchObject({ name: 'token_embd.weight', source: { kind: 'stored', tensor: { name: 'lm_head.weight' } } });
  });

  it('is written once where it is stored twice, and twice where the two differ', () => {
    const made = { ...request('llama', { tied: false }), config: demoConfig({ ...shape, family: 'llama' }) };
    expect(names(made)).not.toContain('output.weight');
    expect(names({ ...made, headDiffers: true })).toContain('output.weight');
    const architecture = architectureOf(made.config);
    const h = architecture.hyperparameters(made.config);
    expect(storedTwice(architecture, h, made.tensors)).toMatchObject({ input: { name: embed }, output: { name: 'lm_head.weight' } });
    expect(storedTwice(architecture, h, request('llama').tensors)).toBeNull();
    expect(storedTwice(architecture, { ...h, tiedEmbeddings: false }, made.tensors)).toBeNull();
  });

  it('is not assumed where config.json says otherwise: the embedding is missing', () => {
    const made = request('llama', { config: { tie_word_embeddings: false } });
    expect(failure(() => planConversion({ ...made, tensors: rename(made.tensors, embed, 'lm_head.weight') }))).toMatchObject({
      code: 'model.missingTensor',
      params: { tensor: embed },
    });
  });

  it('stands in for an output matrix that is absent, with a warning', () => {
    const made = request('llama', { config: { tie_word_embeddings: false } });
    expect(planConversion(made).warnings).toEqual([{ code: 'model.outputTied', params: {} }]);
    expect(planConversion(request('llama')).warnings).toEqual([]);
  });

  it('is the only one in Gemma 1 and 2, whose loader reads no output matrix', () => {
    for (const family of ['gemma', 'gemma2']) {
      const made = request(family);
      const output = { ...made.tensors.find(({ name }) => name === embed)!, name: 'lm_head.weight' };
      expect(names({ ...made, tensors: [...made.tensors, output] })).toEqual(names(made));
    }
  });
});

describe('the plan', () => {
  it('predicts the file to the byte, and its header is what a reader reads', async () => {
    const plan = planConversion(request('qwen2', { tied: false }));
    const file = new Uint8Array(plan.totalBytes);
    file.set(plan.header);
    const header = await readGguf(memorySource(file));
    expect(header.tensors.map(({ name, type, dimensions, offset }) => ({ name, type, dimensions, offset }))).toEqual(
      plan.tensors.map(({ name, type, dimensions, offset }) => ({ name, type, dimensions, offset })),
    );
    const last = plan.tensors.at(-1)!;
    expect(last.offset + last.paddedBytes).toBe(plan.totalBytes);
    expect(header.metadata.get('general.architecture')?.value).toBe('qwen2');
  });

  it('lists tensors in the order of the model: embedding, blocks, norm, output', () => {
    const listed = names(request('llama', { tied: false }));
    expect(listed[0]).toBe('token_embd.weight');
    expect(listed.slice(-2)).toEqual(['output_norm.weight', 'output.weight']);
    const layers = listed.flatMap((name) => /^blk\.(\d+)/.exec(name)?.[1] ?? []).map(Number);
    expect(layers).toEqual(layers.toSorted((left, right) => left - right));
    expect(new Set(layers)).toEqual(new Set([0, 1]));
  });

  it('cuts the rows beyond the vocabulary from Gemma 3’s embedding, and from no other family’s', () => {
    const made = { ...request('gemma3'), vocabulary: plainVocabulary(90) };
    const [embedding] = planConversion(made).tensors;
    expect(embedding).toMatchObject({ dimensions: [32, 90], source: { elements: 90 * 32, shape: [90, 32] } });
    expect(failure(() => planConversion({ ...request('gemma2'), vocabulary: plainVocabulary(90) })).code).toBe('model.vocabularyMismatch');
  });

  it('leaves out the buffers that GPT-2 files carry, and finds tensors without their prefix', () => {
    const made = request('gpt2');
    const [first] = made.tensors;
    const tensors = [
      ...made.tensors.map((tensor) => ({ ...tensor, name: tensor.name.replace('transformer.', '') })),
      { ...first!, name: 'h.0.attn.bias', shape: [1, 1, 64, 64] },
      { ...first!, name: 'h.1.attn.masked_bias', shape: [] },
    ];
    expect(names({ ...made, tensors })).toEqual(names(made));
  });
});
