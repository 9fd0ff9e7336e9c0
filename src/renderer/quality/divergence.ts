/** A text in two parts: as far as another one says the same, and from the first word in which it differs. */
export interface Divided {
  readonly same: string;
  readonly rest: string;
}

/** Where two continuations part, at a whole word; Chinese has no spaces, so there at the character. */
export function divide(source: string, variant: string): { readonly source: Divided; readonly variant: Divided } {
  let at = 0;
  while (at < source.length && at < variant.length && source[at] === variant[at]) at += 1;
  const isInside = (text: string): boolean => at > 0 && at < text.length && /[\p{Script=Latin}\p{N}\p{M}'’-]/u.test(text[at] ?? '');
  const isEnd = at === source.length && at === variant.length;
  if (!isEnd && (isInside(source) || isInside(variant))) {
    const before = source.slice(0, at).search(/[\p{Script=Latin}\p{N}\p{M}'’-]+$/u);
    if (before !== -1) at = before;
  }
  // Half of a pair of surrogates is no character.
  if (at > 0 && /[\uD800-\uDBFF]/.test(source[at - 1] ?? '')) at -= 1;
  const split = (text: string): Divided => ({ same: text.slice(0, at), rest: text.slice(at) });
  return { source: split(source), variant: split(variant) };
}
