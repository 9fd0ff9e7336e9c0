import type { AdapterUse } from '#contract/adapters.ts';
import type { Sampling } from '#contract/chat.ts';
import type { Chat, CompletionRequest, TextEvent } from '../chat/index.ts';
import type { TellRequest } from './requests.ts';

/** What one request is answered with. */
export interface Answering {
  readonly chat: Pick<Chat, 'complete'>;
  readonly modelId: string;
  /** Beside the model's weights, for this request. */
  readonly adapters: readonly AdapterUse[];
  /** Aborts when the client leaves. */
  readonly signal: AbortSignal;
  readonly tell: TellRequest;
}

export type Facts = Extract<TextEvent, { type: 'finished' }>['facts'];
type Prompt = Omit<CompletionRequest, 'modelId' | 'sampling' | 'adapters'>;

/** A seed is 32 bits. */
const SEEDS = 2 ** 32;

/** `count` answers to each prompt, one after the other, numbered through; with a seed, each has the next one. */
export async function* answersTo(
  { chat, modelId, adapters, signal, tell }: Answering,
  prompts: readonly Prompt[],
  sampling: Sampling,
  count: number,
): AsyncGenerator<{ readonly index: number; readonly event: TextEvent }> {
  let promptTokens = 0;
  let cachedTokens = 0;
  let answerTokens = 0;
  for (const [place, prompt] of prompts.entries())
    for (let nth = 0; nth < count; nth += 1) {
      const seed = sampling.seed === null ? null : (sampling.seed + nth) % SEEDS;
      for await (const event of chat.complete({ ...prompt, modelId, adapters, sampling: { ...sampling, seed } }, signal)) {
        if (event.type === 'finished') {
          promptTokens += event.facts.promptTokens;
          cachedTokens += event.facts.cachedTokens;
          answerTokens += event.facts.answerTokens;
          tell({ promptTokens, cachedTokens, answerTokens });
        }
        yield { index: place * count + nth, event };
      }
      signal.throwIfAborted();
    }
}

export const finishReason = ({ stopReason }: Facts): 'stop' | 'length' =>
  stopReason === 'maxTokens' || stopReason === 'contextFull' ? 'length' : 'stop';

export function usageOf(facts: readonly Facts[]) {
  const sum = (of: (one: Facts) => number): number => facts.reduce((total, one) => total + of(one), 0);
  const prompt = sum((one) => one.promptTokens);
  const answer = sum((one) => one.answerTokens);
  return {
    prompt_tokens: prompt,
    completion_tokens: answer,
    total_tokens: prompt + answer,
    prompt_tokens_details: { cached_tokens: sum((one) => one.cachedTokens) },
  };
}
