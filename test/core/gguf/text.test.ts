import { describe, expect, it } from 'vitest';
import { memorySource } from '#core/byte-source.ts';
import { readGguf } from '#core/gguf/read.ts';
import { decodeText, encodeText } from '#core/gguf/text.ts';
import { planGguf } from '#core/gguf/write.ts';
import { seededRandom } from '#test/byte-source.ts';
import { gguf } from './bytes.ts';

describe('text that may not be UTF-8', () => {
  it.each([
    ['ASCII', [0x61, 0x00, 0x7f], 'a\0\x7f'],
    ['characters of two, three and four bytes', [0xc4, 0xa0, 0xe4, 0xb8, 0xad, 0xf0, 0x9f, 0x98, 0x80], '\u0120\u4e2d\u{1F600}'],
    ['a byte order mark', [0xef, 0xbb, 0xbf, 0x61], '\uFEFFa'],
    ['a lone byte', [0x61, 0xff, 0x62], 'a\udcffb'],
    ['half a character', [0xe4, 0xb8], '\udce4\udcb8'],
    ['an overlong slash', [0xc0, 0xaf], '\udcc0\udcaf'],
    ['an encoded surrogate', [0xed, 0xb2, 0x80], '\udced\udcb2\udc80'],
    ['a character above the last', [0xf4, 0x90, 0x80, 0x80], '\udcf4\udc90\udc80\udc80'],
  ])('decodes %s as Python does with surrogateescape, and back', (_, bytes, text) => {
    expect(decodeText(Uint8Array.from(bytes))).toBe(text);
    expect([...encodeText(text)]).toEqual(bytes);
  });

  it('gives back any bytes: 3,000 random ones', () => {
    const random = seededRandom(11);
    const pool = [0x00, 0x41, 0x7f, 0x80, 0xa0, 0xbf, 0xc2, 0xdf, 0xe0, 0xed, 0xef, 0xf0, 0xf4, 0xf5, 0xff];
    for (let round = 0; round < 3000; round += 1) {
      const bytes = Uint8Array.from({ length: Math.floor(random() * 12) }, () => pool[Math.floor(random() * pool.length)] ?? 0);
      expect([...encodeText(decodeText(bytes))]).toEqual([...bytes]);
    }
  });

  it('copies a vocabulary with bytes that are no text, losing nothing', async () => {
    const tokens = [[0xe4], [0xb8, 0xad], [], [0xe4, 0xb8, 0xad], [0x61], [0xf0, 0x9f], [0x98, 0x80]];
    const bytes = gguf().head(0, 1).string('tokens').u32(9).u32(8).u64(tokens.length);
    for (const token of tokens) bytes.string(token);
    const { metadata } = await readGguf(memorySource(bytes.done()));
    // Cut apart, the pieces of a character are not the character.
    expect(metadata.get('tokens')).toEqual({
      type: 'arr',
      elementType: 'str',
      value: ['\udce4', '\udcb8\udcad', '', '\u4e2d', 'a', '\udcf0\udc9f', '\udc98\udc80'],
    });
    expect([...planGguf({ metadata, tensors: [] }).header]).toEqual([...bytes.pad().done()]);
  });
});
