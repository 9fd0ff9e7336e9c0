import { describe, expect, it } from 'vitest';
import { vocabularyMetadata } from '#core/tokenizer/metadata.ts';
import { readTestFile } from '#test/byte-source.ts';
import { byteLevelJson, vocabularyOf } from './fixtures.ts';

interface Case {
  readonly name: string;
  readonly tokenizer: { readonly added_tokens: { readonly id: number; readonly content: string }[] };
  readonly tokenizer_config: object;
  readonly config: object;
  readonly files?: Readonly<Record<string, string>>;
  readonly expected: Readonly<Record<string, unknown>>;
}

const cases = JSON.parse(new TextDecoder().decode(readTestFile('golden/tokenizer/special-tokens.json'))) as Case[];

/** A byte-level tokenizer with the case's added tokens, in a vocabulary of 16 rows. */
function filesOf({ tokenizer, tokenizer_config: settings, files = {} }: Case) {
  const model = { vocab: Object.fromEntries(Array.from({ length: 16 }, (_, id) => [`t${id}`, id])), merges: [] };
  const named = {
    'chat_template.jinja': 'chatTemplateJinja',
    'chat_template.json': 'chatTemplateJson',
  } as Record<string, string>;
  const others = Object.entries(files).filter(([file]) => file.startsWith('additional_chat_templates/'));
  return {
    tokenizerJson: byteLevelJson(model, tokenizer),
    tokenizerConfig: JSON.stringify(settings),
    ...Object.fromEntries(Object.entries(files).flatMap(([file, text]) => (named[file] ? [[named[file], text]] : []))),
    additionalChatTemplates: Object.fromEntries(others.map(([file, text]) => [file.split('/')[1]?.replace('.jinja', ''), text])),
  };
}

const NOT_OF_THE_VOCABULARY = /special|_token_id$|add_|chat_template/;

describe('special tokens, marks and chat templates', () => {
  it.each(cases)("are what llama.cpp's converter makes of them: $name", (given) => {
    const entries = vocabularyMetadata(vocabularyOf(filesOf(given), { vocab_size: 16, ...given.config }));
    const found = entries.filter(([key]) => NOT_OF_THE_VOCABULARY.test(key)).map(([key, { value }]) => [key, value]);
    expect(Object.fromEntries(found)).toEqual(given.expected);
  });

  const withTokens = { added_tokens: [{ id: 3, content: '<s>', special: true }] };

  it('are named by special_tokens_map.json where tokenizer_config.json is silent', () => {
    const { specialIds } = vocabularyOf({
      tokenizerJson: byteLevelJson({}, withTokens),
      tokenizerConfig: JSON.stringify({ bos_token: null }),
      specialTokensMap: JSON.stringify({ bos_token: { content: '<s>' }, eos_token: 'ab' }),
    });
    expect(specialIds).toEqual({ bos: 3, eos: 2 });
  });

  it('take the first of several tokens that end an answer', () => {
    expect(vocabularyOf({ tokenizerJson: byteLevelJson() }, { eos_token_id: [2, 1] }).specialIds).toEqual({ eos: 2 });
  });

  it('leave out an id that is none, or that the vocabulary does not have', () => {
    const config = { bos_token_id: -1, eos_token_id: 4, pad_token_id: 1.5, unk_token_id: 'x', sep_token_id: null, mask_token_id: 3 };
    expect(vocabularyOf({ tokenizerJson: byteLevelJson() }, config).specialIds).toEqual({ mask: 3 });
  });

  it('never ask for a mark that the vocabulary does not have: llama.cpp would add another token', () => {
    const tokenizerConfig = JSON.stringify({ add_bos_token: true, add_eos_token: true, eos_token: 'ab' });
    expect(vocabularyOf({ tokenizerJson: byteLevelJson(), tokenizerConfig }).add).toEqual({ bos: false, eos: true });
  });

  it.each([[7], [[1, { name: 3 }]], [{ a: 'b' }]])('ignore a chat template that is none: %j', (template) => {
    const tokenizerConfig = JSON.stringify({ chat_template: template });
    expect(vocabularyOf({ tokenizerJson: byteLevelJson(), tokenizerConfig }).chatTemplates).toEqual({ named: {} });
  });
});
