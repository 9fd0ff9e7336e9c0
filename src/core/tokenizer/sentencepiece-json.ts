import { AppError } from '../errors/index.ts';
import { excerpt, excerptOfJson } from '../excerpt.ts';
import type { Config } from '../model/config.ts';
import type { TokenRows } from './byte-level.ts';
import { TokenTable, vocabularyRows } from './token-table.ts';
import type { AddedToken, TokenizerJson } from './tokenizer-json.ts';
import { TokenType } from './types.ts';

const BYTE_TOKEN = /^<0x[0-9A-Fa-f]{2}>$/;

/** Normalizers that the runtime applies too (the space mark), or whose absence changes rare characters only. */
const HARMLESS_NORMALIZERS: ReadonlySet<unknown> = new Set(['Prepend', 'Replace', 'NFC', 'NFKC', 'Precompiled']);

/**
 * The rows of a SentencePiece-like BPE vocabulary that is there only as tokenizer.json. The runtime ("llama") merges the
 * pair whose product has the highest score, so the score of a product is minus the rank, from 1, of the first merge that
 * makes it: the order that SentencePiece itself stores. A token of several characters that no merge makes comes last.
 * @throws tokenizer.unsupportedNormalizer, tokenizer.idOutOfRange, tokenizer.tooManyTokens
 */
export function sentencePieceJsonRows(json: TokenizerJson, added: readonly AddedToken[], config: Config): TokenRows {
  for (const { type } of json.normalizers)
    if (!HARMLESS_NORMALIZERS.has(type))
      throw new AppError('tokenizer.unsupportedNormalizer', { normalizer: typeof type === 'string' ? excerpt(type) : excerptOfJson(type) });

  const idOf = new Map([...json.vocabulary].map(([id, token]) => [token, id]));
  const ranks = new Map<string, number>();
  json.merges.forEach(([left, right], index) => {
    if (!ranks.has(left + right)) ranks.set(left + right, index + 1);
  });
  const lastScore = -(json.merges.length + 1);
  const score = (token: string): number => {
    const rank = ranks.get(token);
    if (rank !== undefined) return -rank;
    return BYTE_TOKEN.test(token) || [...token].length === 1 ? 0 : lastScore;
  };

  const table = new TokenTable(vocabularyRows(config, [...json.vocabulary.keys(), ...added.map(({ id }) => id)]));
  for (const [id, token] of json.vocabulary) table.set(id, token, BYTE_TOKEN.test(token) ? TokenType.byte : TokenType.normal, score(token));
  for (const token of added) {
    const id = idOf.get(token.content) ?? token.id;
    // gemma3 lists an image token that the text model has no row for; no text can need it.
    if (id >= table.rows) continue;
    table.setAdded({ ...token, id }, 0);
    idOf.set(token.content, id);
  }
  const unknown = json.unknownToken === undefined ? undefined : idOf.get(json.unknownToken);
  if (unknown !== undefined && json.unknownToken !== undefined) table.set(unknown, json.unknownToken, TokenType.unknown);
  return { table, idOf };
}
