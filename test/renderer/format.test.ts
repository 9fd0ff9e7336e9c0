import { describe, expect, test } from 'vitest';
import { formatsOf } from '#renderer/format.ts';

const en = formatsOf('en');
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

describe('numbers on the screen', () => {
  test('what is not known is an en dash, not a zero and not NaN', () => {
    expect([en.bytes(undefined), en.number(null), en.figure(Number.NaN), en.parameters(undefined), en.duration(null)]).toEqual([
      '–',
      '–',
      '–',
      '–',
      '–',
    ]);
  });

  test('parameters are written as model names write them', () => {
    expect([656_000, 15_191_712, 999_600_000, 7_615_616_512, 70_553_706_496, 999].map(en.parameters)).toEqual([
      '656 K',
      '15.2 M',
      '1 B',
      '7.62 B',
      '70.6 B',
      '999',
    ]);
  });

  test('figures keep three digits', () => {
    expect([42.13, 388.4, 0.05123, 1234.5].map(en.figure)).toEqual(['42.1', '388', '0.0512', '1,230']);
  });

  test('how long ago goes from minutes to a date', () => {
    const nowMs = new Date('2026-06-15T12:00').getTime();
    expect([10_000, 5 * MINUTE_MS, 3 * HOUR_MS, DAY_MS, 60 * DAY_MS].map((agoMs) => en.ago(nowMs - agoMs, nowMs))).toEqual([
      'now',
      '5 min. ago',
      '3 hr. ago',
      'yesterday',
      'Apr 16, 2026',
    ]);
  });

  test('Chinese has its own words for the same', () => {
    const zh = formatsOf('zh-CN');
    const nowMs = new Date('2026-06-15T12:00').getTime();
    expect([zh.ago(nowMs - 5 * MINUTE_MS, nowMs), zh.parameters(7_615_616_512)]).toEqual(['5分钟前', '7.62 B']);
  });
});
