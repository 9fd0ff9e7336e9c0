import type { Command, OptionSpec, Options } from './command.ts';
import { registry } from './registry.ts';
import { heading } from './text.ts';

export const globalOptions = {
  home: { type: 'string', value: 'DIR', help: 'the data folder (LATHE_HOME, else the system’s usual place)' },
  json: { type: 'boolean', help: 'one JSON document on stdout; errors as JSON on stderr' },
  help: { type: 'boolean', help: 'show this' },
  version: { type: 'boolean', help: 'show the version' },
} as const satisfies Options;

const optionName = (name: string, { value, multiple }: OptionSpec): string =>
  `--${name}${value === undefined ? '' : ` ${value}`}${multiple === true ? ' …' : ''}`;

function list(rows: readonly (readonly [string, string])[]): string {
  const longest = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, text]) => `  ${name.padEnd(longest)}  ${text}`).join('\n');
}

const optionList = (options: Options): string => list(Object.entries(options).map(([name, spec]) => [optionName(name, spec), spec.help]));

export function generalHelp(): string {
  const commands = list(Object.entries(registry).map(([name, { summary }]) => [name, summary]));
  return [
    'Lathe: a workshop for local language models.',
    `${heading('Usage')}\n  lathe COMMAND [options]`,
    `${heading('Commands')}\n${commands}`,
    `${heading('Options for all')}\n${optionList(globalOptions)}`,
    'A MODEL is a library id, a name, or a path. For one command: lathe COMMAND --help',
  ].join('\n\n');
}

export function commandHelp(name: string, command: Command): string {
  const sections = [
    `lathe ${name}: ${registry[name]?.summary ?? ''}`,
    `${heading('Usage')}\n  lathe ${[name, ...command.args].join(' ')} [options]`,
  ];
  if (Object.keys(command.options).length > 0) sections.push(`${heading('Options')}\n${optionList(command.options)}`);
  sections.push(`${heading('Options for all')}\n${optionList(globalOptions)}`);
  if (command.notes !== undefined) sections.push(command.notes);
  return sections.join('\n\n');
}
