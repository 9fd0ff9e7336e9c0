import { describe, expect, it } from 'vitest';
import { demoFamilies } from '#core/demo/config.ts';
import { demoFromText, demoShape } from '#core/demo/from-text.ts';
import { factsFromHf } from '#core/model/facts-hf.ts';
import { readVocabulary } from '#core/tokenizer/read.ts';
import { tinyModel, tinyText } from '#test/fixtures.ts';
import { planConversion } from '../convert/planned.ts';

describe('a model made up around a text', () => {
  it.each(demoFamilies)('has a tokenizer and weights that belong together: %s', (family) => {
    const model = tinyModel({ family });
    const files = { tokenizerJson: model.files['tokenizer.json'] ?? '', tokenizerConfig: model.files['tokenizer_config.json'] ?? '' };
    const vocabulary = readVocabulary(files, { config: model.config, architecture: family, preTokenizer: () => 'gpt-2' });
    const tensors = model.weights.tensors.map((tensor) => ({ ...tensor, shard: 'model.safetensors' }));
    const plan = planConversion({ config: model.config, tensors, vocabulary, name: family, target: 'F16' });
    expect(plan.tensors[0]).toMatchObject({ name: 'token_embd.weight', dimensions: [64, vocabulary.tokens.length] });
    expect(plan.metadata.get('tokenizer.ggml.bos_token_id')?.value).toBe(model.config['bos_token_id']);
    expect(plan.warnings).toEqual([]);
  });

  it('is by default one on which every quantization can be tried', () => {
    const { config, weights, files } = demoFromText({ ...demoShape, text: tinyText, seed: 1 });
    const matrices = weights.tensors.filter(({ shape }) => shape.length === 2);
    // Blocks of the K-quants have 256 values of one row.
    expect(matrices.filter(({ shape }) => (shape[1] ?? 0) % 256 !== 0)).toEqual([]);
    const tokenizerConfig: unknown = JSON.parse(files['tokenizer_config.json'] ?? '');
    expect(factsFromHf({ config, tensors: weights.tensors, tokenizerConfig })).toMatchObject({
      architecture: 'llama',
      quantization: 'F16',
      hasChatTemplate: true,
    });
  });
});
