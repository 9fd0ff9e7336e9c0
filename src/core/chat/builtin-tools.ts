import type { Tool } from './turn.ts';

/**
 * The functions that Lathe can carry out itself when a model asks. None of them writes anything, leaves this computer, or runs what the
 * model wrote; each call is still shown to the user first.
 */
export const BUILTIN_TOOLS = [
  {
    name: 'calculator',
    description: 'Work out an arithmetic expression exactly: + - * / % ^, brackets, sqrt, ln, log, sin, min, max, pi and the like.',
    parameters: {
      type: 'object',
      properties: { expression: { type: 'string', description: 'For example (12.5 + 3) * 4' } },
      required: ['expression'],
    },
  },
  {
    name: 'clock',
    description: 'Tell the present date, weekday, time and time zone.',
    parameters: { type: 'object', properties: {} },
  },
  {
    name: 'library_search',
    description: 'Search the language models in the library of the user: their names, sizes and kinds.',
    parameters: {
      type: 'object',
      properties: { query: { type: 'string', description: 'Words of the name; empty for all of them' } },
      required: ['query'],
    },
  },
] as const satisfies readonly Tool[];

export type BuiltinToolName = (typeof BUILTIN_TOOLS)[number]['name'];

export const isBuiltinTool = (name: string): name is BuiltinToolName => BUILTIN_TOOLS.some((tool) => tool.name === name);
