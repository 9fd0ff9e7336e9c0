import { AppError } from '../errors/index.ts';
import { excerpt, excerptOfJson } from '../excerpt.ts';
import { asCount, asNumber, asText, isConfig, type Config } from '../model/config.ts';
import { modulePattern, patternBudget, PatternsTooSlow, type PatternBudget } from './pattern.ts';

/** The settings of an adapter_config.json that change numbers (PEFT's `LoraConfig`). */
export interface PeftConfig {
  readonly baseName: string | undefined;
  /** The rank and the scale of a module, by its path. */
  readonly rankOf: (path: string) => number;
  /** @param rank that of the module */
  readonly scaleOf: (path: string, rank: number) => number;
  readonly usesDora: boolean;
  /** Rows of an embedding module that were trained, by the end of its path; without a name, of the input embedding. */
  readonly tokens: ReadonlyMap<string | null, readonly number[]>;
  /** Parameters that were adapted by their own names, as `path.parameter`. */
  readonly parameters: readonly string[];
  readonly changesTiedPair: boolean;
}

/** Each is held against each module. A pattern for every module of the largest models are a few thousand. */
const MAX_PATTERNS = 8192;

/** Class defaults of `LoraConfig`. */
const DEFAULT_RANK = 8;
const DEFAULT_ALPHA = 8;

/** Fields that change numbers, and are read here. */
const used: ReadonlySet<string> = new Set([
  'peft_type',
  'r',
  'lora_alpha',
  'use_rslora',
  'rank_pattern',
  'alpha_pattern',
  'use_dora',
  'init_lora_weights',
  'trainable_token_indices',
  'target_parameters',
  'ensure_weight_tying',
]);

/**
 * Fields that change no numbers of a trained adapter, and why.
 */
const harmless: Readonly<Record<string, string>> = {
  task_type: 'a label',
  auto_mapping: 'names of Python classes',
  peft_version: 'a label',
  base_model_name_or_path: 'text for people',
  revision: 'text for people',
  inference_mode: 'training only',
  lora_dropout: 'training only',
  runtime_config: 'how PEFT computes, not what',
  velora_config: 'how the backward pass stores activations',
  qalora_group_size: 'without use_qalora',
  megatron_core: 'the name of a Python package',
  eva_config: 'how A was started: its trained values are in the file',
  corda_config: 'refused with its init_lora_weights',
  loftq_config: 'refused with its init_lora_weights',
  lora_ga_config: 'refused with its init_lora_weights',
  target_modules: 'the file says which modules there are',
  exclude_modules: 'the file says which modules there are',
  layers_to_transform: 'the file says which modules there are',
  layers_pattern: 'the file says which modules there are',
  modules_to_save: 'the file holds these tensors',
  bias: 'the file holds the biases',
  lora_bias: 'the file holds the biases',
  fan_in_fan_out: 'the base says which way round its weights are',
};

/** Fields whose effect is not a fixed change of the base's weights. */
const unsupported: ReadonlySet<string> = new Set([
  'layer_replication',
  'alora_invocation_tokens',
  'use_qalora',
  'kasa_config',
  'arrow_config',
  'monteclora_config',
  'use_bdlora',
  'megatron_config',
]);

/** Ways to start an adapter that leave the base as it is; the others take something off it. */
const gentleStarts: ReadonlySet<unknown> = new Set([true, false, 'true', 'false', 'gaussian', 'eva', 'orthogonal']);

const isUnset = (value: unknown): boolean =>
  value === null || value === false || (Array.isArray(value) && value.length === 0) || (isConfig(value) && Object.keys(value).length === 0);

const badField = (field: string, value: unknown, expected: string): AppError =>
  new AppError('adapters.badField', { field, value: excerptOfJson(value), expected });

/**
 * Read an adapter_config.json.
 * @throws adapters.notLora, .unknownField, .unsupportedField, .changedBase, .badField, .badPattern, .zeroAlpha
 */
export function readPeftConfig(config: Config): PeftConfig {
  const type = asText(config['peft_type']) ?? 'LORA';
  if (type !== 'LORA') throw new AppError('adapters.notLora', { type: excerpt(type) });
  for (const [field, value] of Object.entries(config)) {
    if (used.has(field) || Object.hasOwn(harmless, field) || isUnset(value)) continue;
    const code = unsupported.has(field) ? 'adapters.unsupportedField' : 'adapters.unknownField';
    throw new AppError(code, { field: excerpt(field), value: excerptOfJson(value) });
  }
  const start = config['init_lora_weights'] ?? true;
  if (!gentleStarts.has(start)) throw new AppError('adapters.changedBase', { method: excerptOfJson(start).replaceAll('"', '') });

  const rank = set(config, 'r', asCount, 'a whole number above 0') ?? DEFAULT_RANK;
  const alpha = set(config, 'lora_alpha', asNumber, 'a number') ?? DEFAULT_ALPHA;
  const budget = patternBudget();
  const ranks = readPatterns(config, { field: 'rank_pattern', parse: asCount, expected: 'a whole number above 0', budget });
  const alphas = readPatterns(config, { field: 'alpha_pattern', parse: asNumber, expected: 'a number', budget });
  if (alpha === 0 || alphas.some(({ value }) => value === 0)) throw new AppError('adapters.zeroAlpha', {});
  const isRankStabilized = readFlag(config, 'use_rslora');
  return {
    baseName: asText(config['base_model_name_or_path']),
    rankOf: (path) => firstValue(ranks, path) ?? rank,
    scaleOf: (path, own) => (firstValue(alphas, path) ?? alpha) / (isRankStabilized ? Math.sqrt(own) : own),
    usesDora: readFlag(config, 'use_dora'),
    tokens: readTokens(config['trainable_token_indices']),
    parameters: readNames(config, 'target_parameters'),
    changesTiedPair: readFlag(config, 'ensure_weight_tying'),
  };
}

interface Pattern {
  readonly field: string;
  readonly pattern: string;
  readonly matches: (path: string) => boolean;
  readonly value: number;
}

function set<T>(config: Config, field: string, parse: (value: unknown) => T | undefined, expected: string): T | undefined {
  const value = config[field];
  if (value === undefined || value === null) return undefined;
  const parsed = parse(value);
  if (parsed === undefined) throw badField(field, value, expected);
  return parsed;
}

const readFlag = (config: Config, field: string): boolean =>
  set(config, field, (value) => (typeof value === 'boolean' ? value : undefined), 'true or false') ?? false;

function readNames(config: Config, field: string): readonly string[] {
  const isNames = (value: unknown): value is readonly string[] => Array.isArray(value) && value.every((name) => typeof name === 'string');
  return set(config, field, (value) => (isNames(value) ? value : undefined), 'a list of names') ?? [];
}

interface PatternField {
  readonly field: string;
  readonly parse: (value: unknown) => number | undefined;
  readonly expected: string;
  readonly budget: PatternBudget;
}

function firstValue(patterns: readonly Pattern[], path: string): number | undefined {
  for (const { field, pattern, matches, value } of patterns)
    try {
      if (matches(path)) return value;
    } catch (error) {
      if (error instanceof PatternsTooSlow) throw new AppError('adapters.badPattern', { field, pattern: excerpt(pattern) });
      throw error;
    }
  return undefined;
}

/** In the order of the file: the first that matches counts. */
function readPatterns(config: Config, { field, parse, expected, budget }: PatternField): readonly Pattern[] {
  const patterns = set(config, field, (value) => (isConfig(value) ? value : undefined), 'a group of patterns') ?? {};
  const entries = Object.entries(patterns);
  if (entries.length > MAX_PATTERNS) throw badField(field, entries.length, `at most ${MAX_PATTERNS} patterns`);
  return entries.map(([pattern, given]) => {
    const matches = modulePattern(pattern, budget);
    if (matches === null) throw new AppError('adapters.badPattern', { field, pattern: excerpt(pattern) });
    const value = parse(given);
    if (value === undefined) throw badField(`${field}.${excerpt(pattern)}`, given, expected);
    return { field, pattern, matches, value };
  });
}

/** A list is for the model's input embedding. */
function readTokens(value: unknown): ReadonlyMap<string | null, readonly number[]> {
  if (value === undefined || value === null) return new Map();
  const groups: readonly (readonly [string | null, unknown])[] = isConfig(value) ? Object.entries(value) : [[null, value]];
  return new Map(
    groups.map(([module, tokens]) => {
      const isList = (list: unknown): list is readonly number[] =>
        Array.isArray(list) && list.every((token) => Number.isSafeInteger(token) && token >= 0) && new Set(list).size === list.length;
      if (!isList(tokens)) throw badField('trainable_token_indices', value, 'lists of different token numbers');
      return [module, tokens] as const;
    }),
  );
}
