import { isConfig } from '../model/config.ts';
import type { Config } from '../model/config.ts';
import { parseObject, tokenizerFileNames } from './files.ts';
import type { TokenizerFiles } from './files.ts';

/** tokenizer_config.json; the special tokens it does not name are taken from special_tokens_map.json. */
export function readSettings(files: TokenizerFiles): Config {
  const config = parseObject(tokenizerFileNames.tokenizerConfig, files.tokenizerConfig);
  const map = parseObject(tokenizerFileNames.specialTokensMap, files.specialTokensMap);
  const missing = Object.entries(map).filter(([key]) => config[key] === undefined || config[key] === null);
  return { ...config, ...Object.fromEntries(missing) };
}

/** The text of a setting such as `bos_token`: a string, or an object that holds it as `content`. */
export function tokenContent(value: unknown): string | undefined {
  const content = isConfig(value) ? value['content'] : value;
  return typeof content === 'string' && content !== '' ? content : undefined;
}

/** Every text that the settings call special: all `*_token` and `additional_special_tokens`. */
export function specialContents(settings: Config): Set<string> {
  const named = Object.entries(settings).filter(([key]) => key.endsWith('_token'));
  const { additional_special_tokens: additional } = settings;
  const values = [...named.map(([, value]) => value), ...(Array.isArray(additional) ? (additional as unknown[]) : [])];
  return new Set(values.map(tokenContent).filter((content) => content !== undefined));
}
