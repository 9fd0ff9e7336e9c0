import type { Dataset, Sample } from './samples.ts';
import { savedModules, type TrainingSettings } from './settings.ts';

/** A run as other programs would do it, for those who outgrow one machine: their YAML, and the dataset as they read it. */

export type RecipeFormat = 'llama-factory' | 'axolotl';

export interface RecipeFile {
  readonly name: string;
  readonly text: string;
}

export interface RecipeSource {
  /** Where the base is, or what it is called on Hugging Face. */
  readonly base: string;
  /** The base is a file that these programs do not train on. */
  readonly isGguf: boolean;
  readonly name: string;
  readonly settings: TrainingSettings;
  readonly samples: Dataset['samples'];
}

type Yaml = string | number | boolean | null | readonly Yaml[] | { readonly [key: string]: Yaml };

/** YAML in its plainest form; texts are quoted as JSON quotes them, which YAML reads. */
export function yamlOf(value: Yaml, indent = ''): string {
  if (Array.isArray(value)) {
    if (value.length === 0) return ' []';
    return value
      .map((each: Yaml) => `\n${indent}-${isNested(each) ? ` ${yamlOf(each, `${indent}  `).trimStart()}` : yamlOf(each)}`)
      .join('');
  }
  if (typeof value === 'object' && value !== null)
    return Object.entries(value)
      .map(([key, each]) => `\n${indent}${key}:${yamlOf(each, Array.isArray(each) ? indent : `${indent}  `)}`)
      .join('');
  if (typeof value === 'number') return ` ${plainNumber(value)}`;
  return ` ${JSON.stringify(value)}`;
}

const isNested = (value: Yaml): boolean => typeof value === 'object' && value !== null;

/** YAML 1.1 takes `1e-4` for a text: numbers with an exponent need a point. */
const plainNumber = (value: number): string => String(value).replace(/^(-?\d+)e/, '$1.0e');

const lines = (records: readonly object[]): string => records.map((record) => `${JSON.stringify(record)}\n`).join('');

/** The dataset by shape, each in a file of its own. */
function dataFiles(samples: readonly Sample[]) {
  const messages = samples.flatMap((sample) => (sample.kind === 'messages' ? [{ messages: sample.messages }] : []));
  const completions = samples.flatMap((sample) =>
    sample.kind === 'completion' ? [{ prompt: sample.prompt, completion: sample.completion }] : [],
  );
  const texts = samples.flatMap((sample) => (sample.kind === 'text' ? [{ text: sample.text }] : []));
  return [
    { kind: 'messages' as const, name: 'messages.jsonl', text: lines(messages) },
    { kind: 'completion' as const, name: 'completions.jsonl', text: lines(completions) },
    { kind: 'text' as const, name: 'texts.jsonl', text: lines(texts) },
  ].filter(({ text }) => text !== '');
}

const note = (isGguf: boolean): string =>
  isGguf ? '# The base was a GGUF file, which is not trained on here: name the same model in its Hugging Face form.\n' : '';

export function recipeFiles(format: RecipeFormat, source: RecipeSource): RecipeFile[] {
  return format === 'axolotl' ? axolotl(source) : llamaFactory(source);
}

/** Under the names that the other programs know. */
const hfNames = ({ modules_to_save: names }: TrainingSettings): string[] =>
  names.map((name) => (savedModules[name] === 'output.weight' ? 'lm_head' : 'embed_tokens'));

function llamaFactory({ base, isGguf, name, settings: s, samples }: RecipeSource): RecipeFile[] {
  const data = dataFiles(samples);
  const info: Record<string, Yaml> = {};
  for (const { kind, name: file } of data)
    info[`lathe_${kind}`] =
      kind === 'messages'
        ? {
            file_name: file,
            formatting: 'sharegpt',
            columns: { messages: 'messages' },
            tags: { role_tag: 'role', content_tag: 'content', user_tag: 'user', assistant_tag: 'assistant', system_tag: 'system' },
          }
        : kind === 'completion'
          ? { file_name: file, columns: { prompt: 'prompt', response: 'completion' } }
          : { file_name: file, columns: { prompt: 'text' } };
  const isText = data.every(({ kind }) => kind === 'text');
  const config: Record<string, Yaml> = {
    model_name_or_path: base,
    stage: isText ? 'pt' : 'sft',
    do_train: true,
    finetuning_type: s.use_peft ? 'lora' : 'full',
    ...(s.use_peft
      ? {
          lora_rank: s.r,
          lora_alpha: s.lora_alpha,
          lora_dropout: s.lora_dropout,
          lora_target: s.target_modules === 'all-linear' ? 'all' : s.target_modules.join(','),
          ...(s.modules_to_save.length === 0 ? {} : { additional_target: hfNames(s).join(',') }),
          use_rslora: s.use_rslora,
          use_dora: s.use_dora,
          ...(s.loraplus_lr_ratio === 1 ? {} : { loraplus_lr_ratio: s.loraplus_lr_ratio }),
        }
      : {}),
    dataset_dir: '.',
    dataset: Object.keys(info).join(','),
    ...(isText ? {} : { template: 'default', train_on_prompt: s.train_on_roles.includes('user') }),
    cutoff_len: s.max_length,
    packing: s.packing,
    val_size: s.eval_split,
    output_dir: `./${name}`,
    ...common(s),
    ...(s.eval_split > 0
      ? { eval_strategy: s.eval_steps > 0 ? 'steps' : 'epoch', ...(s.eval_steps > 0 ? { eval_steps: s.eval_steps } : {}) }
      : {}),
  };
  return [
    { name: 'train.yaml', text: `${note(isGguf)}${yamlOf(config).trimStart()}\n` },
    { name: 'dataset_info.json', text: `${JSON.stringify(info, null, 2)}\n` },
    ...data,
  ].map(({ name: file, text }) => ({ name: file, text }));
}

function axolotl({ base, isGguf, name, settings: s, samples }: RecipeSource): RecipeFile[] {
  const data = dataFiles(samples);
  const datasets = data.map(({ kind, name: file }): Yaml => {
    if (kind === 'messages')
      return { path: file, ds_type: 'json', type: 'chat_template', field_messages: 'messages', roles_to_train: s.train_on_roles };
    if (kind === 'text') return { path: file, ds_type: 'json', type: 'completion', field: 'text' };
    const type = { field_instruction: 'prompt', field_output: 'completion', format: '{instruction}', no_input_format: '{instruction}' };
    return { path: file, ds_type: 'json', type };
  });
  const { per_device_train_batch_size: batch, lr_scheduler_type: scheduler, optim, num_train_epochs: epochs, ...rest } = common(s);
  const config: Record<string, Yaml> = {
    base_model: base,
    datasets,
    sequence_len: s.max_length,
    sample_packing: s.packing,
    val_set_size: s.eval_split,
    ...(s.use_peft
      ? {
          adapter: 'lora',
          lora_r: s.r,
          lora_alpha: s.lora_alpha,
          lora_dropout: s.lora_dropout,
          ...(s.target_modules === 'all-linear' ? { lora_target_linear: true } : { lora_target_modules: s.target_modules }),
          peft_use_rslora: s.use_rslora,
          ...(s.modules_to_save.length === 0 ? {} : { lora_modules_to_save: hfNames(s) }),
          peft_use_dora: s.use_dora,
          ...(s.loraplus_lr_ratio === 1 ? {} : { loraplus_lr_ratio: s.loraplus_lr_ratio }),
        }
      : {}),
    train_on_inputs: s.train_on_roles.includes('user'),
    micro_batch_size: batch ?? 1,
    num_epochs: epochs ?? 1,
    optimizer: optim ?? 'adamw_torch',
    lr_scheduler: scheduler ?? 'linear',
    ...rest,
    ...(s.eval_split > 0 && s.eval_steps > 0 ? { eval_steps: s.eval_steps } : {}),
    ...(s.early_stopping_patience > 0 ? { early_stopping_patience: s.early_stopping_patience } : {}),
    output_dir: `./${name}`,
  };
  return [{ name: 'train.yaml', text: `${note(isGguf)}${yamlOf(config).trimStart()}\n` }, ...data].map(({ name: file, text }) => ({
    name: file,
    text,
  }));
}

/** What transformers' own arguments call the same in both. */
const common = (s: TrainingSettings): Readonly<Record<string, Yaml>> => ({
  per_device_train_batch_size: s.per_device_train_batch_size,
  gradient_accumulation_steps: s.gradient_accumulation_steps,
  gradient_checkpointing: s.gradient_checkpointing,
  optim: s.optim,
  learning_rate: s.learning_rate,
  lr_scheduler_type: s.lr_scheduler_type,
  ...(s.warmup_steps > 0 ? { warmup_steps: s.warmup_steps } : { warmup_ratio: s.warmup_ratio }),
  weight_decay: s.weight_decay,
  adam_beta1: s.adam_beta1,
  adam_beta2: s.adam_beta2,
  adam_epsilon: s.adam_epsilon,
  max_grad_norm: s.max_grad_norm,
  num_train_epochs: s.num_train_epochs,
  ...(s.max_steps > 0 ? { max_steps: s.max_steps } : {}),
  logging_steps: s.logging_steps,
  save_steps: s.save_steps,
  save_total_limit: s.save_total_limit,
  seed: s.seed,
});
