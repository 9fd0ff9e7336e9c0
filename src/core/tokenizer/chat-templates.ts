import { isConfig } from '../model/config.ts';
import type { Config } from '../model/config.ts';
import { parseObject, tokenizerFileNames } from './files.ts';
import type { TokenizerFiles } from './files.ts';
import { readSettings } from './settings.ts';
import type { ChatTemplates } from './types.ts';

/** A name becomes part of a metadata key. */
const keyName = (name: string): string => name.replace(/[^A-Za-z0-9]/g, '_');

function fromList(list: readonly (readonly [name: string, template: string])[]): ChatTemplates {
  const byName = new Map(list.map(([name, template]) => [keyName(name), template]));
  const defaultTemplate = byName.get('default');
  byName.delete('default');
  byName.delete('');
  return { ...(defaultTemplate === undefined ? {} : { default: defaultTemplate }), named: Object.fromEntries(byName) };
}

/** A text, or a list of `{ name, template }`. */
function fromSetting(value: unknown): ChatTemplates | undefined {
  if (typeof value === 'string') return fromList([['default', value]]);
  if (!Array.isArray(value)) return undefined;
  return fromList(
    value.flatMap((item: unknown) =>
      isConfig(item) && typeof item['name'] === 'string' && typeof item['template'] === 'string'
        ? [[item['name'], item['template']] as const]
        : [],
    ),
  );
}

/**
 * The chat templates of a model, from the first place that has one: tokenizer_config.json, then chat_template.jinja with
 * the folder beside it, then chat_template.json. @throws tokenizer.invalidJson
 */
export function readChatTemplates(files: TokenizerFiles, settings: Config = readSettings(files)): ChatTemplates {
  const configured = fromSetting(settings['chat_template']);
  if (configured !== undefined) return configured;
  if (files.chatTemplateJinja !== undefined)
    return fromList([['default', files.chatTemplateJinja], ...Object.entries(files.additionalChatTemplates ?? {})]);
  const stored = parseObject(tokenizerFileNames.chatTemplateJson, files.chatTemplateJson)['chat_template'];
  return fromSetting(stored) ?? { named: {} };
}
