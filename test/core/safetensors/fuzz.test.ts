import { describe, expect, it } from 'vitest';
import { memorySource } from '#core/byte-source.ts';
import { AppError } from '#core/errors/index.ts';
import { JsonScanner } from '#core/safetensors/json-scanner.ts';
import { readSafetensors } from '#core/safetensors/read.ts';
import { readTestFile, seededRandom } from '#test/byte-source.ts';
import { mutate } from '#test/mutate.ts';

describe('safetensors under mutation', () => {
  it('gives a header that keeps its promises, or a coded error: 6,000 damaged files', async () => {
    const file = readTestFile('golden/safetensors/dtypes.safetensors');
    const random = seededRandom(7);
    const endings = new Map<string, number>();
    for (let round = 0; round < 6000; round += 1) {
      const bytes = mutate(file, random, [
        '{',
        '}',
        '"',
        ',',
        ':',
        '0',
        '9',
        '-',
        '[0,0]',
        '1e3',
        '\\u0000',
        '99999999999999999999',
        '"F32"',
        'null',
      ]);
      const ending = await ended(bytes);
      endings.set(ending, (endings.get(ending) ?? 0) + 1);
    }
    // The damage reaches the deeper checks, not only the first one.
    expect(endings.size).toBeGreaterThan(9);
    expect(endings.get('read')).toBeGreaterThan(100);
  });
});

async function ended(bytes: Uint8Array): Promise<string> {
  try {
    const { tensors } = await readSafetensors(memorySource(bytes));
    let end = tensors[0]?.offset ?? bytes.byteLength;
    for (const tensor of tensors) {
      expect(tensor.offset).toBe(end);
      end += tensor.sizeBytes;
    }
    expect(end).toBe(bytes.byteLength);
    return 'read';
  } catch (error) {
    if (error instanceof AppError && /^(safetensors|format)\./.test(error.code)) return error.code;
    throw error;
  }
}

describe('JsonScanner', () => {
  const failures = { invalid: () => new Error('invalid'), duplicate: () => new Error('duplicate'), tooLarge: () => new Error('too large') };
  const scan = (text: string): string => {
    try {
      const scanner = new JsonScanner(text, failures);
      scanner.skip();
      scanner.end();
      return 'valid';
    } catch (error) {
      return error instanceof Error ? error.message : 'unknown';
    }
  };

  it('takes and refuses what JSON.parse takes and refuses: 20,000 damaged texts', () => {
    const text = new TextEncoder().encode('{"a":[1,-0.5e+3,true,false,null,"x\\u00e9\\n\\"",{}],"b":{"c":[],"d":"\u4e2d"},"e":0}');
    const random = seededRandom(3);
    let valid = 0;
    for (let round = 0; round < 20_000; round += 1) {
      const damaged = new TextDecoder().decode(
        mutate(text, random, ['"', '\\', '{', '}', '[', ']', ',', ':', '0', '1', '.', 'e', '-', '+', 'true', ' ', '\t', '\u0001', '"b"']),
      );
      let expected = 'valid';
      try {
        JSON.parse(damaged);
      } catch {
        expected = 'invalid';
      }
      const found = scan(damaged);
      // JSON.parse does not mind a duplicate key.
      if (found !== 'duplicate') expect([damaged, found]).toEqual([damaged, expected]);
      if (found === 'valid') valid += 1;
    }
    expect(valid).toBeGreaterThan(500);
  });

  it.each([
    '01',
    '1.',
    '.5',
    '+1',
    '1e',
    '0x10',
    "'a'",
    '"\t"',
    '"\\x"',
    '"\\u12"',
    'tru',
    'nulll',
    'undefined',
    'NaN',
    'Infinity',
    '',
    '[1 2]',
    '{a:1}',
    '{"a"}',
    '[1,]',
  ])('refuses %j', (text) => {
    expect(scan(text)).toBe('invalid');
  });
});
