import { callSchema, toolReader } from '#core/chat/tool-calls.ts';
import type { PromptTurn, Tool } from '#core/chat/turn.ts';
import type { Sampling, TokenChoice } from '#contract/chat.ts';
import { newId } from '../ids.ts';
import { answersTo, finishReason, usageOf, type Answering, type Facts } from './answers.ts';
import { ApiError } from './errors.ts';
import type { Reply } from './reply.ts';
import { samplingOf, textOf, type ChatRequest } from './schema.ts';

/** `POST /v1/chat/completions` */
export async function chatCompletion(request: ChatRequest, answering: Answering, reply: Reply): Promise<void> {
  const tools = toolsOf(request);
  const isForced = tools.length > 0 && request.tool_choice !== 'auto' && (request.tool_choice ?? 'auto') !== 'auto';
  const topLogprobs = request.logprobs === true ? (request.top_logprobs ?? 0) : undefined;
  const sampling = samplingOf(request, formatOf(request, isForced ? tools : []), topLogprobs, request.max_completion_tokens);
  const id = `chatcmpl-${newId()}`;
  const created = Math.floor(Date.now() / 1000);
  const isStream = request.stream === true;
  const chunk = (index: number, delta: object, more: { logprobs?: unknown; finish_reason?: string } = {}) => ({
    id,
    object: 'chat.completion.chunk',
    created,
    model: request.model,
    choices: [{ index, delta, logprobs: null, finish_reason: null, ...more }],
  });

  const choices: unknown[] = [];
  const allFacts: Facts[] = [];
  let reader = toolReader([]);
  let text = '';
  let tokens: TokenChoice[] = [];
  let isBegun = false;
  const prompts = [{ mode: 'chat' as const, ...conversation(request), ...(tools.length === 0 ? {} : { tools }) }];
  for await (const { index, event } of answersTo(answering, prompts, sampling, request.n ?? 1)) {
    if (!isBegun) {
      isBegun = true;
      // A forced call is JSON from its first character; the reader takes that for one.
      reader = toolReader(tools);
      text = '';
      tokens = [];
      if (isStream) await reply.event(chunk(index, { role: 'assistant', content: '' }));
    }
    if (event.type === 'text') {
      const shown = tools.length > 0 ? reader.push(event.text) : event.text;
      tokens.push(...(event.tokens ?? []));
      text += shown;
      if (!isStream || shown === '') continue;
      await reply.event(chunk(index, { content: shown }, topLogprobs === undefined ? {} : { logprobs: logprobsOf(tokens) }));
      tokens = [];
      continue;
    }
    const rest = reader.end();
    text += rest.text;
    const calls = rest.calls.map((call) => ({ id: `call_${newId()}`, type: 'function', function: call }));
    const finish = calls.length > 0 ? 'tool_calls' : finishReason(event.facts);
    allFacts.push(event.facts);
    isBegun = false;
    if (isStream) {
      if (rest.text !== '') await reply.event(chunk(index, { content: rest.text }));
      if (calls.length > 0) await reply.event(chunk(index, { tool_calls: calls.map((call, at) => ({ index: at, ...call })) }));
      await reply.event(chunk(index, {}, { finish_reason: finish }));
      continue;
    }
    choices.push({
      index,
      message: {
        role: 'assistant',
        content: calls.length > 0 && text === '' ? null : text,
        refusal: null,
        ...(calls.length === 0 ? {} : { tool_calls: calls }),
      },
      logprobs: topLogprobs === undefined ? null : logprobsOf(tokens),
      finish_reason: finish,
    });
  }
  const usage = usageOf(allFacts);
  if (!isStream) return reply.json({ id, object: 'chat.completion', created, model: request.model, choices, usage });
  if (request.stream_options?.include_usage === true)
    await reply.event({ id, object: 'chat.completion.chunk', created, model: request.model, choices: [], usage });
  await reply.end();
}

/** The tools that may be called; with a choice of one, only that. */
function toolsOf({ tools, tool_choice: choice }: ChatRequest): Tool[] {
  const offered = (tools ?? []).map((entry) => entry.function);
  if (choice === 'none') return [];
  if (typeof choice === 'object' && choice !== null) {
    const named = offered.filter(({ name }) => name === choice.function.name);
    if (named.length === 0) throw new ApiError(400, 'invalid_value', 'the chosen function is none of the tools', { param: 'tool_choice' });
    return named;
  }
  if (choice === 'required' && offered.length === 0)
    throw new ApiError(400, 'invalid_value', 'a call is required, but there are no tools', { param: 'tool_choice' });
  return offered;
}

function formatOf({ response_format: format }: ChatRequest, forced: readonly Tool[]): Sampling['format'] {
  const isPlain = format === null || format === undefined || format.type === 'text';
  if (forced.length > 0) {
    if (!isPlain) throw new ApiError(400, 'invalid_value', 'an answer cannot be both a call and of a format', { param: 'response_format' });
    return { type: 'schema', schema: { ...callSchema(forced) } };
  }
  if (isPlain) return undefined;
  return format.type === 'json_object' ? { type: 'json' } : { type: 'schema', schema: format.json_schema.schema };
}

/** What a model reads: what the system says at the beginning stands for itself, since some templates have no place for it. */
function conversation({ messages }: ChatRequest): { readonly systemPrompt: string; readonly turns: PromptTurn[] } {
  const firstOther = messages.findIndex(({ role }) => role !== 'system' && role !== 'developer');
  const begin = firstOther === -1 ? messages.length : firstOther;
  return {
    systemPrompt: messages
      .slice(0, begin)
      .map((message) => textOf(message.content))
      .join('\n\n'),
    turns: messages.slice(begin).map((message) => ({
      role: message.role === 'developer' ? 'system' : message.role,
      text: textOf(message.content),
      ...(message.role === 'tool' ? { toolCallId: message.tool_call_id } : {}),
      ...(message.role === 'assistant' && message.tool_calls !== null && message.tool_calls !== undefined
        ? { toolCalls: message.tool_calls.map((call) => ({ id: call.id, ...call.function })) }
        : {}),
    })),
  };
}

const logprobsOf = (tokens: readonly TokenChoice[]) => ({
  content: tokens.map(({ text, bytes, logprob, top }) => ({
    token: text,
    logprob,
    bytes,
    top_logprobs: top.map((other) => ({ token: other.text, logprob: other.logprob, bytes: other.bytes })),
  })),
  refusal: null,
});
