import { expect, test } from 'vitest';
import { checkSettings } from '#core/training/check-settings.ts';
import { recipeFiles } from '#core/training/recipe.ts';
import { yamlOf } from '#core/training/yaml.ts';
import { errorOf } from '#test/expect-error.ts';

const samples = [
  {
    line: 1,
    kind: 'messages',
    messages: [
      { role: 'user', content: 'a' },
      { role: 'assistant', content: 'b' },
    ],
  },
  { line: 2, kind: 'completion', prompt: 'p', completion: 'q' },
  { line: 3, kind: 'text', text: 't' },
] as const;
const given = { target_modules: ['q_proj', 'v_proj'], learning_rate: 0.00001, adam_epsilon: 1e-8, max_steps: 20 };
const source = { base: '/models/a: b', isGguf: false, name: 'style', adapter: null, settings: checkSettings(given), samples };
const textOf = (format: 'llama-factory' | 'axolotl', name: string, more: object = {}): string =>
  recipeFiles(format, { ...source, ...more }).find((file) => file.name === name)?.text ?? '';

test('YAML is what a reader of YAML 1.1 takes for the same: texts quoted, numbers with a point before their exponent', () =>
  expect(yamlOf({ a: 'x: y', b: 1e-8, c: [1, 'z'], d: [{ e: true, f: { g: null } }], h: [] }).trimStart()).toBe(
    'a: "x: y"\nb: 1.0e-8\nc:\n- 1\n- "z"\nd:\n- e: true\n  f:\n    g: null\nh: []',
  ));

test('LLaMA-Factory gets its own names, and a description of each file of the dataset', () => {
  const yaml = textOf('llama-factory', 'train.yaml');
  for (const line of [
    'model_name_or_path: "/models/a: b"',
    'lora_rank: 16',
    'lora_target: "q_proj,v_proj"',
    'learning_rate: 0.00001',
    'max_steps: 20',
  ])
    expect(yaml.split('\n')).toContain(line);
  // Its stage "sft" drops what has no answer ("Dropped invalid example"), so texts are for a run of their own.
  expect(yaml).toContain('dataset: "lathe_messages,lathe_completion"\n');
  expect(yaml).toMatch(/^# One stage does not train on answers and on texts/);
  const info = JSON.parse(textOf('llama-factory', 'dataset_info.json')) as Record<string, { file_name: string }>;
  expect(Object.values(info).map(({ file_name }) => file_name)).toEqual(['messages.jsonl', 'completions.jsonl', 'texts.jsonl']);
  expect(textOf('llama-factory', 'completions.jsonl')).toBe('{"prompt":"p","completion":"q"}\n');
});

test('axolotl gets its own names, and adapters only where there is one', () => {
  const yaml = textOf('axolotl', 'train.yaml');
  for (const line of [
    'base_model: "/models/a: b"',
    'lora_r: 16',
    'micro_batch_size: 4',
    'optimizer: "adamw_torch"',
    '- path: "messages.jsonl"',
  ])
    expect(yaml.split('\n')).toContain(line);
  expect(textOf('axolotl', 'train.yaml', { settings: checkSettings({ use_peft: false }) })).not.toContain('lora');
});

test('a base that these programs cannot train on is said to be one', () =>
  expect(textOf('axolotl', 'train.yaml', { isGguf: true })).toMatch(/^# The base was a GGUF file/));

test('a template is a start: what is given stands above it, and settings that contradict each other are refused', async () => {
  expect(checkSettings({ r: 3 }, 'style')).toMatchObject({ r: 3, eval_split: 0.1, lora_alpha: 16 });
  expect(await errorOf(() => checkSettings({ eval_split: 0 }, 'style'))).toMatchObject({
    code: 'train.badSetting',
    params: { setting: 'eval_split' },
  });
  expect(await errorOf(() => checkSettings({ use_dora: true, use_peft: false }))).toMatchObject({ params: { setting: 'use_dora' } });
});

// Every recipe said `template: "default"`, which is a template of LLaMA-Factory's ("Human: … Assistant: …"), not the model's own.
// Where none is named, its `get_template_and_fix_tokenizer` takes the one of the tokenizer.
test('conversations are written in the template that the run had', () => {
  const chat = (format: 'llama-factory' | 'axolotl', chat_template: string): string =>
    textOf(format, 'train.yaml', { settings: checkSettings({ chat_template }), samples: samples.slice(0, 1) });
  expect(chat('llama-factory', '')).not.toMatch(/^template:/m);
  expect(chat('llama-factory', 'chatml')).toMatch(/^template: "chatml"$/m);
  expect(chat('llama-factory', '{{ messages }}')).toMatch(/^# These settings of the run have no place here: chat_template\.$/m);
  expect(chat('axolotl', '')).toMatch(/^chat_template: "tokenizer_default"$/m);
  expect(chat('axolotl', 'alpaca')).toMatch(/^chat_template: "alpaca"$/m);
  expect(chat('axolotl', '{{ messages }}')).toMatch(/^chat_template: "jinja"\nchat_template_jinja: "\{\{ messages \}\}"$/m);
  // A prompt and its completion stand as they are, without turns.
  expect(textOf('llama-factory', 'train.yaml', { samples: samples.slice(1, 2) })).toMatch(/^template: "empty"$/m);
});

test('answers that the run only showed are named: the other programs learn them', () => {
  const messages = [{ role: 'user', content: 'a' }, { role: 'assistant', content: 'b', weight: 0 }, ...samples[0].messages];
  for (const format of ['llama-factory', 'axolotl'] as const) {
    const more = { samples: [{ line: 1, kind: 'messages', messages }] };
    expect(textOf(format, 'train.yaml', more)).toMatch(/^# Answers with "weight": 0 were shown and not learned/m);
    expect(textOf(format, 'train.yaml')).not.toContain('"weight": 0');
  }
});

test('what the other program cannot do is said, and what it calls otherwise is translated', () => {
  const settings = checkSettings({
    target_modules: ['attn_q', 'ffn_down'],
    rank_pattern: { q_proj: 4 },
    layers_to_transform: [0, 1],
    init_lora_weights: 'gaussian',
    gradient_checkpointing: false,
  });
  const [factory, axolotl] = (['llama-factory', 'axolotl'] as const).map((format) => textOf(format, 'train.yaml', { settings }));
  expect(factory).toContain('# These settings of the run have no place here: rank_pattern, layers_to_transform, init_lora_weights.\n');
  expect(factory).toContain('lora_target: "q_proj,down_proj"\n');
  // It checkpoints by itself, whatever transformers' own key says.
  expect(factory).toContain('disable_gradient_checkpointing: true\n');
  expect(axolotl).toContain('# These settings of the run have no place here: rank_pattern.\n');
  expect(axolotl).toContain('lora_target_modules:\n- "q_proj"\n- "down_proj"\n');
  expect(axolotl).toContain('peft_layers_to_transform:\n- 0\n- 1\n');
  expect(axolotl).toContain('peft_init_lora_weights: "gaussian"\n');
});

test('a run that went on from an adapter says so, and a GGUF adapter has to become PEFT first', () => {
  const from = (format: 'llama-factory' | 'axolotl', isGguf: boolean): string =>
    textOf(format, 'train.yaml', { adapter: { path: '/adapters/a', isGguf } });
  expect(from('llama-factory', false)).toContain('adapter_name_or_path: "/adapters/a"\n');
  expect(from('axolotl', false)).toContain('lora_model_dir: "/adapters/a"\n');
  expect(from('axolotl', true)).not.toContain('lora_model_dir');
  expect(from('axolotl', true)).toMatch(/^# The run went on from a GGUF adapter/);
});
