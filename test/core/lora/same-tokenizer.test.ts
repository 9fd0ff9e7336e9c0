import { expect, test } from 'vitest';
import { arr, bool, str, type GgufMetadata, type GgufValue } from '#core/gguf/values.ts';
import { changedTokenizerField, isTemplateChanged } from '#core/lora/same-tokenizer.ts';

const metadata = (own: Readonly<Record<string, GgufValue>> = {}): GgufMetadata =>
  new Map(
    Object.entries({
      'general.name': str('one'),
      'tokenizer.ggml.tokens': arr('str', ['a', 'b']),
      'tokenizer.ggml.add_bos_token': bool(true),
      'tokenizer.chat_template': str('{{ messages }}'),
      ...own,
    }),
  );

test('names are no part of a tokenizer, and what only one file says is no difference', () => {
  const named = metadata({ 'general.name': str('other'), 'tokenizer.ggml.pre': str('default') });
  expect(changedTokenizerField(metadata(), named)).toBeUndefined();
  expect(isTemplateChanged(metadata(), named)).toBe(false);
});

test.each([
  ['tokenizer.ggml.tokens', arr('str', ['a', 'c'])],
  ['tokenizer.ggml.tokens', arr('str', ['a'])],
  ['tokenizer.ggml.add_bos_token', bool(false)],
])('%s decides', (key, value) => expect(changedTokenizerField(metadata(), metadata({ [key]: value }))).toBe(key));

test('a template that is another, or gone, is a change', () => {
  const without = new Map(metadata());
  without.delete('tokenizer.chat_template');
  expect(isTemplateChanged(metadata(), metadata({ 'tokenizer.chat_template': str('{{ other }}') }))).toBe(true);
  expect(isTemplateChanged(metadata(), without)).toBe(true);
  expect(isTemplateChanged(without, without)).toBe(false);
});
