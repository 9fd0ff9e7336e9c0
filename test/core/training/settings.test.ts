import { expect, test } from 'vitest';
import { checkSettings } from '#core/training/check-settings.ts';
import { errorOf } from '#test/expect-error.ts';
import { defaultSettings, readSettings, settingFromText, settingNames } from '#core/training/settings.ts';
import { templateNames, templates } from '#core/training/templates.ts';

test('settings left out have their defaults', () => {
  expect(readSettings({ r: 8, lr_scheduler_type: 'cosine' })).toEqual({
    settings: { ...defaultSettings, r: 8, lr_scheduler_type: 'cosine' },
    problems: [],
  });
});

test('the defaults are settings that are allowed', () => expect(readSettings({ ...defaultSettings }).problems).toEqual([]));

test('all that is wrong is told at once, and changes nothing', () => {
  const given = { r: 1.5, lora_dropout: 1, max_steps: 0, learning_rate: Number.NaN, lr_scheduler_type: 'magic', toString: 1, rank: 8 };
  const { settings, problems } = readSettings(given);
  expect(settings).toEqual(defaultSettings);
  expect(problems.map(({ setting, kind }) => ({ setting, kind }))).toEqual([
    { setting: 'r', kind: 'notWhole' },
    { setting: 'lora_dropout', kind: 'outOfRange' },
    { setting: 'max_steps', kind: 'outOfRange' },
    { setting: 'learning_rate', kind: 'notANumber' },
    { setting: 'lr_scheduler_type', kind: 'notAChoice' },
    { setting: 'toString', kind: 'unknown' },
    { setting: 'rank', kind: 'unknown' },
  ]);
});

test('what changes a result and is not done is refused by name', () =>
  expect(readSettings({ bias: 'all' }).problems).toMatchObject([{ setting: 'bias', kind: 'unsupported' }]));

// A first try with LLaMA-Factory's names was answered with "lora_rank is 8, but should be a setting of TRL or PEFT".
test('a setting that is not there is answered with those that were meant', async () => {
  const answer = async (name: string) => errorOf(() => checkSettings({ [name]: 8 }));
  expect(await answer('lora_rank')).toMatchObject({ code: 'train.unknownSetting', params: { setting: 'lora_rank', near: 'r' } });
  expect(await answer('micro_batch_size')).toMatchObject({ params: { near: 'per_device_train_batch_size' } });
  expect(String((await answer('learning_rat')).params['near'])).toMatch(/^learning_rate, /);
  expect(String((await answer('rank_patern')).params['near'])).toMatch(/^rank_pattern, /);
  expect(await answer('bias')).toMatchObject({ code: 'train.unsupportedSetting' });
});

test('layers are a list or one number, as in PEFT', () => {
  const layers = (value: unknown) => readSettings({ layers_to_transform: value });
  expect(layers([3, 1, 3]).settings.layers_to_transform).toEqual([1, 3]);
  expect(layers(0).settings.layers_to_transform).toEqual([0]);
  expect(layers(null).settings.layers_to_transform).toEqual([]);
  for (const wrong of [[-1], [0.5], 'all', ['1']]) expect(layers(wrong).problems).toMatchObject([{ setting: 'layers_to_transform' }]);
  expect(layers(settingFromText('layers_to_transform', '4,5')).settings.layers_to_transform).toEqual([4, 5]);
  expect(layers(settingFromText('layers_to_transform', '4,five')).problems).toHaveLength(1);
});

// "num_train_epochs should be a number from 5e-324 to 10000."
test('what a number may be is said as people say it', () => {
  expect(readSettings({ num_train_epochs: 0 }).problems).toMatchObject([
    { kind: 'outOfRange', expected: 'a number above 0, at most 10000' },
  ]);
  expect(readSettings({ lora_alpha: 0 }).problems).toHaveLength(1);
});

test('lists, tables and switches are checked to their entries', () => {
  const given = {
    target_modules: [],
    rank_pattern: { q_proj: 0.5 },
    packing: 'yes',
    train_on_roles: ['narrator'],
    optim: 'adamw',
    init_lora_weights: 'pissa',
  };
  const { settings, problems } = readSettings(given);
  expect(problems.map(({ setting }) => setting)).toEqual([
    'target_modules',
    'rank_pattern',
    'packing',
    'train_on_roles',
    'init_lora_weights',
  ]);
  expect(settings.optim).toBe('adamw_torch');
});

test('a command line writes numbers, lists and names as they are said', () => {
  expect(settingFromText('r', '8')).toBe(8);
  expect(settingFromText('target_modules', 'q_proj, v_proj')).toEqual(['q_proj', 'v_proj']);
  expect(settingFromText('target_modules', 'all-linear')).toBe('all-linear');
  expect(settingFromText('packing', 'true')).toBe(true);
  expect(settingFromText('lr_scheduler_type', 'cosine')).toBe('cosine');
  expect(settingFromText('rank_pattern', '{"q_proj":4}')).toEqual({ q_proj: 4 });
});

test('every template is made of settings that are allowed', () => {
  for (const name of templateNames) {
    expect(readSettings(templates[name]).problems).toEqual([]);
    for (const setting of Object.keys(templates[name])) expect(settingNames).toContain(setting);
  }
});
