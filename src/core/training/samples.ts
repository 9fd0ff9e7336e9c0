import { readRecords, type DatasetFormat, type DatasetProblem } from './records.ts';

/** What is learned from: the shapes that datasets have (Alpaca, ShareGPT, messages, prompt and completion, text) as three. */

export type Role = 'system' | 'user' | 'assistant' | 'tool';

export interface Message {
  readonly role: Role;
  readonly content: string;
  /** An answer that is shown, but not learned: OpenAI's mark of fine-tuning data. */
  readonly weight?: 0;
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

/** Which fields of a record are what, where they have names of their own. */
export interface Columns {
  readonly system?: string | undefined;
  readonly prompt?: string | undefined;
  readonly completion?: string | undefined;
  readonly messages?: string | undefined;
  readonly text?: string | undefined;
}

/**
 * Read a dataset. Each record is recognised by its own keys, or by the columns that are named; one that is not, or that teaches
 * nothing, is a problem.
 */
export function readDataset(text: string, format: DatasetFormat, columns: Columns = {}): Dataset {
  const { records, problems } = readRecords(text, format);
  const samples: Sample[] = [];
  const found = [...problems];
  for (const { line, value } of records) {
    const content = sampleOf(renamed(value, columns));
    if (typeof content === 'string') found.push({ line, kind: content });
    else samples.push({ line, ...content });
  }
  return { samples, problems: found.toSorted((a, b) => a.line - b.line) };
}

/** A record under the names that Lathe knows. A prompt and its answer are a conversation when they are named by hand. */
function renamed(value: unknown, { system, prompt, completion, messages, text }: Columns): unknown {
  if (!isObject(value)) return value;
  if (messages !== undefined) return { messages: value[messages], conversations: value[messages] };
  if (text !== undefined) return { text: value[text] };
  if (prompt === undefined || completion === undefined) return value;
  return { instruction: value[prompt], output: value[completion], system: system === undefined ? undefined : value[system] };
}

/** Names of the fields of records, each once. */
export function fieldNames(text: string, format: DatasetFormat): string[] {
  const { records } = readRecords(text, format);
  return [...new Set(records.slice(0, LOOKED_AT).flatMap(({ value }) => (isObject(value) ? Object.keys(value) : [])))];
}

/** Records that are looked at for the names of their fields. */
const LOOKED_AT = 20;

function sampleOf(value: unknown): SampleContent | DatasetProblem['kind'] {
  if (!isObject(value)) return 'unknownShape';
  const turns = [value['messages'], value['conversations']].find((each) => Array.isArray(each));
  if (turns !== undefined) {
    const isShareGpt = isObject(turns[0]) && 'from' in turns[0];
    return isShareGpt ? chatOf(turns, 'from', 'value') : chatOf(turns, 'role', 'content');
  }
  const { prompt, completion, instruction, input, output, system, text } = value;
  // TRL's conversational form: what stands in the prompt is only shown, answers too.
  if (Array.isArray(prompt) && Array.isArray(completion)) {
    const shown = prompt.map((turn: unknown) =>
      isObject(turn) && roles.get(String(turn['role'])) === 'assistant' ? { ...turn, weight: 0 } : turn,
    );
    return chatOf([...shown, ...completion], 'role', 'content');
  }
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
    messages.push(role === 'assistant' && turn['weight'] === 0 ? { role, content, weight: 0 } : { role, content });
  }
  const teaches = messages.some(({ role, content, weight }) => role === 'assistant' && content !== '' && weight !== 0);
  return teaches ? { kind: 'messages', messages } : 'noAnswer';
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
