import { readQuestions } from '#core/benchmark/questions.ts';
import { describeModel } from '#core/convert/plan.ts';
import { demoFamilies } from '#core/demo/config.ts';
import { benchmarkFile } from '#contract/benchmark.ts';
import { importedRun } from '#main/benchmark/file.ts';
import { estimateInference } from '#core/memory/inference.ts';
import { factsFromHf } from '#core/model/facts-hf.ts';
import { recogniseModels } from '#core/model/kind.ts';
import { quantizationOf } from '#core/model/quantization.ts';
import { readPackedWeights } from '#core/quantize/read-packed.ts';
import type { SafetensorsDtype } from '#core/safetensors/dtypes.ts';
import { planSafetensors, type NewTensor } from '#core/safetensors/write.ts';
import { vocabularyOf } from '#test/core/tokenizer/fixtures.ts';
import { tinyModel } from '#test/fixtures.ts';
import { valueOf } from '../from-schema.ts';
import { decode, encode, jsonFile } from '../json.ts';
import { strangeText, type Random } from '../random.ts';
import { promise, type Target } from '../target.ts';
import { configOf } from './adapters.ts';

const models = new Map<string, ReturnType<typeof tinyModel>>();

function modelOf(family: string): ReturnType<typeof tinyModel> {
  const known = models.get(family) ?? tinyModel({ family });
  models.set(family, known);
  return known;
}

/** config.json, with the tensors of the model that it was before. */
export const modelFolder: Target = {
  name: 'model-folder',
  codes: /^(model|convert|tokenizer|gguf|quantize)\./,
  cost: 3,
  make: (random) => {
    const family = random.pick(demoFamilies);
    const quantization = random.chance(0.3)
      ? { quantization_config: { quant_method: random.pick(['gptq', 'bitsandbytes', 'awq']), bits: 4, group_size: 128 } }
      : {};
    const scaling = random.chance(0.3)
      ? {
          rope_scaling: random.pick([
            { rope_type: 'llama3', factor: 8, low_freq_factor: 1, high_freq_factor: 4, original_max_position_embeddings: 64 },
            { type: 'linear', factor: 2 },
            { type: 'longrope', short_factor: [1, 2], long_factor: [1, 2] },
          ]),
        }
      : {};
    return [
      encode(family),
      jsonFile(random, { ...modelOf(family).config, ...quantization, ...scaling }),
      jsonFile(random, { chat_template: 'x', eos_token_id: [1, 2] }),
    ];
  },
  run: ([family, text, other]) => {
    const config = configOf(text);
    if (config === undefined) return 'no JSON';
    const { weights, files } = modelOf(demoFamilies.find((each) => each === decode(family)) ?? 'llama');
    const generationConfig = configOf(other);
    const facts = factsFromHf({ config, tensors: weights.tensors, tokenizerConfig: generationConfig, quantizeConfig: generationConfig });
    promise(estimateInference({ facts, sizeBytes: 1e6 }).totalBytes >= 0, 'an estimate is no number');
    recogniseModels({ path: 'folder', files: [{ name: 'model.safetensors', sizeBytes: 1 }], config, quantizeConfig: generationConfig });
    const tokenizerJson = files['tokenizer.json'] ?? '';
    const vocabulary = vocabularyOf({ tokenizerJson }, { vocab_size: facts.vocabularySize ?? 0 });
    const tensors = weights.tensors.map((tensor) => ({ ...tensor, shard: 'model.safetensors' }));
    const made = describeModel({ config, tensors, vocabulary, name: 'model', generationConfig });
    made.metadata(0);
    promise(made.tensors.length > 0, 'a model has no tensors');
    return 'read';
  },
};

const packedParts: Readonly<Record<string, (rows: number) => readonly (readonly [string, SafetensorsDtype, readonly number[]])[]>> = {
  gptq: (rows) => [
    ['qweight', 'I32', [rows, 8]],
    ['qzeros', 'I32', [1, 1]],
    ['scales', 'F16', [1, 8]],
    ['g_idx', 'I32', [8 * rows]],
  ],
  bitsandbytes: (rows) => [
    ['weight', 'U8', [32 * rows, 1]],
    ['weight.absmax', 'F32', [rows]],
    ['weight.quant_map', 'F32', [16]],
    ['weight.quant_state.bitsandbytes__nf4', 'U8', [60]],
  ],
  'compressed-tensors': (rows) => [
    ['weight', 'I8', [8, 8 * rows]],
    ['weight_scale', 'F32', [8, 1]],
  ],
};

export const packedWeights: Target = {
  name: 'packed-weights',
  // Shapes that no file can have are refused before there are headers.
  codes: /^(quantize|safetensors)\./,
  make: (random) => {
    const method = random.pick(Object.keys(packedParts));
    const parts = packedParts[method]?.(1 + random.below(3)) ?? [];
    const settings = {
      quant_method: method,
      bits: random.pick([2, 3, 4, 8]),
      group_size: random.pick([-1, 32, 128]),
      sym: true,
      desc_act: false,
      format: random.pick(['gptq', 'int-quantized']),
      config_groups: { group_0: { weights: { num_bits: 8, type: 'int', strategy: 'channel', symmetric: true } } },
    };
    const state = jsonFile(random, {
      blocksize: 64,
      shape: [8, 8],
      dtype: 'float32',
      quant_type: 'nf4',
      nested_blocksize: 256,
      nested_offset: 0.1,
    });
    const listed = parts.map(([name, dtype, shape]) => [
      name,
      random.chance(0.9) ? dtype : 'F32',
      random.chance(0.85) ? shape : shape.map(() => random.pick([0, 1, 8, 2 ** 20, 2 ** 31])),
    ]);
    return [jsonFile(random, settings), encode(JSON.stringify(random.chance(0.8) ? listed : listed.slice(1))), state];
  },
  run: ([text, listed, state = new Uint8Array()]) => {
    const settings = configOf(text);
    if (settings === undefined) return 'no JSON';
    quantizationOf({ quantization_config: settings });
    const tensors: NewTensor[] = (JSON.parse(decode(listed)) as [string, SafetensorsDtype, number[]][]).map(([name, dtype, shape]) => ({
      name: `model.layers.0.mlp.up_proj.${name}`,
      dtype,
      shape,
    }));
    const headers = planSafetensors(tensors).tensors.map((tensor) => ({ ...tensor, shard: 'model.safetensors' }));
    const notes = new Map(headers.filter(({ name }) => name.includes('quant_state')).map(({ name }) => [name, state]));
    for (const { shape, packed } of readPackedWeights(headers, settings, notes))
      if (packed !== undefined)
        promise(
          shape.every((size) => Number.isSafeInteger(size) && size > 0),
          'a packed weight has no shape',
        );
    return 'read';
  },
};

export const questions: Target = {
  name: 'benchmark-questions',
  codes: /^benchmark\./,
  make: (random) => {
    const question = (): unknown =>
      random.pick([
        { text: strangeText(random), answer: ' a' },
        { question: 'q', choices: [' a', strangeText(random)], answer: random.below(3) },
        { id: strangeText(random), text: 'a', answer: 'b' },
      ]);
    const lines = random.many(1 + random.below(4), () =>
      random.chance(0.7) ? JSON.stringify(question()) : decode(jsonFile(random, question())),
    );
    return [encode(lines.join('\n'))];
  },
  run: ([bytes]) => {
    for (const each of readQuestions(decode(bytes)))
      promise(each.kind === 'cloze' || each.choices[each.answer] !== undefined, 'the right choice is none of them');
    return 'read';
  },
};

export const benchmarkFiles: Target = {
  name: 'benchmark-file',
  codes: /^$/,
  make: (random: Random) => [jsonFile(random, valueOf(random, benchmarkFile))],
  run: ([bytes]) => {
    const parsed = benchmarkFile.safeParse(configOf(bytes));
    if (!parsed.success) return 'refused';
    const { cells } = importedRun(parsed.data);
    promise(
      cells.every(({ position }) => position >= 0),
      'a cell has no place',
    );
    return 'read';
  },
};
