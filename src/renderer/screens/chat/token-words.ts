/** How likely a token was, in four bands; the limits are probabilities. */
export type ProbabilityBand = 'sure' | 'likely' | 'unsure' | 'rare';

/** @param logprob natural logarithm of the probability */
export function probabilityBand(logprob: number): ProbabilityBand {
  const probability = Math.exp(logprob);
  if (probability >= 0.9) return 'sure';
  if (probability >= 0.5) return 'likely';
  return probability >= 0.1 ? 'unsure' : 'rare';
}

/** A token's text with what cannot be seen in it. */
export function visibleToken(text: string): string {
  if (text === '') return '∅';
  return text
    .replaceAll('\n', '↵')
    .replaceAll('\t', '⇥')
    .replace(/^ | $/g, '␣')
    .replace(/[\p{Cc}\p{Cf}]/gu, (letter) => `U+${(letter.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`);
}
