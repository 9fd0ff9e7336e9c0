import type { ScheduleKind } from './schedule.ts';

/** The settings of a run, under TRL's and PEFT's names, so that recipes found elsewhere can be used as they are. */

export type Optimizer = 'adamw_torch' | 'sgd';
/** PEFT's: `true` is Kaiming's uniform distribution for A; B is zero in both. */
export type LoraInit = true | 'gaussian';
/** Whose words are trained. A prompt is the user's, its completion the assistant's; a text without roles is trained as a whole. */
export type TrainedRole = 'system' | 'user' | 'assistant' | 'tool';

export interface TrainingSettings {
  /** False: all weights are trained, in float32, and there is no adapter. */
  readonly use_peft: boolean;
  readonly r: number;
  readonly lora_alpha: number;
  readonly lora_dropout: number;
  /** Last names of linear layers as Hugging Face or GGUF has them, such as `q_proj` and `attn_q`; or all of them. */
  readonly target_modules: 'all-linear' | readonly string[];
  /** Matrices beside the layers that are trained whole, in float32: `embed_tokens`, `lm_head`, or as GGUF names them. */
  readonly modules_to_save: readonly string[];
  /** Scale by alpha / √r in place of alpha / r. */
  readonly use_rslora: boolean;
  readonly use_dora: boolean;
  readonly init_lora_weights: LoraInit;
  /** Ranks and alphas of layers whose name ends in the key or has it as a regular expression does (PEFT). */
  readonly rank_pattern: Readonly<Record<string, number>>;
  readonly alpha_pattern: Readonly<Record<string, number>>;
  /** Numbers of the layers that are adapted; none: all of them. */
  readonly layers_to_transform: readonly number[];
  /** How much larger the learning rate of B is; 1: the same (LoRA+ suggests 16). */
  readonly loraplus_lr_ratio: number;
  readonly optim: Optimizer;
  readonly adam_beta1: number;
  readonly adam_beta2: number;
  readonly adam_epsilon: number;
  readonly learning_rate: number;
  readonly lr_scheduler_type: ScheduleKind;
  readonly warmup_ratio: number;
  /** Above 0: stands in for the ratio. */
  readonly warmup_steps: number;
  readonly weight_decay: number;
  /** The largest norm of the gradients; 0 clips nothing. */
  readonly max_grad_norm: number;
  readonly num_train_epochs: number;
  /** Optimizer steps; -1 leaves it to the epochs. */
  readonly max_steps: number;
  readonly per_device_train_batch_size: number;
  readonly gradient_accumulation_steps: number;
  /** Tokens of a sample, or of a packed row. */
  readonly max_length: number;
  readonly packing: boolean;
  readonly gradient_checkpointing: boolean;
  /** Read each layer's weights when they are needed. Lathe's own. */
  readonly weight_streaming: boolean;
  readonly seed: number;
  /** Share of the samples that is kept for evaluation. Lathe's own. */
  readonly eval_split: number;
  /** Optimizer steps between evaluations; 0: at the end of each epoch. */
  readonly eval_steps: number;
  readonly save_steps: number;
  /** Checkpoints that are kept, beside the best. */
  readonly save_total_limit: number;
  readonly logging_steps: number;
  /** Evaluations without a better loss after which a run ends; 0: never. */
  readonly early_stopping_patience: number;
  /** The result is the checkpoint with the least evaluation loss. */
  readonly load_best_model_at_end: boolean;
  /** Lathe's own, as are the next four. */
  readonly train_on_roles: readonly TrainedRole[];
  /** Stands in for the model's: `chatml`, `alpaca`, or a Jinja template. */
  readonly chat_template: string;
  /** Optimizer steps between samples; 0: none. */
  readonly sample_steps: number;
  readonly sample_prompts: readonly string[];
  readonly sample_tokens: number;
}

/** For instructions: the domain's rules of thumb. */
export const defaultSettings: TrainingSettings = {
  use_peft: true,
  r: 16,
  lora_alpha: 32,
  lora_dropout: 0,
  target_modules: 'all-linear',
  modules_to_save: [],
  use_rslora: false,
  use_dora: false,
  init_lora_weights: true,
  rank_pattern: {},
  alpha_pattern: {},
  layers_to_transform: [],
  loraplus_lr_ratio: 1,
  optim: 'adamw_torch',
  adam_beta1: 0.9,
  adam_beta2: 0.999,
  adam_epsilon: 1e-8,
  learning_rate: 2e-4,
  lr_scheduler_type: 'linear',
  warmup_ratio: 0.03,
  warmup_steps: 0,
  weight_decay: 0,
  max_grad_norm: 1,
  num_train_epochs: 3,
  max_steps: -1,
  per_device_train_batch_size: 4,
  gradient_accumulation_steps: 4,
  max_length: 1024,
  packing: false,
  gradient_checkpointing: true,
  weight_streaming: false,
  seed: 42,
  eval_split: 0,
  eval_steps: 0,
  save_steps: 50,
  save_total_limit: 2,
  logging_steps: 1,
  early_stopping_patience: 0,
  load_best_model_at_end: false,
  train_on_roles: ['assistant'],
  chat_template: '',
  sample_steps: 0,
  sample_prompts: [],
  sample_tokens: 48,
};

export interface SettingProblem {
  readonly setting: string;
  readonly kind:
    | 'unknown'
    | 'unsupported'
    | 'notANumber'
    | 'notWhole'
    | 'outOfRange'
    | 'notAChoice'
    | 'notASwitch'
    | 'notAList'
    | 'notATable';
  /** What it may be, in words of the setting. */
  readonly expected: string;
  /** Of a number: the same, for who says it in other words. */
  readonly range?: Range;
}

interface Range {
  readonly least: number;
  readonly most: number;
  readonly whole?: true;
  /** `least` itself is too little. */
  readonly above?: true;
}

/** What one setting may be: a value, or what is wrong with it. */
type Rule<T> = (value: unknown) => { readonly value: T } | Omit<SettingProblem, 'setting'>;

const number =
  (range: Range): Rule<number> =>
  (value) => {
    const { least, most, whole, above } = range;
    const expected = `${whole === true ? 'a whole number' : 'a number'} ${above === true ? `above ${least}, at most ${most}` : `from ${least} to ${most}`}`;
    if (typeof value !== 'number' || !Number.isFinite(value)) return { kind: 'notANumber', expected, range };
    if (whole === true && !Number.isInteger(value)) return { kind: 'notWhole', expected, range };
    return value < least || value > most || (above === true && value === least) ? { kind: 'outOfRange', expected, range } : { value };
  };
const whole = (least: number, most: number): Rule<number> => number({ least, most, whole: true });
const toggle: Rule<boolean> = (value) => (typeof value === 'boolean' ? { value } : { kind: 'notASwitch', expected: 'true or false' });
const oneOf =
  <T>(choices: readonly T[]): Rule<T> =>
  (value) => {
    const chosen = choices.find((choice) => choice === value);
    return chosen === undefined ? { kind: 'notAChoice', expected: `one of ${choices.join(', ')}` } : { value: chosen };
  };
const isTexts = (value: unknown): value is readonly string[] => Array.isArray(value) && value.every((each) => typeof each === 'string');
/** More than anyone names by hand, and little enough to be kept with a run. */
const MOST_ENTRIES = 1000;
const MOST_LENGTH = 100_000;
const texts =
  (most: number): Rule<readonly string[]> =>
  (value) =>
    isTexts(value) && value.length <= most && value.every((each) => each.length <= MOST_LENGTH)
      ? { value }
      : { kind: 'notAList', expected: `a list of at most ${most} texts` };
const table =
  (entry: Rule<number>): Rule<Readonly<Record<string, number>>> =>
  (value) => {
    const expected = 'a table of names and numbers';
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return { kind: 'notATable', expected };
    const entries: [string, number][] = [];
    for (const [name, each] of Object.entries(value)) {
      const read = entry(each);
      if (!('value' in read)) return read;
      entries.push([name, read.value]);
    }
    return entries.length > MOST_ENTRIES ? { kind: 'notATable', expected } : { value: Object.fromEntries(entries) };
  };

/** Tensors of GGUF by the names that `modules_to_save` takes. */
export const savedModules: Readonly<Record<string, string>> = {
  embed_tokens: 'token_embd.weight',
  token_embd: 'token_embd.weight',
  lm_head: 'output.weight',
  output: 'output.weight',
};

const roles: readonly TrainedRole[] = ['system', 'user', 'assistant', 'tool'];
const rank = whole(1, 4096);
const alpha = number({ least: 0, most: 65_536, above: true });
const steps = whole(0, 100_000_000);
const share = number({ least: 0, most: 0.999_999 });

const rules: { readonly [K in keyof TrainingSettings]: Rule<TrainingSettings[K]> } = {
  use_peft: toggle,
  r: rank,
  lora_alpha: alpha,
  lora_dropout: number({ least: 0, most: 0.95 }),
  target_modules: (value) => {
    if (value === 'all-linear') return { value };
    const given = isTexts(value) ? value : [];
    return given.length > 0 && given.length <= MOST_ENTRIES
      ? { value: given }
      : { kind: 'notAList', expected: 'all-linear, or a list of names such as q_proj' };
  },
  modules_to_save: (value) =>
    isTexts(value) && value.every((each) => Object.hasOwn(savedModules, each))
      ? { value: [...new Set(value)] }
      : { kind: 'notAList', expected: 'a list of embed_tokens and lm_head' },
  use_rslora: toggle,
  use_dora: toggle,
  init_lora_weights: oneOf<LoraInit>([true, 'gaussian']),
  rank_pattern: table(rank),
  alpha_pattern: table(alpha),
  // PEFT takes a single number as well.
  layers_to_transform: (value) => {
    const given: readonly unknown[] = Array.isArray(value) ? value : value === null ? [] : [value];
    const isLayer = (each: unknown): each is number => typeof each === 'number' && Number.isInteger(each) && each >= 0;
    return given.length <= MOST_ENTRIES && given.every(isLayer)
      ? { value: [...new Set(given)].toSorted((a, b) => a - b) }
      : { kind: 'notAList', expected: 'a list of numbers of layers, from 0' };
  },
  loraplus_lr_ratio: number({ least: 0.01, most: 1000 }),
  optim: (value) => oneOf<Optimizer>(['adamw_torch', 'sgd'])(value === 'adamw' || value === 'adamw_torch_fused' ? 'adamw_torch' : value),
  adam_beta1: share,
  adam_beta2: share,
  adam_epsilon: number({ least: 1e-16, most: 1 }),
  learning_rate: number({ least: 0, most: 10 }),
  lr_scheduler_type: oneOf<ScheduleKind>(['constant', 'linear', 'cosine']),
  warmup_ratio: number({ least: 0, most: 1 }),
  warmup_steps: steps,
  weight_decay: number({ least: 0, most: 10 }),
  max_grad_norm: number({ least: 0, most: 1e6 }),
  num_train_epochs: number({ least: 0, most: 10_000, above: true }),
  max_steps: (value) => (value === 0 ? { kind: 'outOfRange', expected: '-1, or at least 1' } : whole(-1, 100_000_000)(value)),
  per_device_train_batch_size: whole(1, 4096),
  gradient_accumulation_steps: whole(1, 65_536),
  max_length: whole(2, 1_048_576),
  packing: toggle,
  gradient_checkpointing: toggle,
  weight_streaming: toggle,
  seed: whole(0, 2 ** 32 - 1),
  eval_split: number({ least: 0, most: 0.9 }),
  eval_steps: steps,
  save_steps: whole(1, 100_000_000),
  save_total_limit: whole(1, 1000),
  logging_steps: whole(1, 1_000_000),
  early_stopping_patience: whole(0, 10_000),
  load_best_model_at_end: toggle,
  train_on_roles: (value) =>
    isTexts(value) && value.length > 0 && value.every((each) => (roles as readonly string[]).includes(each))
      ? { value: roles.filter((role) => value.includes(role)) }
      : { kind: 'notAList', expected: `a list of ${roles.join(', ')}` },
  chat_template: (value) =>
    typeof value === 'string' && value.length <= MOST_LENGTH
      ? { value }
      : { kind: 'notAChoice', expected: 'chatml, alpaca, or a Jinja template' },
  sample_steps: steps,
  sample_prompts: texts(16),
  sample_tokens: whole(1, 2048),
};

/** Settings that TRL and PEFT have, that would change the result, and that Lathe does not do. */
const unsupported: readonly string[] = [
  'bias',
  'layers_pattern',
  'exclude_modules',
  'trainable_token_indices',
  'neftune_noise_alpha',
  'label_smoothing_factor',
];

export const settingNames = Object.keys(rules) as readonly (keyof TrainingSettings)[];

const isSetting = (name: string): name is keyof TrainingSettings => Object.hasOwn(rules, name);

/** Settings from what a user gave, `defaults` for the rest; all that is wrong at once. */
export function readSettings(
  given: Readonly<Record<string, unknown>>,
  defaults: TrainingSettings = defaultSettings,
): { readonly settings: TrainingSettings; readonly problems: readonly SettingProblem[] } {
  const settings: { -readonly [K in keyof TrainingSettings]: TrainingSettings[K] } = { ...defaults };
  const problems: SettingProblem[] = [];
  const read = <K extends keyof TrainingSettings>(setting: K, value: unknown): void => {
    const found = rules[setting](value);
    if ('value' in found) settings[setting] = found.value;
    else problems.push({ setting, ...found });
  };
  for (const [setting, value] of Object.entries(given)) {
    if (isSetting(setting)) read(setting, value);
    else if (unsupported.includes(setting)) problems.push({ setting, kind: 'unsupported', expected: 'left out' });
    else problems.push({ setting, kind: 'unknown', expected: 'a setting of TRL or PEFT' });
  }
  return { settings, problems };
}

/** A setting as a command line writes it: JSON where it is JSON, names with commas where a list is wanted, else a text. */
export function settingFromText(setting: string, text: string): unknown {
  if (setting === 'chat_template') return text;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    const isList = isSetting(setting) && Array.isArray(defaultSettings[setting]);
    if (setting === 'layers_to_transform') return text.split(',').map((each) => (each.trim() === '' ? Number.NaN : Number(each)));
    if (isList || (setting === 'target_modules' && text !== 'all-linear')) return text.split(',').map((each) => each.trim());
    return text;
  }
}
