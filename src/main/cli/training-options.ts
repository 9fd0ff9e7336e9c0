import { settingFromText } from '#core/training/settings.ts';
import type { DataColumns } from '#contract/training.ts';
import { usage } from './values.ts';

/** What the commands take that train or look at a dataset. */

export const settingSpec = {
  type: 'string',
  value: 'KEY=VALUE',
  multiple: true,
  help: 'a setting, such as learning_rate=1e-4; may be given several times',
} as const;

export const columnSpec = {
  type: 'string',
  value: 'WHAT=FIELD',
  multiple: true,
  help: 'a field with a name of its own: system, prompt, completion, messages or text; may be given several times',
} as const;

const columnNames = ['system', 'prompt', 'completion', 'messages', 'text'] as const;

/** Both sides of each `name=value`. Throws `cli.usage`. */
const pairs = (option: string, given: readonly string[] = []): [string, string][] =>
  given.map((each) => {
    const at = each.indexOf('=');
    if (at < 1) throw usage(`--${option} takes a name and a value, as in name=value, not '${each}'`);
    return [each.slice(0, at).trim(), each.slice(at + 1)];
  });

export const settingsOf = (given: readonly string[] | undefined): Record<string, unknown> =>
  Object.fromEntries(pairs('set', given).map(([name, value]) => [name, settingFromText(name, value)]));

export function columnsOf(given: readonly string[] | undefined): DataColumns {
  const columns: Record<string, string> = {};
  for (const [name, field] of pairs('column', given)) {
    if (!columnNames.some((known) => known === name)) throw usage(`--column knows ${columnNames.join(', ')}, not '${name}'`);
    columns[name] = field;
  }
  return columns;
}
