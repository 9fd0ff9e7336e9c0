import { memorySource } from '#core/byte-source.ts';
import { AppError } from '#core/errors/index.ts';
import { modulePattern } from '#core/lora/pattern.ts';
import { PEFT_PREFIX, readPeftAdapter } from '#core/lora/peft.ts';
import { readPeftConfig } from '#core/lora/peft-config.ts';
import { factsFromAdapter } from '#core/model/facts-adapter.ts';
import { isConfig, type Config } from '#core/model/config.ts';
import { readSafetensors } from '#core/safetensors/read.ts';
import { planSafetensors, type NewTensor } from '#core/safetensors/write.ts';
import { zeroFilled } from '#test/byte-source.ts';
import { decode, encode, jsonFile } from '../json.ts';
import { strangeText, type Random } from '../random.ts';
import { promise, type Target } from '../target.ts';
import { damagedSafetensors } from './safetensors.ts';

/** A regular expression of the shapes that patterns have, and of those that make matchers slow. */
function pattern(random: Random, depth = 0): string {
  const kind = random.below(depth > 12 ? 5 : 12);
  if (kind < 3) return random.pick(['q_proj', 'a', '.', '\\d', '\\.', 'layers']);
  if (kind === 3) return random.pick(['', '^', '$', '[a-z]', '[^]', '[]a]', '\\w+', '(?=a)', '\\1', strangeText(random)]);
  if (kind === 4) return random.pick(['model.layers.0.q_proj', '.*', 'a*', '(a|b)']);
  if (kind < 7) return `(${pattern(random, depth + 1)})`;
  if (kind < 10)
    return `${random.pick(['(', '(?:'])}${pattern(random, depth + 1)})${random.pick(['*', '+', '?', '{64}', '{0,64}', '{2,}', '{64}', '*?'])}`;
  if (kind === 10 && random.chance(0.1)) {
    const depth = 2 + random.below(70);
    return `${'('.repeat(depth)}${random.pick(['', 'a', 'a?', '^'])}${random.pick(['){64}', ')*', '){0,64}']).repeat(depth)}`;
  }
  if (kind === 10) return `${pattern(random, depth + 1)}|${pattern(random, depth + 1)}`;
  return pattern(random, depth + 1) + pattern(random, depth + 1);
}

const NAMES = ['model.layers.0.self_attn.q_proj', 'a'.repeat(1000), `${'a.'.repeat(500)}b`, '', '\n', '字'];

export const patterns: Target = {
  name: 'adapter-patterns',
  codes: /^adapters\./,
  make: (random) => [encode(pattern(random))],
  run: ([bytes]) => {
    const matches = modulePattern(decode(bytes));
    if (matches === null) return 'refused';
    return NAMES.some(matches) ? 'matches' : 'matches nothing';
  },
};

function adapter(random: Random): { config: Config; tensors: NewTensor[] } {
  const rank = 1 + random.below(4);
  const usesDora = random.chance(0.3);
  const modules = random.many(1 + random.below(3), (index) => `model.layers.${index}.self_attn.${random.pick(['q_proj', 'v_proj'])}`);
  const tensors = [...new Set(modules)].flatMap((module): NewTensor[] => [
    { name: `${PEFT_PREFIX}${module}.lora_A.weight`, dtype: random.pick(['F32', 'BF16']), shape: [rank, 8] },
    { name: `${PEFT_PREFIX}${module}.lora_B.weight`, dtype: 'F32', shape: [8, rank] },
    ...(usesDora ? [{ name: `${PEFT_PREFIX}${module}.lora_magnitude_vector`, dtype: 'F32', shape: [8] } as const] : []),
  ]);
  const embedding: NewTensor = {
    name: `${PEFT_PREFIX}model.embed_tokens.token_adapter.trainable_tokens_delta`,
    dtype: 'F32',
    shape: [2, 8],
  };
  const hasRows = random.chance(0.3);
  const patternsOf = (value: number): Record<string, number> =>
    Object.fromEntries(random.many(random.pick([0, 1, 3, 500]), () => [pattern(random), value]));
  return {
    config: {
      peft_type: 'LORA',
      base_model_name_or_path: 'base',
      r: rank,
      lora_alpha: 16,
      use_dora: usesDora,
      use_rslora: random.chance(0.3),
      target_modules: ['q_proj', 'v_proj'],
      rank_pattern: random.chance(0.7) ? {} : patternsOf(rank),
      alpha_pattern: random.chance(0.7) ? {} : patternsOf(8),
      bias: 'none',
      ...(hasRows ? { trainable_token_indices: { embed_tokens: [3, 5] } } : {}),
    },
    tensors: hasRows ? [...tensors, embedding] : tensors,
  };
}

export const peft: Target = {
  name: 'peft',
  codes: /^(adapters|safetensors|format)\./,
  make: (random) => {
    const { config, tensors } = adapter(random);
    const plan = planSafetensors(tensors);
    const bytes = zeroFilled(plan.header, plan.totalBytes);
    const hitsConfig = random.chance(0.7);
    return [hitsConfig ? jsonFile(random, config) : encode(JSON.stringify(config)), hitsConfig ? bytes : damagedSafetensors(random, bytes)];
  },
  run: async ([text, bytes = new Uint8Array()]) => {
    const config = configOf(text);
    if (config === undefined) return 'no JSON';
    const { tensors } = await readSafetensors(memorySource(bytes));
    factsFromAdapter({ adapterConfig: config, tensors });
    const listed = tensors.map((tensor) => ({ ...tensor, shard: 'adapter_model.safetensors' }));
    const { modules } = readPeftAdapter({ config, tensors: listed, file: 'adapter' });
    for (const { rank, scale, inputs, outputs } of modules)
      promise(rank > 0 && inputs > 0 && outputs > 0 && Number.isFinite(scale), 'a module has no size or no scale');
    return 'read';
  },
};

export const peftConfig: Target = {
  name: 'peft-config',
  codes: /^adapters\./,
  make: (random) => [jsonFile(random, adapter(random).config)],
  run: ([text]) => {
    const config = configOf(text);
    if (config === undefined) return 'no JSON';
    const { rankOf, scaleOf } = readPeftConfig(config);
    for (const name of NAMES) promise(rankOf(name) >= 1 && !Number.isNaN(scaleOf(name, rankOf(name))), 'a module has no rank or no scale');
    return 'read';
  },
};

/** As whoever opens the file takes it: what is no object of JSON is refused there. */
export function configOf(bytes: Uint8Array | undefined): Config | undefined {
  try {
    const config: unknown = JSON.parse(decode(bytes));
    return isConfig(config) ? config : undefined;
  } catch (error) {
    if (error instanceof AppError) throw error;
    return undefined;
  }
}
