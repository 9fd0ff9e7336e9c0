export interface PromptPart {
  readonly text: string;
  readonly isSpecial: boolean;
}

/** A prompt cut at its special tokens. Where one is a part of another, the longer one stands. */
export function markSpecial(text: string, specialTokens: readonly string[]): PromptPart[] {
  const longestFirst = specialTokens.filter((token) => token !== '').toSorted((left, right) => right.length - left.length);
  if (longestFirst.length === 0) return text === '' ? [] : [{ text, isSpecial: false }];
  const pattern = new RegExp(`(${longestFirst.map((token) => RegExp.escape(token)).join('|')})`);
  return text
    .split(pattern)
    .map((part, index) => ({ text: part, isSpecial: index % 2 === 1 }))
    .filter((part) => part.text !== '');
}
