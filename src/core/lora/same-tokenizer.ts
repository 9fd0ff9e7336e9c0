import type { GgufMetadata, GgufValue } from '../gguf/values.ts';

/** What decides into which tokens a text is cut, and what stands around it. What only one file says is its writer's habit. */
const DECISIVE = [
  'tokenizer.ggml.model',
  'tokenizer.ggml.pre',
  'tokenizer.ggml.tokens',
  'tokenizer.ggml.merges',
  'tokenizer.ggml.bos_token_id',
  'tokenizer.ggml.eos_token_id',
  'tokenizer.ggml.add_bos_token',
];

/** The first key in which two tokenizers differ. */
export function changedTokenizerField(base: GgufMetadata, merged: GgufMetadata): string | undefined {
  return DECISIVE.find((key) => {
    const [before, after] = [base.get(key), merged.get(key)];
    return before !== undefined && after !== undefined && !sameValue(before, after);
  });
}

export function isTemplateChanged(base: GgufMetadata, merged: GgufMetadata): boolean {
  const [before, after] = [base.get('tokenizer.chat_template'), merged.get('tokenizer.chat_template')];
  return before === undefined || after === undefined ? before !== after : !sameValue(before, after);
}

function sameValue(left: GgufValue, right: GgufValue): boolean {
  if (left.type !== 'arr' || right.type !== 'arr') return left.type !== 'arr' && right.type !== 'arr' && left.value === right.value;
  const [before, after] = [left.value, right.value];
  return before.length === after.length && before.every((element: unknown, i: number) => element === after[i]);
}
