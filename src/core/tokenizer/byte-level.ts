import type { Config } from '../model/config.ts';
import { TokenTable, vocabularyRows } from './token-table.ts';
import type { AddedToken, TokenizerJson } from './tokenizer-json.ts';
import { TokenType } from './types.ts';

/** What a kind of tokenizer contributes to a vocabulary. */
export interface TokenRows {
  readonly table: TokenTable;
  /** Where the tokens of a text are looked up: before they were renamed for GGUF. */
  readonly idOf: ReadonlyMap<string, number>;
}

/**
 * The rows of a byte-level BPE vocabulary (`tokenizer.ggml.model` = "gpt2"). Tokens stay in the byte alphabet, added
 * ones are plain text. An added token whose text the vocabulary has under another id only says what that token is: so
 * does the tokenizers library.
 * @throws tokenizer.idOutOfRange, tokenizer.tooManyTokens
 */
export function byteLevelRows(json: TokenizerJson, added: readonly AddedToken[], config: Config): TokenRows {
  const idOf = new Map([...json.vocabulary].map(([id, token]) => [token, id]));
  const placed = added.map((token) => ({ ...token, id: idOf.get(token.content) ?? token.id }));
  const table = new TokenTable(vocabularyRows(config, [...json.vocabulary.keys(), ...placed.map(({ id }) => id)]));
  for (const [id, token] of json.vocabulary) table.set(id, token, TokenType.normal);
  for (const token of placed) {
    table.setAdded(token);
    idOf.set(token.content, token.id);
  }
  return { table, idOf };
}

/**
 * The merges as GGUF holds them, "left right". A space inside a part would split the text elsewhere, so it is written
 * as the byte alphabet's sign for one.
 */
export const ggufMerges = (json: TokenizerJson): string[] =>
  json.merges.map((pair) => pair.map((part) => part.replaceAll(' ', '\u0120')).join(' '));
