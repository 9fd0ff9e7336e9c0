import { hfNames } from './modules.ts';
import type { Dataset, Sample } from './samples.ts';
import { defaultSettings, savedModules, type TrainingSettings } from './settings.ts';
import { yamlOf, type Yaml } from './yaml.ts';

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
  /** A PEFT folder that the run went on from, or a file that these programs do not read. */
  readonly adapter: { readonly path: string; readonly isGguf: boolean } | null;
  readonly settings: TrainingSettings;
  readonly samples: Dataset['samples'];
}

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

/** Neither program is told by a key which single answers are shown and not learned. */
const shownNote = (samples: readonly Sample[]): string[] =>
  samples.some((sample) => sample.kind === 'messages' && sample.messages.some(({ weight }) => weight === 0))
    ? ['Answers with "weight": 0 were shown and not learned in this run; here they are learned too.']
    : [];

/** What whoever uses a recipe has to know. `left` are settings that the program has no key for. */
const notes = ({ isGguf, adapter }: RecipeSource, left: readonly string[], ...more: readonly string[]): string =>
  [
    ...(isGguf ? ['The base was a GGUF file, which is not trained on here: name the same model in its Hugging Face form.'] : []),
    ...(adapter?.isGguf === true ? ['The run went on from a GGUF adapter: convert it to PEFT, and name the folder here.'] : []),
    ...(left.length > 0 ? [`These settings of the run have no place here: ${left.join(', ')}.`] : []),
    ...more,
  ]
    .map((line) => `# ${line}\n`)
    .join('');

/** Those of the names whose settings are not as they are by themselves. */
const changed = (settings: TrainingSettings, names: readonly (keyof TrainingSettings)[]): string[] =>
  names.filter((name) => JSON.stringify(settings[name]) !== JSON.stringify(defaultSettings[name]));

export function recipeFiles(format: RecipeFormat, source: RecipeSource): RecipeFile[] {
  return format === 'axolotl' ? axolotl(source) : llamaFactory(source);
}

/** Under the names that the other programs know. */
const targetNames = (targets: readonly string[]): string[] => targets.map((name) => hfNames[name]?.[0] ?? name);
const savedNames = ({ modules_to_save: names }: TrainingSettings): string[] =>
  names.map((name) => (savedModules[name] === 'output.weight' ? 'lm_head' : 'embed_tokens'));

function llamaFactory(source: RecipeSource): RecipeFile[] {
  const { base, name, adapter, settings: s, samples } = source;
  const data = dataFiles(samples);
  const info: Record<string, Yaml> = {};
  for (const { kind, name: file } of data)
    info[`lathe_${kind}`] =
      kind === 'messages'
        ? {
            file_name: file,
            formatting: 'sharegpt',
            columns: { messages: 'messages' },
            tags: {
              role_tag: 'role',
              content_tag: 'content',
              user_tag: 'user',
              assistant_tag: 'assistant',
              system_tag: 'system',
              observation_tag: 'tool',
            },
          }
        : kind === 'completion'
          ? { file_name: file, columns: { prompt: 'prompt', response: 'completion' } }
          : { file_name: file, columns: { prompt: 'text' } };
  const isText = data.every(({ kind }) => kind === 'text');
  // A stage trains on texts, or on answers; of the others it leaves out every sample.
  const used = data.filter(({ kind }) => isText || kind !== 'text').map(({ kind }) => `lathe_${kind}`);
  const isRaw = data.every(({ kind }) => kind !== 'messages');
  const isNamed = s.chat_template === 'chatml' || s.chat_template === 'alpaca';
  // Without a name it is the model's own. `default` would be one of the program's, and `empty` puts nothing around a prompt.
  const template = isRaw ? 'empty' : isNamed ? s.chat_template : null;
  const left = changed(s, [
    'rank_pattern',
    'alpha_pattern',
    'layers_to_transform',
    'init_lora_weights',
    'early_stopping_patience',
    'load_best_model_at_end',
    ...(isNamed || isRaw ? [] : ['chat_template' as const]),
  ]);
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
          lora_target: s.target_modules === 'all-linear' ? 'all' : targetNames(s.target_modules).join(','),
          ...(adapter === null || adapter.isGguf ? {} : { adapter_name_or_path: adapter.path }),
          ...(s.modules_to_save.length === 0 ? {} : { additional_target: savedNames(s).join(',') }),
          use_rslora: s.use_rslora,
          use_dora: s.use_dora,
          ...(s.loraplus_lr_ratio === 1 ? {} : { loraplus_lr_ratio: s.loraplus_lr_ratio }),
        }
      : {}),
    dataset_dir: '.',
    dataset: used.join(','),
    ...(template === null ? {} : { template }),
    ...(isText ? {} : { train_on_prompt: s.train_on_roles.includes('user') }),
    cutoff_len: s.max_length,
    packing: s.packing,
    val_size: s.eval_split,
    output_dir: `./${name}`,
    ...common(s),
    // It has a key of its own, and checkpoints whatever transformers' says.
    disable_gradient_checkpointing: !s.gradient_checkpointing,
    ...(s.eval_split > 0
      ? { eval_strategy: s.eval_steps > 0 ? 'steps' : 'epoch', ...(s.eval_steps > 0 ? { eval_steps: s.eval_steps } : {}) }
      : {}),
  };
  const apart =
    used.length < data.length ? ['One stage does not train on answers and on texts: texts.jsonl is for a run with "stage: pt".'] : [];
  return [
    { name: 'train.yaml', text: `${notes(source, left, ...apart, ...shownNote(samples))}${yamlOf(config).trimStart()}\n` },
    { name: 'dataset_info.json', text: `${JSON.stringify(info, null, 2)}\n` },
    ...data,
  ].map(({ name: file, text }) => ({ name: file, text }));
}

function axolotl(source: RecipeSource): RecipeFile[] {
  const { base, name, adapter, settings: s, samples } = source;
  const data = dataFiles(samples);
  const { chat_template } = s;
  const template: Record<string, Yaml> =
    chat_template === ''
      ? { chat_template: 'tokenizer_default' }
      : chat_template === 'chatml' || chat_template === 'alpaca'
        ? { chat_template }
        : { chat_template: 'jinja', chat_template_jinja: chat_template };
  const left = changed(s, ['rank_pattern', 'alpha_pattern']);
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
    ...(data.some(({ kind }) => kind === 'messages') ? template : {}),
    datasets,
    sequence_len: s.max_length,
    sample_packing: s.packing,
    val_set_size: s.eval_split,
    ...(s.use_peft
      ? {
          adapter: 'lora',
          ...(adapter === null || adapter.isGguf ? {} : { lora_model_dir: adapter.path }),
          lora_r: s.r,
          lora_alpha: s.lora_alpha,
          lora_dropout: s.lora_dropout,
          ...(s.target_modules === 'all-linear' ? { lora_target_linear: true } : { lora_target_modules: targetNames(s.target_modules) }),
          ...(s.layers_to_transform.length === 0 ? {} : { peft_layers_to_transform: s.layers_to_transform }),
          ...(s.init_lora_weights === true ? {} : { peft_init_lora_weights: s.init_lora_weights }),
          peft_use_rslora: s.use_rslora,
          ...(s.modules_to_save.length === 0 ? {} : { lora_modules_to_save: savedNames(s) }),
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
    gradient_checkpointing: s.gradient_checkpointing,
    ...(s.eval_split > 0 && s.eval_steps > 0 ? { eval_steps: s.eval_steps } : {}),
    ...(s.early_stopping_patience > 0 ? { early_stopping_patience: s.early_stopping_patience } : {}),
    ...(s.load_best_model_at_end ? { load_best_model_at_end: true } : {}),
    output_dir: `./${name}`,
  };
  return [{ name: 'train.yaml', text: `${notes(source, left, ...shownNote(source.samples))}${yamlOf(config).trimStart()}\n` }, ...data].map(
    ({ name: file, text }) => ({
      name: file,
      text,
    }),
  );
}

/** What transformers' own arguments call the same in both. */
const common = (s: TrainingSettings): Readonly<Record<string, Yaml>> => ({
  per_device_train_batch_size: s.per_device_train_batch_size,
  gradient_accumulation_steps: s.gradient_accumulation_steps,
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
