import { describe, expect, test } from 'vitest';
import { homeFolder } from '#main/home.ts';
import { facts, fit, printable, width } from '#main/cli/text.ts';

describe('columns', () => {
  test.each([
    ['', 0],
    ['abc', 3],
    ['é', 1],
    ['e\u0301', 1],
    ['中文', 4],
    ['ｆｕｌｌ', 8],
    ['한국', 4],
    ['👩‍🔬', 2],
    ['🧵x', 3],
  ])('%j takes %i', (text, columns) => {
    expect(width(text)).toBe(columns);
  });

  test.each([
    ['abcdef', 6, 'abcdef'],
    ['abcdef', 5, 'abcd…'],
    ['中文字', 5, '中文…'],
    ['中文字', 4, '中…'],
  ])('%j in %i columns is %j', (text, columns, expected) => {
    expect(fit(text, columns)).toBe(expected);
  });
});

test('printable text has no control characters and no marks of direction', () => {
  expect(printable('a\u001b[0m\u0000\u009b\u202eb\tc\nd')).toBe('a[0mb c d');
  expect(printable('a\tb\nc\u001b', 'lines')).toBe('a\tb\nc');
});

test('facts leave out what is unknown, and keep a zero', () => {
  expect(
    facts([
      ['a', undefined],
      ['bcd', 0],
      ['e', null],
      ['f', ''],
      ['g', 12_345],
    ]),
  ).toBe('bcd  0\ng    12,345');
});

describe('the data folder', () => {
  const machine = (platform: NodeJS.Platform, env: NodeJS.ProcessEnv = {}) => ({ platform, env, userFolder: '/home/ada' });

  test.each([
    ['linux', {}, '/home/ada/.local/share/lathe'],
    ['linux', { XDG_DATA_HOME: '/data' }, '/data/lathe'],
    ['linux', { XDG_DATA_HOME: 'relative' }, '/home/ada/.local/share/lathe'],
    ['darwin', {}, '/home/ada/Library/Application Support/Lathe'],
    ['win32', { LOCALAPPDATA: '/local' }, '/local/Lathe'],
    ['linux', { LATHE_HOME: '/mine' }, '/mine'],
    ['linux', { LATHE_HOME: '' }, '/home/ada/.local/share/lathe'],
  ] as const)('on %s with %j is %s', (platform, env, expected) => {
    expect(homeFolder(undefined, machine(platform, env))).toBe(expected);
  });

  test('the one asked for goes before all', () => {
    expect(homeFolder('/asked', machine('linux', { LATHE_HOME: '/mine' }))).toBe('/asked');
  });
});
