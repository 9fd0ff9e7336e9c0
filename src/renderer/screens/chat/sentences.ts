/** Ends of what can be read out by itself: a sentence or a line. A point within a number or an address is none. */
const SENTENCE_END = /[.!?…]["')\]]*(?=\s)|[。！？；]["'”’」』）]*|\n+/gu;

/**
 * The whole sentences of a growing text that come after a place in it, and where they end.
 * @param final the text will not grow: what is left counts as a sentence
 */
export function newSentences(text: string, from: number, final: boolean): { readonly said: string; readonly upTo: number } {
  if (final) return { said: text.slice(from).trim(), upTo: text.length };
  let upTo = from;
  for (const match of text.slice(from).matchAll(SENTENCE_END)) upTo = from + match.index + match[0].length;
  return { said: text.slice(from, upTo).trim(), upTo };
}
