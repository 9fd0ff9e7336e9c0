import { excerpt } from '../excerpt.ts';
import { isConfig } from '../model/config.ts';
import type { Config } from '../model/config.ts';
import type { TokenizerJson } from './tokenizer-json.ts';

/**
 * Recognises a splitting rule by what tokenizer.json says of it, for vocabularies that nobody hashed before. The
 * expressions are those that llama.cpp implements (`llm_tokenizer_bpe`, src/llama-vocab.cpp), in the spelling of
 * tokenizer.json files, without the closing `|\s+`: llama.cpp makes a word of what is left between matches.
 */

/** English contractions in any case. */
const CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
const CONTRACTION_SPELLINGS = ["(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])", "'(?i:[sdmt]|ll|ve|re)"];

const GPT2 = String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)`;
const DIGIT = String.raw`\p{N}`;

/** The shape that cl100k began: contractions, words with one mark before them, digits, marks, line ends, spaces. */
const words = (digits: string): string =>
  String.raw`${CONTRACTIONS}|[^\r\n\p{L}\p{N}]?\p{L}+|${digits}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)`;

/** The shape that o200k began: words end where the case changes. */
const casedWords = (contractions: string, digits: string): string => {
  const upper = String.raw`[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]`;
  const lower = String.raw`[\p{Ll}\p{Lm}\p{Lo}\p{M}]`;
  const before = String.raw`[^\r\n\p{L}\p{N}]?`;
  return String.raw`${before}${upper}*${lower}+${contractions}|${before}${upper}+${lower}*${contractions}|${digits}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)`;
};

interface Splitter {
  readonly name: string;
  readonly expressions: readonly string[];
  /** Several names share an expression and differ in whether a word that is a token is taken whole. */
  readonly ignoreMerges?: boolean;
}

const splitters: readonly Splitter[] = [
  { name: 'gpt-2', expressions: [GPT2] },
  { name: 'smollm', expressions: [DIGIT, GPT2] },
  { name: 'llama-bpe', expressions: [words(String.raw`\p{N}{1,3}`)], ignoreMerges: true },
  { name: 'smaug-bpe', expressions: [words(String.raw`\p{N}{1,3}`)] },
  { name: 'qwen2', expressions: [words(DIGIT)] },
  { name: 'laguna', expressions: [String.raw`[^\n]+|[\n]+`, words(DIGIT)] },
  { name: 'minicpm5', expressions: [String.raw`\p{N}{1,3}`, words(String.raw`\p{N}+`)], ignoreMerges: true },
  {
    name: 'qwen35',
    expressions: [String.raw`${CONTRACTIONS}|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)`],
  },
  {
    name: 'bailingmoe',
    expressions: [String.raw`${CONTRACTIONS}|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]|\s+(?!\S)`],
  },
  {
    name: 'seed-coder',
    expressions: [String.raw`${CONTRACTIONS}|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+|\s*[\r\n]+|\s+(?!\S)`],
  },
  {
    name: 'exaone-moe',
    expressions: [
      String.raw`${CONTRACTIONS}|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]?|\s*[\r\n]|\s+(?!\S)`,
    ],
  },
  { name: 'tekken', expressions: [casedWords('', DIGIT)], ignoreMerges: true },
  { name: 'gpt-4o', expressions: [casedWords(`${CONTRACTIONS}?`, String.raw`\p{N}{1,3}`)] },
  {
    name: 'tiny_aya',
    expressions: [String.raw`\d{1,3}(?=(?:\d{3})*\b)`, casedWords(`${CONTRACTIONS}?`, String.raw`\p{N}{1,3}`)],
  },
  { name: 'deepseek-coder', expressions: [String.raw`[\r\n]`, String.raw`\s?\p{L}+`, String.raw`\s?\p{P}+`, '[一-龥ࠀ-一가-퟿]+', DIGIT] },
  {
    name: 'deepseek-v3',
    expressions: [
      String.raw`\p{N}{1,3}`,
      '[一-龥぀-ゟ゠-ヿ]+',
      String.raw`[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_${'`'}{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)`,
    ],
  },
];

/** One spelling for expressions that match the same. */
function canonical(expression: string): string {
  let text = expression.replaceAll('\r', String.raw`\r`).replaceAll('\n', String.raw`\n`);
  for (const spelling of CONTRACTION_SPELLINGS) text = text.replaceAll(spelling, CONTRACTIONS);
  // Possessive quantifiers: none of the known expressions can match more by giving characters back.
  text = text.replaceAll('?+', '?').replaceAll('++', '+');
  return text.endsWith(String.raw`|\s+`) ? text.slice(0, -4) : text;
}

/** A step as the expression that makes its words, `null` where it only spells bytes, undefined where none does the same. */
function stepExpression(step: Config): string | null | undefined {
  switch (step['type']) {
    case 'ByteLevel':
      if (step['add_prefix_space'] !== false) return undefined;
      return step['use_regex'] === false ? null : GPT2;
    case 'Digits':
      return step['individual_digits'] === true ? DIGIT : undefined;
    case 'Split': {
      // What lies between matches is a word too ("Isolated"), or the matches alone are, where they leave nothing out.
      const keeps =
        (step['behavior'] === 'Isolated' && step['invert'] !== true) || (step['behavior'] === 'Removed' && step['invert'] === true);
      const expression = isConfig(step['pattern']) ? step['pattern']['Regex'] : undefined;
      return keeps && typeof expression === 'string' ? canonical(expression) : undefined;
    }
    default:
      return undefined;
  }
}

/**
 * llama.cpp's name for the rule by which a byte-level tokenizer splits text, or undefined where it has none. Composing
 * characters (NFC) is not looked at, as upstream does with Qwen2: text is almost always composed already.
 */
export function splitterName(json: TokenizerJson): string | undefined {
  if (json.normalizers.some(({ type }) => type !== 'NFC')) return undefined;
  const expressions: string[] = [];
  for (const step of json.preTokenizers) {
    const expression = stepExpression(step);
    if (expression === undefined) return undefined;
    if (expression !== null) expressions.push(expression);
  }
  return splitters.find(
    (splitter) =>
      (splitter.ignoreMerges ?? false) === json.ignoreMerges &&
      splitter.expressions.length === expressions.length &&
      splitter.expressions.every((expression, index) => expression === expressions[index]),
  )?.name;
}

const typeOf = ({ type }: Config): string => (typeof type === 'string' ? type : 'a step without a name');

/** The rule in few words, for the message that it is not known. */
export function describeSplitter(json: TokenizerJson): string {
  const steps = [...json.normalizers, ...json.preTokenizers].map((step) => {
    const pattern = isConfig(step['pattern']) ? (step['pattern']['Regex'] ?? step['pattern']['String']) : undefined;
    return typeof pattern === 'string' ? `${typeOf(step)} ${canonical(pattern)}` : typeOf(step);
  });
  return excerpt([...steps, ...(json.ignoreMerges ? ['ignore_merges'] : [])].join(', ') || 'no rule at all');
}
