import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { memorySource } from '#core/byte-source.ts';
import { demoConfig, demoFamilies } from '#core/demo/config.ts';
import { demoModel } from '#core/demo/model.ts';
import { readGguf } from '#core/gguf/read.ts';
import { arr, f32, str, u32, u64, type GgufValue } from '#core/gguf/values.ts';
import type { Config } from '#core/model/config.ts';
import { factsFromAdapter } from '#core/model/facts-adapter.ts';
import { factsFromGguf } from '#core/model/facts-gguf.ts';
import { factsFromHf, licenceOf } from '#core/model/facts-hf.ts';
import { safetensorsBytes, type SafetensorsDtype } from '#core/safetensors/dtypes.ts';
import { readSafetensors, type TensorInfo } from '#core/safetensors/read.ts';
import { realModelPath, realModels, realModelsNote } from '#test/real-models.ts';
import { plainVocabulary } from '../convert/golden.ts';
import { planConversion } from '../convert/planned.ts';

const shape = {
  layerCount: 2,
  embeddingLength: 32,
  headCount: 4,
  headCountKv: 2,
  feedForwardLength: 48,
  contextLength: 64,
  vocabularySize: 96,
  tiedEmbeddings: false,
  dtype: 'BF16',
} as const;

const tensor = (name: string, dtype: SafetensorsDtype, ...dimensions: number[]): TensorInfo => ({
  name,
  dtype,
  shape: dimensions,
  offset: 0,
  sizeBytes: safetensorsBytes(dtype, dimensions),
});

describe('facts of a Hugging Face folder', () => {
  it('say what config.json and the tensors say', () => {
    const { config, weights } = demoModel({ ...shape, family: 'llama', seed: 1, tokenizerFiles: {} });
    // 2 × 96·32 embedding and output; per layer q, o 32·32, k, v 16·32, three of 48·32, two norms; a last norm.
    const parameterCount = 2 * 96 * 32 + 2 * (2 * 32 * 32 + 2 * 16 * 32 + 3 * 48 * 32 + 2 * 32) + 32;
    expect(factsFromHf({ config, tensors: weights.tensors, name: 'Demo', tokenizerModel: 'BPE' })).toEqual({
      name: 'Demo',
      architecture: 'llama',
      architectureClass: 'LlamaForCausalLM',
      modelType: 'llama',
      parameterCount,
      layerCount: 2,
      embeddingLength: 32,
      feedForwardLength: 48,
      headCount: 4,
      headCountKv: 2,
      headDimension: 8,
      valueLength: 8,
      vocabularySize: 96,
      contextLength: 64,
      ropeFreqBase: 10_000,
      tiedEmbeddings: false,
      quantization: 'BF16',
      tensorCount: 21,
      tensorBytes: 2 * parameterCount,
      bytesByType: { BF16: 2 * parameterCount },
      tokenizerModel: 'BPE',
      hasChatTemplate: false,
    });
  });

  it('count a matrix shared by input and output once, even where it is stored twice', () => {
    const once = demoModel({ ...shape, family: 'llama', tiedEmbeddings: true, seed: 1, tokenizerFiles: {} });
    const twice = demoModel({ ...shape, family: 'llama', seed: 1, tokenizerFiles: {} });
    const facts = factsFromHf({ config: once.config, tensors: twice.weights.tensors });
    expect(facts.parameterCount).toBe(factsFromHf({ config: once.config, tensors: once.weights.tensors }).parameterCount);
    expect(facts.tensorCount).toBe(21);
  });

  it('are read for a family that Lathe cannot convert, as far as its fields have the usual names', () => {
    const config = {
      architectures: ['MixtralForCausalLM'],
      model_type: 'mixtral',
      num_hidden_layers: 32,
      hidden_size: 4096,
      num_local_experts: 8,
      num_experts_per_tok: 2,
      rope_theta: 1e6,
    };
    expect(factsFromHf({ config, tensors: [] })).toMatchObject({
      architectureClass: 'MixtralForCausalLM',
      layerCount: 32,
      expertCount: 8,
      expertUsedCount: 2,
      ropeFreqBase: 1e6,
    });
    expect(factsFromHf({ config, tensors: [] })).not.toHaveProperty('architecture');
  });

  it('leave out what is no number, and never throw', () => {
    for (const odd of ['32', -1, 0, NaN, Infinity, 1e300, [], {}, null, true, undefined]) {
      const config: Config = Object.fromEntries(Object.keys(demoConfig({ ...shape, family: 'llama' })).map((field) => [field, odd]));
      const facts = factsFromHf({ config: { ...config, quantization_config: odd }, tensors: [] });
      expect(Object.values(facts).filter((value) => typeof value === 'number' && value !== 0)).toEqual([]);
    }
  });

  it('count GPTQ parameters by what the words hold, and say the recipe', () => {
    const quantization_config = { quant_method: 'gptq', bits: 4, group_size: 16, sym: true, desc_act: false };
    const module = 'model.layers.0.self_attn.q_proj';
    const tensors = [
      tensor(`${module}.qweight`, 'I32', 32 / 8, 64),
      tensor(`${module}.qzeros`, 'I32', 2, 64 / 8),
      tensor(`${module}.scales`, 'F16', 2, 64),
      tensor(`${module}.g_idx`, 'I32', 32),
      tensor('model.norm.weight', 'F16', 32),
    ];
    const facts = factsFromHf({ config: { quantization_config }, tensors });
    expect(facts).toMatchObject({ quantization: 'GPTQ 4-bit g16 sym', parameterCount: 32 * 64 + 32 });
    expect(factsFromHf({ config: {}, quantizeConfig: { bits: 8, group_size: -1, sym: false, desc_act: true }, tensors })).toMatchObject({
      quantization: 'GPTQ 8-bit asym act-order',
    });
  });

  it.each([
    [{ load_in_4bit: true, bnb_4bit_quant_type: 'nf4', bnb_4bit_use_double_quant: true }, 'NF4 double-quantized'],
    [{ load_in_4bit: true }, 'FP4'],
  ])('count 4-bit bitsandbytes parameters, whatever type the bytes are stored as (%j)', (settings, label) => {
    const quantization_config = { quant_method: 'bitsandbytes', ...settings };
    const module = 'model.layers.0.mlp.up_proj.weight';
    for (const packed of [tensor(module, 'U8', 1024, 1), tensor(module, 'BF16', 512, 1)]) {
      const tensors = [
        packed,
        tensor(`${module}.absmax`, 'U8', 32),
        tensor(`${module}.quant_map`, 'F32', 16),
        tensor(`${module}.quant_state.bitsandbytes__nf4`, 'U8', 90),
        tensor('model.norm.weight', 'BF16', 32),
      ];
      expect(factsFromHf({ config: { quantization_config }, tensors })).toMatchObject({ quantization: label, parameterCount: 2048 + 32 });
    }
  });

  it('count INT8 parameters without their scales', () => {
    const tensors = [
      tensor('a.weight', 'I8', 64, 32),
      tensor('a.SCB', 'F32', 64),
      tensor('a.weight_format', 'U8'),
      tensor('n.weight', 'F16', 32),
    ];
    expect(factsFromHf({ config: { quantization_config: { load_in_8bit: true } }, tensors })).toMatchObject({
      quantization: 'INT8',
      parameterCount: 64 * 32 + 32,
    });
  });

  it('find a chat template in either place', () => {
    const base = { config: {}, tensors: [] };
    expect(factsFromHf({ ...base, tokenizerConfig: { chat_template: '{{ x }}' } }).hasChatTemplate).toBe(true);
    expect(factsFromHf({ ...base, tokenizerConfig: { chat_template: [{ name: 'default', template: 'x' }] } }).hasChatTemplate).toBe(true);
    expect(factsFromHf({ ...base, hasTemplateFile: true }).hasChatTemplate).toBe(true);
    expect(factsFromHf({ ...base, tokenizerConfig: { chat_template: '' } }).hasChatTemplate).toBe(false);
  });

  it('take the licence from the head of the model card, and from nowhere else', () => {
    expect(licenceOf('---\nlanguage: en\nlicense: apache-2.0\n---\n# Model')).toBe('apache-2.0');
    expect(licenceOf('---\r\nlicense: "mit"\r\n---\r\n')).toBe('mit');
    expect(licenceOf('# Model\nlicense: mit')).toBeUndefined();
    expect(licenceOf('---\nlicense: unknown\n---\n')).toBeUndefined();
    expect(licenceOf('---\nlicense:\n  - mit\n---\n')).toBeUndefined();
    expect(licenceOf(`---\nlicense: ${'x'.repeat(100)}\n---\n`)).toBeUndefined();
  });
});

describe('facts of a GGUF file', () => {
  it.each(demoFamilies)('agree with those of the folder it was made from: %s', async (family) => {
    const model = demoModel({ ...shape, family, tiedEmbeddings: family.startsWith('gemma'), seed: 1, tokenizerFiles: {} });
    const tensors = model.weights.tensors.map((item) => ({ ...item, shard: 'model.safetensors' }));
    const plan = planConversion({ config: model.config, tensors, vocabulary: plainVocabulary(96), name: 'Demo', target: 'BF16' });
    const file = new Uint8Array(plan.totalBytes);
    file.set(plan.header);
    const header = await readGguf(memorySource(file));
    const common = (facts: object): object =>
      Object.fromEntries(
        Object.entries(facts).filter(
          ([key]) => !['architectureClass', 'modelType', 'bytesByType', 'tensorBytes', 'tokenizerModel', 'ropeFreqBase'].includes(key),
        ),
      );
    expect(common(factsFromGguf(header))).toEqual(common(factsFromHf({ config: model.config, tensors, name: 'Demo' })));
    expect(factsFromGguf(header)).toMatchObject({ tokenizerModel: 'gpt2', quantization: 'BF16' });
  });

  it('of an adapter say its rank, alpha and targets', () => {
    const info = (name: string, ...dimensions: number[]) => ({ name, type: 'F32' as const, dimensions, offset: 0, sizeBytes: 4 });
    const metadata = new Map<string, GgufValue>([
      ['general.type', str('adapter')],
      ['general.architecture', str('llama')],
      ['adapter.lora.alpha', f32(32)],
    ]);
    const tensors = [
      info('blk.0.attn_q.weight.lora_a', 64, 16),
      info('blk.0.attn_q.weight.lora_b', 16, 64),
      info('blk.1.ffn_down.weight.lora_a', 48, 8),
      info('blk.1.ffn_down.weight.lora_b', 8, 64),
    ];
    const facts = factsFromGguf({ metadata, tensors });
    expect(facts.adapter).toEqual({ rank: 16, alpha: 32, targetModules: ['attn_q', 'ffn_down'] });
    expect(facts).not.toHaveProperty('parameterCount');
    expect(facts).not.toHaveProperty('tiedEmbeddings');
  });

  it('leave out values of the wrong type, and never throw', () => {
    const metadata = new Map<string, GgufValue>([
      ['general.architecture', str('llama')],
      ['general.file_type', str('F16')],
      ['llama.block_count', str('32')],
      ['llama.context_length', u64(2n ** 60n)],
      ['llama.embedding_length', u32(0)],
      ['llama.feed_forward_length', arr('i32', [48, 64, 32])],
      ['llama.attention.head_count', arr('str', ['x'])],
      ['llama.rope.freq_base', { type: 'f32', value: NaN }],
      ['tokenizer.ggml.tokens', str('none')],
    ]);
    // A count for each layer is shown as the largest of them.
    expect(factsFromGguf({ metadata, tensors: [] })).toEqual({
      architecture: 'llama',
      feedForwardLength: 64,
      tensorCount: 0,
      tensorBytes: 0,
      bytesByType: {},
      hasChatTemplate: false,
    });
  });
});

describe('facts of a PEFT adapter', () => {
  it('say its rank, alpha, targets and base', () => {
    const adapterConfig = {
      peft_type: 'LORA',
      r: 16,
      lora_alpha: 32,
      target_modules: ['v_proj', 'q_proj'],
      base_model_name_or_path: 'maker/base',
    };
    const tensors = [tensor('base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight', 'F32', 16, 64)];
    expect(factsFromAdapter({ adapterConfig, tensors, name: 'tuned' })).toEqual({
      name: 'tuned',
      modelType: 'LORA',
      quantization: 'F32',
      tensorCount: 1,
      tensorBytes: 4096,
      bytesByType: { F32: 4096 },
      adapter: { rank: 16, alpha: 32, targetModules: ['q_proj', 'v_proj'], baseModel: 'maker/base' },
    });
  });

  it('leave out what makes no sense', () => {
    const adapterConfig = { r: 'sixteen', lora_alpha: NaN, target_modules: [1, null, 'q_proj'], base_model_name_or_path: null };
    expect(factsFromAdapter({ adapterConfig, tensors: [] }).adapter).toEqual({ targetModules: ['q_proj'] });
    expect(factsFromAdapter({ adapterConfig: { target_modules: 'all-linear' }, tensors: [] }).adapter).toEqual({
      targetModules: ['all-linear'],
    });
  });
});

describe.skipIf(realModels === null)(`facts of really trained models${realModelsNote}`, () => {
  it.each([
    ['story656k', 656_000, 2, 128],
    ['stories260k', 260_032, 5, 64],
  ])('%s has %d parameters, as its maker says', async (folder, parameterCount, layerCount, embeddingLength) => {
    const config = JSON.parse(readFileSync(realModelPath(folder, 'config.json'), 'utf8')) as Config;
    const { tensors } = await readSafetensors(memorySource(readFileSync(realModelPath(folder, 'model.safetensors'))));
    expect(factsFromHf({ config, tensors })).toMatchObject({
      parameterCount,
      layerCount,
      embeddingLength,
      quantization: 'F32',
      tiedEmbeddings: true,
      architecture: 'llama',
    });
  });
});
