import { describe, expect, it } from 'vitest';
import { AppError } from '#core/errors/index.ts';
import { recogniseModels, type Listing } from '#core/model/kind.ts';

const listing = (names: readonly string[], more: Partial<Listing> = {}): Listing => ({
  path: 'models/x',
  files: names.map((name) => ({ name, sizeBytes: 1 })),
  ...more,
});

function failure(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    if (error instanceof AppError) return error.code;
    throw error;
  }
  throw new Error('the call did not fail');
}

describe('what a folder holds', () => {
  const config = { architectures: ['LlamaForCausalLM'] };

  it('is a Hugging Face model by config.json and safetensors', () => {
    expect(recogniseModels(listing(['config.json', 'model.safetensors', 'pytorch_model.bin'], { config }))).toEqual([
      { kind: 'hf', weightFiles: ['model.safetensors'] },
    ]);
    const shards = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'];
    expect(recogniseModels(listing([...shards.toReversed(), 'consolidated.safetensors'], { config }))[0]?.weightFiles).toEqual(shards);
    expect(recogniseModels(listing(['weights.safetensors'], { config }))[0]?.weightFiles).toEqual(['weights.safetensors']);
  });

  it('is GPTQ or bitsandbytes by what config.json or quantize_config.json says', () => {
    const kind = (more: Partial<Listing>) => recogniseModels(listing(['model.safetensors'], more))[0]?.kind;
    expect(kind({ config: { ...config, quantization_config: { quant_method: 'gptq', bits: 4 } } })).toBe('gptq');
    expect(kind({ config, quantizeConfig: { bits: 4, group_size: 128 } })).toBe('gptq');
    expect(kind({ config: { ...config, quantization_config: { quant_method: 'bitsandbytes', load_in_4bit: true } } })).toBe('bitsandbytes');
    expect(kind({ config: { ...config, quantization_config: { load_in_8bit: true } } })).toBe('bitsandbytes');
    expect(kind({ config: { ...config, quantization_config: { quant_method: 'fp8' } } })).toBe('hf');
    expect(kind({ config: { ...config, quantization_config: 'gptq' } })).toBe('hf');
  });

  it('is an adapter by adapter_config.json, even beside a config.json', () => {
    expect(
      recogniseModels(listing(['adapter_config.json', 'adapter_model.safetensors', 'config.json'], { config, adapterConfig: {} })),
    ).toEqual([{ kind: 'peft-adapter', weightFiles: ['adapter_model.safetensors'] }]);
  });

  it('may be several GGUF models, a split one counting once', () => {
    const names = ['b-00002-of-00002.gguf', 'a.gguf', 'b-00001-of-00002.gguf', 'lora.gguf', 'mmproj.gguf', 'notes.txt'];
    expect(recogniseModels(listing(names, { ggufTypes: { 'lora.gguf': 'adapter', 'mmproj.gguf': 'mmproj', 'a.gguf': 'model' } }))).toEqual([
      { kind: 'gguf', weightFiles: ['a.gguf'] },
      { kind: 'gguf', weightFiles: ['b-00001-of-00002.gguf', 'b-00002-of-00002.gguf'] },
      { kind: 'gguf-adapter', weightFiles: ['lora.gguf'] },
    ]);
  });
});

describe('what a folder does not hold', () => {
  it.each([
    ['pytorch_model.bin', 'model.pickle'],
    ['consolidated.00.pth', 'model.pickle'],
    ['model.PT', 'model.pickle'],
    ['sd.ckpt', 'model.pickle'],
    ['model.safetensors', 'model.noConfig'],
    ['readme.txt', 'model.noWeights'],
  ])('only %s: %s', (name, code) => {
    expect(failure(() => recogniseModels(listing([name, 'tokenizer.json'])))).toBe(code);
  });

  it('is nothing in an empty folder, or with a config.json that is no object', () => {
    expect(failure(() => recogniseModels(listing([])))).toBe('model.noWeights');
    expect(failure(() => recogniseModels(listing(['model.safetensors'], { config: ['x'] })))).toBe('model.noConfig');
    expect(failure(() => recogniseModels(listing(['adapter_model.bin'], { adapterConfig: {} })))).toBe('model.pickle');
  });
});
