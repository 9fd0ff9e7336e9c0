import { expect, test } from 'vitest';
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
