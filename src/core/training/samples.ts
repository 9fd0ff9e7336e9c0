import { readRecords, type DatasetFormat, type DatasetProblem } from './records.ts';

/** What is learned from: the shapes that datasets have (Alpaca, ShareGPT, messages, prompt and completion, text) as three. */

export type Role = 'system' | 'user' | 'assistant' | 'tool';

export interface Message {
  readonly role: Role;
  readonly content: string;
}

export type SampleContent =
  | { readonly kind: 'messages'; readonly messages: readonly Message[] }
  | { readonly kind: 'completion'; readonly prompt: string; readonly completion: string }
  | { readonly kind: 'text'; readonly text: string };

export type Sample = SampleContent & { readonly line: number };

export interface Dataset {
  readonly samples: readonly Sample[];
  /** In the order of lines. */
  readonly problems: readonly DatasetProblem[];
}

/** The roles by every name that ShareGPT's and OpenAI's shapes give them. */
const roles: ReadonlyMap<string, Role> = new Map([
  ['system', 'system'],
  ['developer', 'system'],
  ['user', 'user'],
  ['human', 'user'],
  ['assistant', 'assistant'],
  ['gpt', 'assistant'],
  ['model', 'assistant'],
  ['tool', 'tool'],
  ['observation', 'tool'],
]);

/** Read a dataset. Each record is recognised by its own keys; one that is not, or that teaches nothing, is a problem. */
export function readDataset(text: string, format: DatasetFormat): Dataset {
  const { records, problems } = readRecords(text, format);
  const samples: Sample[] = [];
  const found = [...problems];
  for (const { line, value } of records) {
    const content = sampleOf(value);
    if (typeof content === 'string') found.push({ line, kind: content });
    else samples.push({ line, ...content });
  }
  return { samples, problems: found.toSorted((a, b) => a.line - b.line) };
}

function sampleOf(value: unknown): SampleContent | DatasetProblem['kind'] {
  if (!isObject(value)) return 'unknownShape';
  if (Array.isArray(value['messages'])) return chatOf(value['messages'], 'role', 'content');
  if (Array.isArray(value['conversations'])) return chatOf(value['conversations'], 'from', 'value');
  const { prompt, completion, instruction, input, output, system, text } = value;
  if (typeof prompt === 'string' && typeof completion === 'string')
    return completion === '' ? 'emptyText' : { kind: 'completion', prompt, completion };
  if (typeof instruction === 'string' && typeof output === 'string') {
    if (instruction === '' || output === '') return 'emptyText';
    const question = typeof input === 'string' && input !== '' ? `${instruction}\n\n${input}` : instruction;
    const messages: Message[] = [
      { role: 'user', content: question },
      { role: 'assistant', content: output },
    ];
    return {
      kind: 'messages',
      messages: typeof system === 'string' && system !== '' ? [{ role: 'system', content: system }, ...messages] : messages,
    };
  }
  if (typeof text === 'string') return text === '' ? 'emptyText' : { kind: 'text', text };
  return 'unknownShape';
}

function chatOf(turns: readonly unknown[], roleKey: string, textKey: string): SampleContent | DatasetProblem['kind'] {
  const messages: Message[] = [];
  for (const turn of turns) {
    if (!isObject(turn)) return 'unknownShape';
    const content = turn[textKey];
    const name = turn[roleKey];
    if (typeof content !== 'string' || typeof name !== 'string') return 'unknownShape';
    const role = roles.get(name);
    if (role === undefined) return 'unknownRole';
    messages.push({ role, content });
  }
  const teaches = messages.some(({ role, content }) => role === 'assistant' && content !== '');
  return teaches ? { kind: 'messages', messages } : 'noAnswer';
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
