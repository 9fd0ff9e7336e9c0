/**
 * The tokens that would write a run of `size` tokens a second time (no-repeat n-grams, arXiv 1705.04304, section 2.5). As in
 * transformers' `NoRepeatNGramLogitsProcessor`, runs of the prompt count as well. Runs are told as the answer grows: a token costs one
 * entry, however long the text is.
 */
export class RepeatedNgrams {
  /** What has followed each run of `size - 1` tokens. */
  readonly #followers = new Map<string, Set<number>>();
  readonly #before: number[] = [];
  readonly #size: number;

  /** @param size tokens of a run, at least 1: with 1 no token comes twice */
  constructor(size: number, prompt: Iterable<number>) {
    this.#size = size;
    for (const token of prompt) this.push(token);
  }

  push(token: number): void {
    if (this.#before.length === this.#size - 1) {
      const key = this.#key();
      const followers = this.#followers.get(key);
      if (followers === undefined) this.#followers.set(key, new Set([token]));
      else followers.add(token);
    }
    this.#before.push(token);
    if (this.#before.length >= this.#size) this.#before.shift();
  }

  /** Tokens that may not come next. */
  banned(): ReadonlySet<number> {
    return this.#followers.get(this.#key()) ?? new Set();
  }

  #key(): string {
    return this.#before.join(' ');
  }
}
