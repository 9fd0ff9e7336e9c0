import type { LlamaModel, Token } from 'node-llama-cpp';

/** What decodes tokens into text; `last` are tokens before them, which decide about a leading space. */
export type Detokenize = (tokens: readonly Token[], last: readonly Token[]) => string;

export const modelDetokenizer =
  (model: LlamaModel): Detokenize =>
  (tokens, last) =>
    model.detokenize(tokens, false, last);

/** A character of UTF-8 takes at most four bytes, and a token at least one of them. */
const MAX_TOKENS_PER_CHARACTER = 4;

/** Tokens before the new ones that are given to the decoder; it looks back no further. */
const LOOK_BACK = 8;

/** The decoder puts this where bytes are not a whole character. */
const REPLACEMENT = '\uFFFD';

/** Turns tokens into text as they come. A character that is spread over tokens comes out with the last of them. */
export class TokenText {
  private readonly detokenize: Detokenize;
  /** Tokens whose text is out, or that come from the prompt. */
  private before: Token[];
  private pending: Token[] = [];

  constructor(detokenize: Detokenize, prompt: readonly Token[]) {
    this.detokenize = detokenize;
    this.before = prompt.slice(-LOOK_BACK);
  }

  /** The text that this token completes; empty while a character is not whole. */
  push(token: Token): string {
    this.pending.push(token);
    const text = this.detokenize(this.pending, this.before);
    // What is not whole after four tokens never will be: the model itself made bytes that are no text.
    if (text.endsWith(REPLACEMENT) && this.pending.length < MAX_TOKENS_PER_CHARACTER) return '';
    return this.take(text);
  }

  /** What is left when no more tokens come. */
  end(): string {
    return this.pending.length === 0 ? '' : this.take(this.detokenize(this.pending, this.before));
  }

  private take(text: string): string {
    this.before = [...this.before, ...this.pending].slice(-LOOK_BACK);
    this.pending = [];
    return text;
  }
}
