import { describe, expect, it } from 'vitest';
import { memorySource } from '#core/byte-source.ts';
import { readGguf } from '#core/gguf/read.ts';
import { planGguf } from '#core/gguf/write.ts';
import { vocabularyMetadata } from '#core/tokenizer/metadata.ts';
import { byteLevelJson, spaceMarkJson, vocabularyOf } from './fixtures.ts';

describe('the metadata of a vocabulary', () => {
  it("has llama.cpp's keys and value types, in its converter's order", () => {
    const ids = { bos_token_id: 0, eos_token_id: 1, unk_token_id: 2, sep_token_id: 3, pad_token_id: 0, mask_token_id: 1 };
    const tokenizerConfig = JSON.stringify({
      eot_token: 'ab',
      add_bos_token: true,
      add_eos_token: false,
      add_sep_token: true,
      chat_template: [
        { name: 'default', template: 'D' },
        { name: 'rag', template: 'R' },
      ],
    });
    const entries = vocabularyMetadata(vocabularyOf({ tokenizerJson: byteLevelJson(), tokenizerConfig }, ids));
    const shown = entries.map(([key, value]) => [key, value.type === 'arr' ? `${value.elementType}[]` : value.type, value.value]);
    expect(shown).toEqual([
      ['tokenizer.ggml.model', 'str', 'gpt2'],
      ['tokenizer.ggml.pre', 'str', 'given'],
      ['tokenizer.ggml.tokens', 'str[]', ['a', 'b', 'ab', 'Ġ']],
      ['tokenizer.ggml.token_type', 'i32[]', Int32Array.of(1, 1, 1, 1)],
      ['tokenizer.ggml.merges', 'str[]', ['a b']],
      ['tokenizer.ggml.bos_token_id', 'u32', 0],
      ['tokenizer.ggml.eos_token_id', 'u32', 1],
      ['tokenizer.ggml.unknown_token_id', 'u32', 2],
      ['tokenizer.ggml.seperator_token_id', 'u32', 3],
      ['tokenizer.ggml.padding_token_id', 'u32', 0],
      ['tokenizer.ggml.mask_token_id', 'u32', 1],
      ['tokenizer.ggml.eot_token_id', 'u32', 2],
      ['tokenizer.ggml.add_bos_token', 'bool', true],
      ['tokenizer.ggml.add_eos_token', 'bool', false],
      ['tokenizer.ggml.add_sep_token', 'bool', true],
      ['tokenizer.chat_template.rag', 'str', 'R'],
      ['tokenizer.chat_templates', 'str[]', ['rag']],
      ['tokenizer.chat_template', 'str', 'D'],
    ]);
  });

  it('comes back the same from a file', async () => {
    const metadata = new Map(vocabularyMetadata(vocabularyOf({ tokenizerJson: spaceMarkJson() })));
    const file = memorySource(planGguf({ metadata, tensors: [] }).header);
    expect((await readGguf(file)).metadata).toEqual(metadata);
    expect(metadata.get('tokenizer.ggml.scores')).toEqual({
      type: 'arr',
      elementType: 'f32',
      value: Float32Array.of(0, -3, 0, 0, 0, 0, -1, -2),
    });
  });
});
