import { describe, expect, it } from 'vitest';
import { memorySource } from '#core/byte-source.ts';
import { isConfig } from '#core/model/config.ts';
import type { QuantizationPlan } from '#core/quantize/plan.ts';
import { readSafetensors } from '#core/safetensors/read.ts';
import { fileSource, zeroFilled } from '#test/byte-source.ts';
import { errorOf } from '#test/expect-error.ts';
import { configOf, plan, tensorOf, tinyQuantizable, tinyRequest } from './models.ts';

const q = 'model.layers.0.self_attn.q_proj';

/** Every tensor of the planned safetensors files: data type and shape by name. */
async function stored({ output }: QuantizationPlan): Promise<Map<string, string>> {
  if (output.format !== 'hf') throw new Error('no folder');
  const files = await Promise.all(
    output.weights.map(({ header, totalBytes, fileName }) => readSafetensors(memorySource(zeroFilled(header, totalBytes), fileName))),
  );
  return new Map(
    files.flatMap(({ tensors }) => tensors.map(({ name, dtype, shape }) => [name, `${dtype} [${shape.join(', ')}]`] as const)),
  );
}

const textNames = ({ output }: QuantizationPlan): string[] => (output.format === 'hf' ? output.texts.map(({ name }) => name) : []);
const settingsOf = (made: QuantizationPlan): Record<string, unknown> => {
  const settings = configOf(made)['quantization_config'];
  return isConfig(settings) ? { ...settings } : {};
};

describe('a plan for a Hugging Face folder', () => {
  it.each(['int8', 'int8-zp', 'nf4', 'nf4-dq', 'fp4', 'gptq-2', 'gptq-3', 'gptq-4', 'gptq-8', 'F16'] as const)(
    'of %s is exact to the byte',
    async (target) => {
      const made = plan(tinyQuantizable(), target, { format: 'hf' });
      if (made.output.format !== 'hf') throw new Error('no folder');
      const { weights, texts, copied } = made.output;
      const bytes = [
        ...weights.map(({ totalBytes }) => totalBytes),
        ...texts.map(({ text }) => Buffer.byteLength(text)),
        ...copied.map(({ sizeBytes }) => sizeBytes),
      ];
      expect(made.sizeBytes).toBe(bytes.reduce((sum, each) => sum + each, 0));
      expect(copied.map(({ name }) => name).toSorted()).toEqual(['generation_config.json', 'tokenizer.json', 'tokenizer_config.json']);
      // Every byte of the weights belongs to one tensor.
      const places = made.tensors.flatMap((tensor) => Object.values(tensor.places)).toSorted((left, right) => left.offset - right.offset);
      let end = weights[0]?.header.byteLength ?? 0;
      for (const place of places) {
        expect(place.offset).toBe(end);
        end += place.sizeBytes;
      }
      expect(end).toBe(weights[0]?.totalBytes);
      expect(made.tensors.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)).toBe(end - (weights[0]?.header.byteLength ?? 0));
      expect((await stored(made)).get('model.embed_tokens.weight')).toMatch(
        target.startsWith('gptq') || target === 'F16' ? /^F16/ : /^BF16/,
      );
    },
  );

  it.each([
    ['nf4', 'nf4-64'],
    ['nf4-dq', 'nf4-64-dq'],
    ['fp4', 'fp4-64'],
  ] as const)('of %s has the tensors that bitsandbytes writes for a weight', async (target, golden) => {
    const names = await stored(plan(tinyQuantizable(), target));
    const theirs = (await readSafetensors(fileSource(`golden/bitsandbytes/${golden}.safetensors`))).tensors;
    const members = theirs.filter(({ name }) => !['weight', 'packed', 'dequantized'].includes(name));
    for (const { name, dtype } of members) expect(names.get(`${q}.weight.${name}`)).toMatch(new RegExp(`^${dtype} `));
    expect(names.get(`${q}.weight`)).toBe(`U8 [${(64 * 64) / 2}, 1]`);
    expect(names.get(`${q}.weight.absmax`)).toBe(`${target === 'nf4-dq' ? 'U8' : 'F32'} [${(64 * 64) / 64}]`);
    const own = [...names.keys()].filter((name) => name.startsWith(`${q}.`));
    expect(own.length).toBe(members.length + 1);
  });

  it('tells bitsandbytes’ loaders what they insist on', () => {
    const made = plan(tinyQuantizable({ tiedEmbeddings: true }), 'nf4-dq');
    expect(settingsOf(made)).toMatchObject({
      quant_method: 'bitsandbytes',
      load_in_4bit: true,
      load_in_8bit: false,
      bnb_4bit_quant_type: 'nf4',
      bnb_4bit_use_double_quant: true,
      bnb_4bit_quant_storage: 'uint8',
      bnb_4bit_compute_dtype: 'bfloat16',
      llm_int8_skip_modules: ['lm_head'],
    });
    expect(configOf(made)['torch_dtype']).toBe('bfloat16');
    const text = made.output.format === 'hf' ? (made.output.texts[0]?.text ?? '') : '';
    // Python's loader refuses an int here, and JSON.stringify would write one.
    expect(text).toMatch(/"llm_int8_threshold": 6\.0,?\n/);
  });

  it('of GPTQ has float16 beside the packed words, and both configuration files', async () => {
    const made = plan(tinyQuantizable(), 'gptq-4', { options: { groupSize: 32, actOrder: true } });
    const names = await stored(made);
    expect(['qweight', 'qzeros', 'scales', 'g_idx'].map((part) => names.get(`${q}.${part}`))).toEqual([
      'I32 [8, 64]',
      'I32 [2, 8]',
      'F16 [2, 64]',
      'I32 [64]',
    ]);
    expect(names.get(`${q}.weight`)).toBeUndefined();
    expect(names.get('model.norm.weight')).toBe('F16 [64]');
    expect(configOf(made)['torch_dtype']).toBe('float16');
    expect(settingsOf(made)).toMatchObject({
      quant_method: 'gptq',
      bits: 4,
      group_size: 32,
      desc_act: true,
      sym: true,
      checkpoint_format: 'gptq',
      meta: { quantizer: ['lathe:1.2.3'] },
    });
    expect(textNames(made)).toEqual(['config.json', 'quantize_config.json']);
    expect(tensorOf(made, `${q}.weight`).encoder).toMatchObject({ kind: 'gptq', hessian: 'blk.0.attn_q.weight', exact: null });
  });

  it('avoids the zero point that version 1 of GPTQ cannot store', () => {
    const made = plan(tinyQuantizable(), 'gptq-4', { options: { symmetric: false } });
    expect(settingsOf(made)).toMatchObject({ sym: false, checkpoint_format: 'gptq_v2' });
    expect(made.warnings).toEqual([{ code: 'quantize.asymmetricNeedsV2', params: {} }]);
  });

  it('keeps layers as floats that GPTQ cannot pack, tells the loader which, and says so', () => {
    // 80 inputs of the down projections are no multiple of 32.
    const made = plan(tinyQuantizable({ feedForwardLength: 80 }), 'gptq-4');
    const kept = tensorOf(made, 'model.layers.1.mlp.down_proj.weight');
    expect(kept).toMatchObject({ why: 'kept', to: 'F16' });
    expect(made.warnings).toEqual([{ code: 'quantize.keptUnpackable', params: { count: 6, tensor: expect.any(String), multiple: 32 } }]);
    const dynamic = Object.keys(settingsOf(made)['dynamic'] ?? {});
    expect(dynamic).toContain(String.raw`-:^model\.layers\.1\.mlp\.down_proj$`);
    expect(dynamic.length).toBe(6);
  });

  it('leaves layers alone that the user names, in either naming', () => {
    const overrides = [
      { pattern: 'blk.0.attn_q', type: 'F16' },
      { pattern: 'layers.1.mlp', type: 'bf16' },
    ];
    const made = plan(tinyQuantizable(), 'nf4', { options: { overrides } });
    expect(tensorOf(made, `${q}.weight`)).toMatchObject({ why: 'override', to: 'BF16', encoder: { kind: 'copy' } });
    expect(settingsOf(made)['llm_int8_skip_modules']).toEqual([
      'lm_head',
      q,
      ...['gate', 'up', 'down'].map((part) => `model.layers.1.mlp.${part}_proj`),
    ]);
  });

  it('cannot give single tensors another quantized type', async () => {
    const overrides = [{ pattern: 'ffn', type: 'Q8_0' }];
    expect((await errorOf(() => plan(tinyQuantizable(), 'nf4', { options: { overrides } }))).code).toBe('quantize.overrideType');
  });

  it('turns GPT-2’s matrices to [out, in], and refuses the one format that has no name for them', async () => {
    const model = tinyQuantizable({ family: 'gpt2' });
    const made = plan(model, 'int8');
    expect((await stored(made)).get('transformer.h.0.attn.c_attn.weight')).toBe('I8 [192, 64]');
    expect(tensorOf(made, 'transformer.h.0.attn.c_attn.weight')).toMatchObject({
      source: { transform: { kind: 'transpose' } },
      shape: [192, 64],
    });
    expect((await stored(made)).get('transformer.wpe.weight')).toBe('BF16 [128, 64]');
    expect((await errorOf(() => plan(model, 'int8-zp'))).code).toBe('quantize.turnedLayers');
  });

  it('writes a tied matrix under the embedding’s name, also where it is stored as the output', async () => {
    const request = tinyRequest({ tiedEmbeddings: true });
    const head = request.tensors.map((each) => (each.name === 'model.embed_tokens.weight' ? { ...each, name: 'lm_head.weight' } : each));
    const made = plan(tinyQuantizable({}, { tensors: head }), 'nf4');
    expect((await stored(made)).get('lm_head.weight')).toBeUndefined();
    expect(tensorOf(made, 'model.embed_tokens.weight')).toMatchObject({ why: 'kept', source: { tensor: { name: 'lm_head.weight' } } });
    expect(settingsOf(made)['llm_int8_skip_modules']).toEqual(['lm_head']);
  });

  it('leaves the vision half of a model as it is, and tells the loader so', () => {
    const config = { ...tinyRequest({ family: 'gemma3' }).config };
    const request = tinyRequest({ family: 'gemma3' });
    const vision = { ...request.tensors[0]!, name: 'vision_tower.encoder.layers.0.mlp.fc1.weight', shape: [8, 8], sizeBytes: 128 };
    const made = plan(tinyQuantizable({ family: 'gemma3' }, { config, tensors: [...request.tensors, vision] }), 'int8');
    expect(tensorOf(made, vision.name)).toMatchObject({ why: 'kept', encoder: { kind: 'copy' } });
    expect(settingsOf(made)['llm_int8_skip_modules']).toEqual(['lm_head', 'vision_tower']);
  });

  it('takes settings, tokenizer and licences along, but never weights in other forms, pickles or programs', () => {
    const files = [
      'LICENSE',
      'LICENSE.txt',
      'USE_POLICY.md',
      'README.md',
      'tokenizer.model',
      'chat_template.jinja',
      'additional_chat_templates/tool.jinja',
    ];
    const left = [
      'pytorch_model.bin',
      'model.safetensors',
      'x.gguf',
      'modeling_tiny.py',
      'model.safetensors.index.json',
      'config.json',
      'onnx/model.onnx',
      'original/params.json',
      'training_args.pt',
      '.gitattributes',
    ];
    const request = tinyRequest();
    const made = plan(
      tinyQuantizable(
        {},
        {
          config: { ...request.config, auto_map: { AutoModel: 'modeling_tiny.X' } },
          files: [...files, ...left].map((name) => ({ name, sizeBytes: 7 })),
        },
      ),
      'int8',
    );
    expect(made.output.format === 'hf' && made.output.copied.map(({ name }) => name)).toEqual(files);
    expect(configOf(made)).not.toHaveProperty('auto_map');
    expect(made.warnings).toEqual([{ code: 'quantize.codeLeftOut', params: { file: 'modeling_tiny.py' } }]);
  });

  it('refuses a model of which nothing can be packed', async () => {
    const made = tinyQuantizable({ embeddingLength: 48, feedForwardLength: 80 });
    expect((await errorOf(() => plan(made, 'gptq-4'))).code).toBe('quantize.noLinearLayers');
  });
});
