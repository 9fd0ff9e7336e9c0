import { isNestedDeeper } from '../excerpt.ts';
import type { Tool } from './turn.ts';

/**
 * How models write that they want a function called. Three families' ways are read; each is JSON with a name and arguments:
 * Hermes and Qwen `<tool_call>{…}</tool_call>`, Mistral `[TOOL_CALLS][{…}]`, Llama 3.1 a bare `{"name": …, "parameters": …}`.
 */
const HERMES = '<tool_call>';
const HERMES_END = '</tool_call>';
const MISTRAL = '[TOOL_CALLS]';

/** More in one answer is a loop. */
const MAX_CALLS = 64;

export interface NamedCall {
  readonly name: string;
  /** A JSON object. */
  readonly arguments: string;
}

export interface ToolReader {
  /** What of the text is surely no call, and can be shown. */
  push(text: string): string;
  /** What was held back: calls, or text that turned out to be none. */
  end(): { readonly text: string; readonly calls: readonly NamedCall[] };
}

/** Reads calls out of an answer as it comes. Only tools that were offered are calls; everything else is text. */
export function toolReader(tools: readonly Tool[]): ToolReader {
  const names = new Set(tools.map(({ name }) => name));
  let held = '';
  let isCalling = false;
  let isFirst = true;
  return {
    push: (text) => {
      held += text;
      if (isCalling) return '';
      if (isFirst && held.trimStart() === '') return '';
      if (isFirst && held.trimStart().startsWith('{')) isCalling = true;
      isFirst = false;
      const at = [HERMES, MISTRAL].map((mark) => held.indexOf(mark)).filter((index) => index >= 0);
      if (at.length > 0) isCalling = true;
      if (isCalling && at.length === 0) return '';
      const kept = at.length > 0 ? held.length - Math.min(...at) : Math.max(tail(held, HERMES), tail(held, MISTRAL));
      const shown = held.slice(0, held.length - kept);
      held = held.slice(held.length - kept);
      return shown;
    },
    end: () => {
      const calls = isCalling ? readCalls(held).filter(({ name }) => names.has(name)) : [];
      return calls.length > 0 ? { text: '', calls } : { text: held, calls };
    },
  };
}

/** Length of the longest end of a text that a mark begins with. */
function tail(text: string, mark: string): number {
  for (let length = Math.min(text.length, mark.length - 1); length > 0; length -= 1)
    if (text.endsWith(mark.slice(0, length))) return length;
  return 0;
}

function readCalls(text: string): NamedCall[] {
  if (text.includes(HERMES))
    return text
      .split(HERMES)
      .slice(1, MAX_CALLS + 1)
      .flatMap((part) => callsIn(part.split(HERMES_END, 1)[0] ?? ''));
  return callsIn(text.startsWith(MISTRAL) ? text.slice(MISTRAL.length) : text);
}

function callsIn(text: string): NamedCall[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return [];
  }
  return (Array.isArray(value) ? value : [value]).slice(0, MAX_CALLS).flatMap((entry: unknown) => {
    if (typeof entry !== 'object' || entry === null || !('name' in entry) || typeof entry.name !== 'string') return [];
    const given = 'arguments' in entry ? entry.arguments : 'parameters' in entry ? entry.parameters : {};
    if (typeof given !== 'object' || given === null || isNestedDeeper(given)) return [];
    return [{ name: entry.name, arguments: JSON.stringify(given) }];
  });
}

/** The schema of one call of one of these tools, for an answer that must be a call. */
export function callSchema(tools: readonly Tool[]): Readonly<Record<string, unknown>> {
  const $defs = Object.fromEntries(tools.map(({ parameters }, index) => [`p${index}`, withRefs(parameters ?? { type: 'object' }, index)]));
  return {
    anyOf: tools.map(({ name }, index) => ({
      type: 'object',
      properties: { name: { const: name }, arguments: { $ref: `#/$defs/p${index}` } },
      required: ['name', 'arguments'],
    })),
    $defs,
  };
}

/** A tool's schema within the schema of all: its references start from where it now stands. */
function withRefs(node: unknown, index: number): unknown {
  if (Array.isArray(node)) return node.map((entry) => withRefs(entry, index));
  if (typeof node !== 'object' || node === null) return node;
  return Object.fromEntries(
    Object.entries(node).map(([key, value]) =>
      key === '$ref' && typeof value === 'string' ? [key, value.replace(/^#/, `#/$defs/p${index}`)] : [key, withRefs(value, index)],
    ),
  );
}

/** Whether a template speaks of tools itself. */
export const knowsTools = (template: string): boolean => /\btools\b/.test(template);

/** The tools in words, for templates that know nothing of them: Hermes' way, which many models have seen. */
export function toolPrompt(tools: readonly Tool[]): string {
  const listed = tools.map((tool) => JSON.stringify({ type: 'function', function: tool })).join('\n');
  return (
    `You may call functions. They are:\n<tools>\n${listed}\n</tools>\n` +
    `To call one, write nothing but its name and arguments as JSON:\n${HERMES}{"name": "…", "arguments": {…}}${HERMES_END}`
  );
}
