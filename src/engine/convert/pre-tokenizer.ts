import { createHash } from 'node:crypto';
import { runInNewContext } from 'node:vm';
import { Tokenizer } from '@huggingface/tokenizers';
import { AppError } from '#core/errors/index.ts';
import { isConfig, type Config } from '#core/model/config.ts';
import { CHECK_TEXT, preTokenizersByHash } from '#core/tokenizer/pre-tokenizers.ts';
import { describeSplitter, splitterName } from '#core/tokenizer/splitters.ts';
import type { TokenizerJson } from '#core/tokenizer/tokenizer-json.ts';

/**
 * The largest vocabularies take under 3 s. The expressions come from the file, and one can be made that runs for ages.
 */
const TIME_LIMIT_MS = 30_000;

/**
 * How many times longer the steps may make a text, together. Published tokenizers replace a mark by a mark; thirty steps that each write
 * two for one would take all memory.
 */
const MAX_GROWTH = 4096;

/** A bound on how many times longer a step makes a text that is there already. */
function growthOf({ content, replacement, pattern }: Config): number {
  const written = [content, replacement].reduce<number>((most, text) => (typeof text === 'string' ? Math.max(most, text.length) : most), 0);
  const replaced = isConfig(pattern) && typeof pattern['String'] === 'string' ? pattern['String'].length : 0;
  // An expression may match nothing, between any two characters.
  return replaced > 0 ? Math.max(1, written / replaced) : 1 + written;
}

/** Runs foreign expressions; V8 looks at the limit inside a regular expression too. Throws when it runs out. */
const withTimeLimit = <T>(work: () => T, timeout: number): T => runInNewContext('work()', { work }, { timeout }) as T;

/**
 * SHA-256, in hex, of the ids that the tokenizer gives the check text, special tokens included, written as Python writes
 * a list; undefined where the library cannot run the tokenizer.
 */
export function preTokenizerHash(json: TokenizerJson, settings: Config, timeLimitMs = TIME_LIMIT_MS): string | undefined {
  if ([...json.normalizers, ...json.preTokenizers].reduce((growth, step) => growth * growthOf(step), 1) > MAX_GROWTH) return undefined;
  // The library asks for every stage to be named.
  const source = { normalizer: null, pre_tokenizer: null, post_processor: null, decoder: null, added_tokens: [], ...json.source };
  try {
    const ids = withTimeLimit(() => new Tokenizer(source, settings).encode(CHECK_TEXT).ids, timeLimitMs);
    return createHash('sha256')
      .update(`[${ids.join(', ')}]`)
      .digest('hex');
  } catch {
    return undefined;
  }
}

/** The check text holds no combining mark that would tell these two apart, so the expression decides between them. */
const LOOK_ALIKE = { hashed: 'qwen2', expression: 'qwen35' } as const;

/**
 * The name that `tokenizer.ggml.pre` gets: by the hash of what the tokenizer does, which names tokenizers that were
 * published, else by the expressions it splits with. @throws tokenizer.unknownPreTokenizer
 */
export function findPreTokenizer(
  json: TokenizerJson,
  settings: Config,
  namesByHash: ReadonlyMap<string, string> = preTokenizersByHash,
): string {
  const hash = preTokenizerHash(json, settings);
  const byHash = hash === undefined ? undefined : namesByHash.get(hash);
  const byExpression = splitterName(json);
  const name = byHash === LOOK_ALIKE.hashed && byExpression === LOOK_ALIKE.expression ? byExpression : (byHash ?? byExpression);
  if (name === undefined)
    throw new AppError('tokenizer.unknownPreTokenizer', { splitter: describeSplitter(json) }, `hash of the check text: ${hash ?? 'none'}`);
  return name;
}
