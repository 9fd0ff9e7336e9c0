import { AppError } from '../errors/index.ts';
import { excerpt } from '../excerpt.ts';
import { count } from '../model/config.ts';
import type { Config } from '../model/config.ts';
import { looksSpecial } from './added-tokens.ts';
import type { AddedToken } from './tokenizer-json.ts';
import { MAX_TOKENS, TokenType } from './types.ts';

/** Scores that llama.cpp's converter gives to padding and to added tokens of a SentencePiece vocabulary. */
export const PADDING_SCORE = -10000;
export const ADDED_SCORE = -1000;

/**
 * The rows of a vocabulary while it is put together: as many as the model's embedding has. Rows that no token fills stay
 * padding, `[PAD<id>]`.
 */
export class TokenTable {
  readonly #tokens: string[];
  readonly tokenTypes: Int32Array;
  readonly scores: Float32Array;

  /** @throws tokenizer.tooManyTokens */
  constructor(rows: number) {
    if (rows > MAX_TOKENS) throw new AppError('tokenizer.tooManyTokens', { found: rows, limit: MAX_TOKENS });
    this.#tokens = Array.from({ length: rows }, (_, id) => `[PAD${id}]`);
    this.tokenTypes = new Int32Array(rows).fill(TokenType.unused);
    this.scores = new Float32Array(rows).fill(PADDING_SCORE);
  }

  get rows(): number {
    return this.#tokens.length;
  }

  /** Fill a row. An id without one is refused: `tokenizer.idOutOfRange`. */
  set(id: number, token: string, type: TokenType, score = 0): void {
    if (id >= this.rows) throw new AppError('tokenizer.idOutOfRange', { token: excerpt(token), id, rows: this.rows });
    this.#tokens[id] = token;
    this.tokenTypes[id] = type;
    this.scores[id] = score;
  }

  /** Added tokens are found in the text as they are, before it is split, so a space in them is a space. */
  setAdded({ id, content, special }: AddedToken, score = ADDED_SCORE): void {
    if (special || looksSpecial(content)) this.set(id, content, TokenType.control, score);
    else this.set(id, content.replaceAll('\u2581', ' '), TokenType.userDefined, score);
  }

  /**
   * The tokens as C strings, each there once: llama.cpp stops the whole process at a second one. Of equal tokens the
   * first that is no padding keeps its text; the others, which no text can reach, are renamed and marked unused.
   */
  distinctTokens(): string[] {
    const taken = new Set<string>();
    const order = this.#tokens.map((_, id) => id);
    const isPadding = (id: number): boolean => this.tokenTypes[id] === TokenType.unused;
    for (const id of [...order.filter((row) => !isPadding(row)), ...order.filter(isPadding)]) {
      const token = (this.#tokens[id] ?? '').toWellFormed();
      if (token !== '' && !token.includes('\0') && !taken.has(token)) {
        this.#tokens[id] = token;
      } else {
        let name = `[UNUSED${id}]`;
        while (taken.has(name)) name = `[${name}]`;
        this.#tokens[id] = name;
        this.tokenTypes[id] = TokenType.unused;
      }
      taken.add(this.#tokens[id] ?? '');
    }
    return this.#tokens;
  }
}

/** How many rows the model's embedding has: `vocab_size`, or as many as the tokens need where config.json does not say. */
export function vocabularyRows(config: Config, ids: Iterable<number>): number {
  let rows = 0;
  for (const id of ids) rows = Math.max(rows, id + 1);
  return count.optional(config, 'vocab_size') ?? rows;
}
