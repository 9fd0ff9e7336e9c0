import type { PromptTurn, Tool } from '../chat/turn.ts';
import { splitReasoning } from '../chat/reasoning.ts';
import { SAMPLING_PARAMETERS, type SamplingParameterName } from '../sampling/parameters.ts';

/** What an engine says it understands beyond OpenAI's protocol. */
export const REMOTE_DIALECTS = ['openai', 'llamacpp', 'vllm'] as const;
export type RemoteDialect = (typeof REMOTE_DIALECTS)[number];

const PLAIN: readonly SamplingParameterName[] = ['temperature', 'topP', 'presencePenalty', 'frequencyPenalty', 'maxTokens'];

/**
 * The settings that reach an engine, by its dialect. OpenAI refuses names that it does not know. llama-server: tools/server/README.md.
 * vLLM: "extra parameters" of its OpenAI-compatible server.
 */
const SENT: Readonly<Record<RemoteDialect, readonly SamplingParameterName[]>> = {
  openai: PLAIN,
  llamacpp: (Object.keys(SAMPLING_PARAMETERS) as SamplingParameterName[]).filter((name) => name !== 'noRepeatNgram'),
  vllm: [...PLAIN, 'topK', 'minP', 'repeatPenalty'],
};

export const sentSettings = (dialect: RemoteDialect): readonly SamplingParameterName[] => SENT[dialect];

/** Whether an engine of this dialect can be held to a grammar in GBNF. */
export const takesGrammar = (dialect: RemoteDialect): boolean => dialect === 'llamacpp';

export interface RemoteSampling extends Readonly<Record<SamplingParameterName, number>> {
  readonly seed: number | null;
  readonly stop?: readonly string[] | undefined;
  readonly format?:
    | { readonly type: 'json' }
    | { readonly type: 'schema'; readonly schema: Readonly<Record<string, unknown>> }
    | { readonly type: 'grammar'; readonly grammar: string }
    | undefined;
}

/** What is asked of a remote engine. */
export interface RemoteQuestion {
  /** As the engine names it. */
  readonly model: string;
  /** `text`: the turns' texts are continued, without a template. */
  readonly mode: 'chat' | 'text';
  readonly systemPrompt: string;
  readonly turns: readonly PromptTurn[];
  readonly tools?: readonly Tool[] | undefined;
  readonly sampling: RemoteSampling;
}

/** The path below the base URL, and the JSON to post there. */
export function remoteRequest(question: RemoteQuestion, dialect: RemoteDialect): { readonly path: string; readonly body: object } {
  const { model, mode, systemPrompt, turns } = question;
  const common = { model, ...settings(question.sampling, dialect), stream: true, stream_options: { include_usage: true } };
  if (mode === 'text') return { path: '/completions', body: { ...common, prompt: systemPrompt + turns.map(({ text }) => text).join('') } };
  const tools = question.tools ?? [];
  return {
    path: '/chat/completions',
    body: {
      ...common,
      messages: [...(systemPrompt === '' ? [] : [{ role: 'system', content: systemPrompt }]), ...turns.map(messageOf)],
      ...(tools.length === 0 ? {} : { tools: tools.map((tool) => ({ type: 'function', function: tool })) }),
    },
  };
}

function settings({ seed, stop = [], format, ...numbers }: RemoteSampling, dialect: RemoteDialect): Record<string, unknown> {
  const sent: Record<string, unknown> = {};
  for (const name of sentSettings(dialect)) {
    const { off, wireName } = SAMPLING_PARAMETERS[name];
    // Where a setting does nothing, it need not be understood. The engine's own standard may be another for what OpenAI has.
    if (wireName === null || (numbers[name] === off && !PLAIN.includes(name) && dialect !== 'llamacpp')) continue;
    sent[dialect === 'vllm' && name === 'repeatPenalty' ? 'repetition_penalty' : wireName] = numbers[name];
  }
  if (seed !== null) sent['seed'] = seed;
  if (stop.length > 0) sent['stop'] = [...stop];
  if (format?.type === 'json') sent['response_format'] = { type: 'json_object' };
  if (format?.type === 'schema')
    sent['response_format'] = { type: 'json_schema', json_schema: { name: 'answer', schema: format.schema, strict: true } };
  if (format?.type === 'grammar' && takesGrammar(dialect)) sent['grammar'] = format.grammar;
  return sent;
}

function messageOf({ role, text, toolCalls = [], toolCallId }: PromptTurn): object {
  if (role === 'tool') return { role, content: text, tool_call_id: toolCallId };
  // What a model thought to itself is not given back to it: so the engines' own templates do.
  if (role !== 'assistant') return { role, content: text };
  const content = splitReasoning(text).answer;
  if (toolCalls.length === 0) return { role, content };
  const calls = toolCalls.map(({ id, name, arguments: given }) => ({ id, type: 'function', function: { name, arguments: given } }));
  return { role, content: content === '' ? null : content, tool_calls: calls };
}
