import type { Config } from '../model/config.ts';
import type { TokenRows } from './byte-level.ts';
import type { SentencePieceModel } from './sentencepiece-model.ts';
import { TokenTable, vocabularyRows } from './token-table.ts';
import type { AddedToken } from './tokenizer-json.ts';
import { TokenType } from './types.ts';

/**
 * The rows of a SentencePiece BPE vocabulary (`tokenizer.ggml.model` = "llama"), with the tokens added to it.
 * @throws tokenizer.idOutOfRange, tokenizer.tooManyTokens
 */
export function sentencePieceRows({ pieces }: SentencePieceModel, added: readonly AddedToken[], config: Config): TokenRows {
  const idOf = new Map(pieces.map(({ text }, id) => [text, id]));
  const table = new TokenTable(vocabularyRows(config, [pieces.length - 1, ...added.map(({ id }) => id)]));
  for (const [id, { text, score, type }] of pieces.entries())
    table.set(id, type === TokenType.userDefined ? text.replaceAll('\u2581', ' ') : text, type, score);
  for (const token of added) {
    // gemma3 lists an image token that the text model has no row for; no text can need it.
    if (token.id >= table.rows) continue;
    table.setAdded(token);
    idOf.set(token.content, token.id);
  }
  return { table, idOf };
}
