import { AppError } from '../errors/index.ts';
import { excerpt, excerptOfJson } from '../excerpt.ts';
import { isConfig } from '../model/config.ts';
import type { Config } from '../model/config.ts';
import { parseObject, tokenizerFileNames } from './files.ts';
import { MAX_TOKENS } from './types.ts';

const file = tokenizerFileNames.tokenizerJson;

export interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly special: boolean;
}

/** A tokenizer.json whose vocabulary and merges were checked. The rest is looked at where it is used. */
export interface TokenizerJson {
  /** `byteLevel`: tokens spell bytes in GPT-2's alphabet. `sentencePiece`: tokens are text, with U+2581 for a space. */
  readonly kind: 'byteLevel' | 'sentencePiece';
  /** Text by id; an id that no token has is absent. */
  readonly vocabulary: ReadonlyMap<number, string>;
  readonly merges: readonly (readonly [left: string, right: string])[];
  readonly unknownToken: string | undefined;
  /** Whether a word that is itself a token is taken whole, without merging. */
  readonly ignoreMerges: boolean;
  readonly addedTokens: readonly AddedToken[];
  /** The steps of each stage, in order, nested sequences laid flat. */
  readonly normalizers: readonly Config[];
  readonly preTokenizers: readonly Config[];
  readonly postProcessors: readonly Config[];
  /** The whole file, for a library that reads it itself. */
  readonly source: Config;
}

/** Nesting of stages in real files is two deep. */
const MAX_STAGE_DEPTH = 8;

const invalidField = (field: string, expected: string): AppError =>
  new AppError('tokenizer.invalidField', { file, field, expected: excerpt(expected) });

/** The steps of a stage (`normalizer`, `pre_tokenizer`, …): a sequence keeps them in `members`. */
function stageSteps(stage: unknown, field: string, members: string, depth = 0): Config[] {
  if (stage === undefined || stage === null) return [];
  if (!isConfig(stage) || depth > MAX_STAGE_DEPTH) throw invalidField(field, 'a step of text processing');
  if (stage['type'] !== 'Sequence') return [stage];
  const steps = stage[members];
  if (!Array.isArray(steps)) throw invalidField(`${field}.${members}`, 'a list');
  return steps.flatMap((step: unknown) => stageSteps(step, field, members, depth + 1));
}

/** An id that a vocabulary can have. @throws tokenizer.invalidId */
export function checkId(id: unknown, token: string, fileName: string): number {
  if (typeof id === 'number' && Number.isInteger(id) && id >= 0 && id < MAX_TOKENS) return id;
  throw new AppError('tokenizer.invalidId', {
    file: fileName,
    token: excerpt(token),
    id: excerptOfJson(id),
    limit: MAX_TOKENS - 1,
  });
}

function readVocabulary(vocab: unknown): Map<number, string> {
  if (!isConfig(vocab)) throw invalidField('model.vocab', 'an object of tokens and their numbers');
  const vocabulary = new Map<number, string>();
  for (const [token, value] of Object.entries(vocab)) {
    const id = checkId(value, token, file);
    const first = vocabulary.get(id);
    if (first !== undefined) throw new AppError('tokenizer.duplicateId', { file, id, first: excerpt(first), second: excerpt(token) });
    vocabulary.set(id, token);
  }
  if (vocabulary.size === 0) throw invalidField('model.vocab', 'at least one token');
  return vocabulary;
}

/** Merges are pairs, or in older files texts "left right". Both parts and what they make must be tokens. */
function readMerges(list: unknown, vocabulary: ReadonlyMap<number, string>): [string, string][] {
  if (!Array.isArray(list)) throw invalidField('model.merges', 'a list');
  const known = new Set(vocabulary.values());
  return list.map((merge: unknown, index) => {
    const parts: unknown = typeof merge === 'string' ? merge.split(' ') : merge;
    const [left, right, ...rest] = Array.isArray(parts) ? (parts as unknown[]) : [];
    if (typeof left !== 'string' || typeof right !== 'string' || rest.length > 0)
      throw invalidField(`model.merges[${index}]`, 'a pair of tokens');
    for (const part of [left, right, left + right])
      if (!known.has(part)) throw new AppError('tokenizer.unknownMergePart', { index, part: excerpt(part) });
    return [left, right];
  });
}

function readAddedTokens(list: unknown): AddedToken[] {
  if (list === undefined || list === null) return [];
  if (!Array.isArray(list)) throw invalidField('added_tokens', 'a list');
  return list.map((token: unknown, index) => {
    if (!isConfig(token) || typeof token['content'] !== 'string') throw invalidField(`added_tokens[${index}]`, 'a token with its text');
    const content = token['content'];
    return { id: checkId(token['id'], content, file), content, special: token['special'] === true };
  });
}

const hasType = (steps: readonly Config[], ...types: string[]): boolean =>
  steps.some((step) => typeof step['type'] === 'string' && types.includes(step['type']));

const replacesSpace = (step: Config): boolean =>
  step['type'] === 'Replace' && isConfig(step['pattern']) && step['pattern']['String'] === ' ' && step['content'] === '\u2581';

/**
 * Reads a tokenizer.json of a BPE model.
 * @throws tokenizer.invalidJson, .invalidField, .invalidId, .duplicateId, .unknownMergePart, .unsupportedModel
 */
export function parseTokenizerJson(text: string): TokenizerJson {
  const source = parseObject(file, text);
  const { model } = source;
  if (!isConfig(model)) throw invalidField('model', 'an object');
  // Files older than the field are BPE where they have merges.
  const type = model['type'] ?? (model['merges'] === undefined ? 'unknown' : 'BPE');
  if (type !== 'BPE')
    throw new AppError('tokenizer.unsupportedModel', { kind: typeof type === 'string' ? excerpt(type) : excerptOfJson(type) });
  for (const affix of ['continuing_subword_prefix', 'end_of_word_suffix'])
    if (model[affix]) throw new AppError('tokenizer.unsupportedModel', { kind: `BPE with ${affix}` });

  const vocabulary = readVocabulary(model['vocab']);
  const normalizers = stageSteps(source['normalizer'], 'normalizer', 'normalizers');
  const preTokenizers = stageSteps(source['pre_tokenizer'], 'pre_tokenizer', 'pretokenizers');
  const decoders = stageSteps(source['decoder'], 'decoder', 'decoders');
  const spaceMarked = normalizers.some(replacesSpace) || hasType(preTokenizers, 'Metaspace');
  const byteLevel = hasType([...preTokenizers, ...decoders], 'ByteLevel');
  if (!byteLevel && !spaceMarked) throw new AppError('tokenizer.unsupportedModel', { kind: 'BPE without a byte alphabet or a space mark' });
  return {
    kind: byteLevel ? 'byteLevel' : 'sentencePiece',
    vocabulary,
    merges: readMerges(model['merges'], vocabulary),
    unknownToken: typeof model['unk_token'] === 'string' ? model['unk_token'] : undefined,
    ignoreMerges: model['ignore_merges'] === true,
    addedTokens: readAddedTokens(source['added_tokens']),
    normalizers,
    preTokenizers,
    postProcessors: stageSteps(source['post_processor'], 'post_processor', 'processors'),
    source,
  };
}
