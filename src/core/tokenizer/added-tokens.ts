import { AppError } from '../errors/index.ts';
import { excerpt } from '../excerpt.ts';
import { isConfig } from '../model/config.ts';
import type { Config } from '../model/config.ts';
import { parseObject, tokenizerFileNames } from './files.ts';
import type { TokenizerFiles } from './files.ts';
import { specialContents } from './settings.ts';
import { checkId } from './tokenizer-json.ts';
import type { AddedToken, TokenizerJson } from './tokenizer-json.ts';

function fromAddedTokensFile(files: TokenizerFiles): AddedToken[] {
  const name = tokenizerFileNames.addedTokens;
  const object = parseObject(name, files.addedTokens);
  return Object.entries(object).map(([content, id]) => ({ id: checkId(id, content, name), content, special: false }));
}

function fromSettings(settings: Config): AddedToken[] {
  const file = tokenizerFileNames.tokenizerConfig;
  const decoder = settings['added_tokens_decoder'];
  if (decoder === undefined || decoder === null) return [];
  if (!isConfig(decoder)) throw new AppError('tokenizer.invalidField', { file, field: 'added_tokens_decoder', expected: 'an object' });
  return Object.entries(decoder).map(([key, token]) => {
    const content = isConfig(token) ? token['content'] : undefined;
    if (typeof content !== 'string')
      throw new AppError('tokenizer.invalidField', {
        file,
        field: `added_tokens_decoder.${excerpt(key)}`,
        expected: 'a token with its text',
      });
    // Keys are numbers in decimal; anything else becomes NaN or a fraction and is refused.
    const id = checkId(/^-?\d+$/.test(key) ? Number(key) : key, content, file);
    return { id, content, special: isConfig(token) && token['special'] === true };
  });
}

/**
 * Tokens that were added to a finished vocabulary, by id. added_tokens.json is the oldest form and is overridden by
 * tokenizer.json, that by tokenizer_config.json. What the settings name as `bos_token` and the like is special too.
 */
export function readAddedTokens(files: TokenizerFiles, settings: Config, json: TokenizerJson | undefined): AddedToken[] {
  const special = specialContents(settings);
  const byId = new Map<number, AddedToken>();
  for (const token of [...fromAddedTokensFile(files), ...(json?.addedTokens ?? []), ...fromSettings(settings)])
    byId.set(token.id, { ...token, special: token.special || special.has(token.content) });
  return [...byId.values()].toSorted((a, b) => a.id - b.id);
}

const ODD_SPECIALS: ReadonlySet<string> = new Set(['<pad>', '<mask>', '<2mass>', '[@BOS@]']);

/**
 * Some models forget to mark control tokens as special (command-r, deepseek-coder, gemma). llama.cpp's converter tells
 * them by these texts (`does_token_look_special`, conversion/base.py).
 */
export const looksSpecial = (token: string): boolean =>
  ODD_SPECIALS.has(token) || /^<\|.*\|>$/s.test(token) || /^<｜.*｜>$/s.test(token) || /^<unused.*>$/s.test(token);
