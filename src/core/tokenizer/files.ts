import { AppError } from '../errors/index.ts';
import { MiB } from '../bytes.ts';
import { isConfig } from '../model/config.ts';
import type { Config } from '../model/config.ts';

/** The texts and bytes of a model folder's tokenizer files, as they are; only what is there. */
export interface TokenizerFiles {
  readonly tokenizerJson?: string;
  readonly tokenizerModel?: Uint8Array;
  readonly tokenizerConfig?: string;
  readonly specialTokensMap?: string;
  readonly addedTokens?: string;
  readonly chatTemplateJinja?: string;
  readonly chatTemplateJson?: string;
  /** By name: `additional_chat_templates/<name>.jinja`. */
  readonly additionalChatTemplates?: Readonly<Record<string, string>>;
}

/** Where each file lies in the folder. */
export const tokenizerFileNames = {
  tokenizerJson: 'tokenizer.json',
  tokenizerModel: 'tokenizer.model',
  tokenizerConfig: 'tokenizer_config.json',
  specialTokensMap: 'special_tokens_map.json',
  addedTokens: 'added_tokens.json',
  chatTemplateJinja: 'chat_template.jinja',
  chatTemplateJson: 'chat_template.json',
} as const;

export const ADDITIONAL_TEMPLATES_FOLDER = 'additional_chat_templates';

/** The largest real tokenizer.json (a vocabulary of 2^18 with its merges as pairs) takes 33 MB. */
export const MAX_TOKENIZER_FILE_BYTES = 256 * MiB;

/** A file's text as a JSON object; an absent file is an empty one. @throws tokenizer.invalidJson */
export function parseObject(file: string, text: string | undefined): Config {
  if (text === undefined) return {};
  let value: unknown;
  try {
    value = JSON.parse(text.startsWith('\uFEFF') ? text.slice(1) : text);
  } catch (error) {
    throw new AppError('tokenizer.invalidJson', { file }, error instanceof Error ? error.message : undefined);
  }
  if (!isConfig(value)) throw new AppError('tokenizer.invalidJson', { file });
  return value;
}
