import { describe, expect, it } from 'vitest';
import { ggufBoolean, ggufNumber, ggufNumberArray, ggufString, ggufStringArray } from '#core/gguf/header.ts';
import { arr, bool, f32, i8, str, u32, u64, type GgufValue } from '#core/gguf/values.ts';
import { errorOf } from '#test/expect-error.ts';

const header = {
  file: 'model.gguf',
  metadata: new Map<string, GgufValue>([
    ['text', str('llama')],
    ['number', u32(7)],
    ['negative', i8(-7)],
    ['float', f32(0.5)],
    ['large', u64(2n ** 53n - 1n)],
    ['too large', u64(2n ** 53n)],
    ['flag', bool(true)],
    ['texts', arr('str', ['a'])],
    ['floats', arr('f32', [0.5])],
    ['larges', arr('u64', [1n])],
    ['flags', arr('bool', [true])],
  ]),
};

describe('accessors of metadata', () => {
  it('give the value', () => {
    expect(ggufString(header, 'text')).toBe('llama');
    expect(['number', 'negative', 'float', 'large'].map((key) => ggufNumber(header, key))).toEqual([7, -7, 0.5, 9_007_199_254_740_991]);
    expect(ggufBoolean(header, 'flag')).toBe(true);
    expect(ggufStringArray(header, 'texts')).toEqual(['a']);
    expect(ggufNumberArray(header, 'floats')).toEqual(Float32Array.of(0.5));
  });

  it('give undefined where the key is absent', () => {
    for (const get of [ggufString, ggufNumber, ggufBoolean, ggufStringArray, ggufNumberArray])
      expect(get(header, 'absent')).toBeUndefined();
  });

  it.each([
    [ggufString, 'number', 'u32'],
    [ggufString, 'texts', 'str[]'],
    [ggufNumber, 'text', 'str'],
    [ggufNumber, 'flag', 'bool'],
    [ggufNumber, 'floats', 'f32[]'],
    [ggufBoolean, 'number', 'u32'],
    [ggufStringArray, 'text', 'str'],
    [ggufStringArray, 'floats', 'f32[]'],
    [ggufNumberArray, 'texts', 'str[]'],
    [ggufNumberArray, 'flags', 'bool[]'],
    [ggufNumberArray, 'larges', 'u64[]'],
    [ggufNumberArray, 'float', 'f32'],
  ])('%o names the type that it found under %j', async (get, key, found) => {
    expect(await errorOf(() => get(header, key))).toMatchObject({
      code: 'gguf.wrongValueType',
      params: { file: 'model.gguf', key, found },
    });
  });

  it('refuse a number that would be rounded', async () => {
    expect(await errorOf(() => ggufNumber(header, 'too large'))).toMatchObject({
      code: 'gguf.numberTooLarge',
      params: { found: '9007199254740992' },
    });
  });
});
