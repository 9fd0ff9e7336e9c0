import { expect, test } from 'vitest';
import { defaultSettings, readSettings } from '#core/training/settings.ts';

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
  expect(problems).toEqual([
    { setting: 'r', kind: 'notWhole' },
    { setting: 'lora_dropout', kind: 'outOfRange' },
    { setting: 'max_steps', kind: 'outOfRange' },
    { setting: 'learning_rate', kind: 'notANumber' },
    { setting: 'lr_scheduler_type', kind: 'notAChoice' },
    { setting: 'toString', kind: 'unknown' },
    { setting: 'rank', kind: 'unknown' },
  ]);
});
