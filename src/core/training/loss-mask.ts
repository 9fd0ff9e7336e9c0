/** Which tokens a model learns to say. */

/** Characters [start, end) of a text. */
export interface TextSpan {
  readonly start: number;
  readonly end: number;
}

/**
 * 1 for each token that begins inside one of `trained`, else 0. `tokens` are the tokenizer's own offsets into the text; a
 * token without characters (BOS) is never trained. A token that begins before a span and reaches into it is not trained: it
 * would teach the model to say what stands before.
 * `trained` is in order and without overlaps.
 */
export function lossMask(tokens: readonly TextSpan[], trained: readonly TextSpan[]): Uint8Array {
  const mask = new Uint8Array(tokens.length);
  let at = 0;
  for (const [index, token] of tokens.entries()) {
    while ((trained[at]?.end ?? Infinity) <= token.start) at++;
    const span = trained[at];
    if (span !== undefined && token.end > token.start && token.start >= span.start) mask[index] = 1;
  }
  return mask;
}
