import { AppError } from '../errors/index.ts';
import { textConfig } from '../model/config.ts';
import type { Config } from '../model/config.ts';
import { readAddedTokens } from './added-tokens.ts';
import { byteLevelRows, ggufMerges } from './byte-level.ts';
import { readChatTemplates } from './chat-templates.ts';
import type { TokenizerFiles } from './files.ts';
import { bosByDefault } from './pre-tokenizers.ts';
import { sentencePieceJsonRows } from './sentencepiece-json.ts';
import { parseSentencePieceModel } from './sentencepiece-model.ts';
import type { SentencePieceModel } from './sentencepiece-model.ts';
import { sentencePieceRows } from './sentencepiece.ts';
import { readSettings } from './settings.ts';
import { resolveSpecialTokens } from './special-tokens.ts';
import { parseTokenizerJson } from './tokenizer-json.ts';
import type { TokenizerJson } from './tokenizer-json.ts';
import type { AddedMarks, GgufVocabulary } from './types.ts';

export interface VocabularyOptions {
  /** config.json. */
  readonly config: Config;
  /** The model family by its GGUF name. */
  readonly architecture: string;
  /**
   * Finds the name of the rule that splits text. Asked for byte-level vocabularies only; it throws
   * `tokenizer.unknownPreTokenizer` where it knows none.
   */
  readonly preTokenizer: (json: TokenizerJson, settings: Config) => string;
}

/** Whether a space is put before the text: what the settings say, else what tokenizer.json does, else the model's own flag. */
function spacePrefix(
  architecture: string,
  settings: Config,
  json: TokenizerJson | undefined,
  model: SentencePieceModel | undefined,
): boolean {
  if (architecture.startsWith('gemma')) return false;
  const { add_prefix_space: configured } = settings;
  if (typeof configured === 'boolean') return configured;
  if (json === undefined) return model?.addDummyPrefix ?? true;
  const metaspace = json.preTokenizers.find(({ type }) => type === 'Metaspace');
  if (metaspace !== undefined) return (metaspace['prepend_scheme'] ?? 'always') !== 'never' && metaspace['add_prefix_space'] !== false;
  return json.normalizers.some(({ type, prepend }) => type === 'Prepend' && prepend === '\u2581');
}

/**
 * A tokenizer that says nothing of the mark of the beginning adds none, which llama.cpp must be told where its rule would
 * add one; upstream leaves it out. Only the Llama class of transformers adds it unasked.
 */
const silentBos = (pre: string, settings: Config): Pick<AddedMarks, 'bos'> =>
  bosByDefault.has(pre) && !(typeof settings['tokenizer_class'] === 'string' && settings['tokenizer_class'].includes('Llama'))
    ? { bos: false }
    : {};

/**
 * The vocabulary of a Hugging Face model folder as GGUF holds it. A byte-level tokenizer.json comes first (a
 * tokenizer.model beside it is in another format), then tokenizer.model, then a tokenizer.json with the space mark.
 * @throws tokenizer.* errors; model.badConfig where `vocab_size` is no number
 */
export function readVocabulary(files: TokenizerFiles, options: VocabularyOptions): GgufVocabulary {
  const { architecture, preTokenizer } = options;
  const config = textConfig(options.config);
  const settings = readSettings(files);
  const json = files.tokenizerJson === undefined ? undefined : parseTokenizerJson(files.tokenizerJson);
  const added = readAddedTokens(files, settings, json);
  const byteLevel = json?.kind === 'byteLevel' ? json : undefined;
  const model = byteLevel || files.tokenizerModel === undefined ? undefined : parseSentencePieceModel(files.tokenizerModel);

  const readRows = () => {
    if (byteLevel) return byteLevelRows(byteLevel, added, config);
    if (model) return sentencePieceRows(model, added, config);
    if (json) return sentencePieceJsonRows(json, added, config);
    throw new AppError('tokenizer.missing', {});
  };
  const { table, idOf } = readRows();
  const special = resolveSpecialTokens({
    settings,
    config: options.config,
    postProcessors: json?.postProcessors ?? [],
    idOf: (content) => idOf.get(content),
    rows: table.rows,
  });
  const common = { tokens: table.distinctTokens(), tokenTypes: table.tokenTypes, specialIds: special.ids };
  const chatTemplates = readChatTemplates(files, settings);
  if (byteLevel) {
    const pre = preTokenizer(byteLevel, settings);
    const add = { ...silentBos(pre, settings), ...special.add };
    return { model: 'gpt2', pre, ...common, merges: ggufMerges(byteLevel), add, chatTemplates };
  }
  const add = { ...special.add, spacePrefix: spacePrefix(architecture, settings, json, model) };
  return { model: 'llama', pre: 'default', ...common, scores: table.scores, add, chatTemplates };
}
