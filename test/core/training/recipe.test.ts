import { expect, test } from 'vitest';
import { checkSettings } from '#core/training/check-settings.ts';
import { recipeFiles, yamlOf } from '#core/training/recipe.ts';
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
const source = { base: '/models/a: b', isGguf: false, name: 'style', settings: checkSettings(given), samples };
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
  expect(yaml).toContain('dataset: "lathe_messages,lathe_completion,lathe_text"\n');
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
