import type { TokenChoice } from '#contract/chat.ts';
import { newId } from '../ids.ts';
import { answersTo, finishReason, usageOf, type Answering, type Facts } from './answers.ts';
import type { Reply } from './reply.ts';
import { samplingOf, type CompletionRequest } from './schema.ts';

/** `POST /v1/completions`: a text goes on, without a template. */
export async function completion(request: CompletionRequest, answering: Answering, reply: Reply): Promise<void> {
  const topLogprobs = request.logprobs ?? undefined;
  const sampling = samplingOf(request, undefined, topLogprobs);
  const texts = typeof request.prompt === 'string' ? [request.prompt] : request.prompt;
  const common = { id: `cmpl-${newId()}`, object: 'text_completion', created: Math.floor(Date.now() / 1000), model: request.model };
  const isStream = request.stream === true;
  const choices: unknown[] = [];
  const allFacts: Facts[] = [];
  const answer = { text: '', tokens: [] as TokenChoice[] };
  const prompts = texts.map((text) => ({ mode: 'text' as const, systemPrompt: '', turns: [{ role: 'user' as const, text }] }));
  for await (const { index, event } of answersTo(answering, prompts, sampling, request.n ?? 1)) {
    if (event.type === 'text') {
      const logprobs = topLogprobs === undefined ? null : logprobsOf(event.tokens ?? [], answer.text.length);
      answer.text += event.text;
      answer.tokens.push(...(event.tokens ?? []));
      if (isStream) await reply.event({ ...common, choices: [{ index, text: event.text, logprobs, finish_reason: null }] });
      continue;
    }
    allFacts.push(event.facts);
    const finish_reason = finishReason(event.facts);
    if (isStream) await reply.event({ ...common, choices: [{ index, text: '', logprobs: null, finish_reason }] });
    else
      choices.push({ index, text: answer.text, logprobs: topLogprobs === undefined ? null : logprobsOf(answer.tokens, 0), finish_reason });
    answer.text = '';
    answer.tokens = [];
  }
  const usage = usageOf(allFacts);
  if (!isStream) return reply.json({ ...common, choices, usage });
  if (request.stream_options?.include_usage === true) await reply.event({ ...common, choices: [], usage });
  await reply.end();
}

/** @param offset where the first token begins in the answer, in UTF-16 units */
function logprobsOf(tokens: readonly TokenChoice[], offset: number) {
  let at = offset;
  const offsets = tokens.map(({ text }) => {
    const begin = at;
    at += text.length;
    return begin;
  });
  return {
    tokens: tokens.map(({ text }) => text),
    token_logprobs: tokens.map(({ logprob }) => logprob),
    top_logprobs: tokens.map(({ top }) => Object.fromEntries(top.map(({ text, logprob }) => [text, logprob]))),
    text_offset: offsets,
  };
}
