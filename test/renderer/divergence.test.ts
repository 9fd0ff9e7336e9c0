import { expect, test } from 'vitest';
import { divide } from '#renderer/quality/divergence.ts';

const parts = (source: string, variant: string) => {
  const divided = divide(source, variant);
  return [divided.source.same, divided.source.rest, divided.variant.rest];
};

test('two continuations part at the first word that differs, not in the middle of it', () => {
  expect(parts(' every evening, and', ' every evensong, and')).toEqual([' every ', 'evening, and', 'evensong, and']);
  expect(parts(' a list', ' a list of')).toEqual([' a list', '', ' of']);
  expect(parts(' a list', ' a listing')).toEqual([' a ', 'list', 'listing']);
});

test('the same text has no differing part', () => {
  expect(parts(' the air is thin.', ' the air is thin.')).toEqual([' the air is thin.', '', '']);
  expect(parts('', '')).toEqual(['', '', '']);
});

test('texts without spaces part at the character, and never within one', () => {
  expect(parts('今天天气很好', '今天天气不错')).toEqual(['今天天气', '很好', '不错']);
  expect(parts('好😀', '好😁')).toEqual(['好', '😀', '😁']);
});
