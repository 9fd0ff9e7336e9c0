import type { AnswerFacts, Asked, Made, MakeContext } from '../chat/generation.ts';
import { streamCompletion, type RemoteEnd } from './completion.ts';
import type { RemoteTarget } from './http.ts';

/** An answer that a remote engine is asked for. */
export interface RemoteAnswerRequest extends Asked {
  readonly remote: { readonly target: RemoteTarget; readonly model: string };
}

/** As the engines of this computer count: the first token's time is not part of the writing. */
const speedOf = (tokens: number, writingMs: number): number | null =>
  tokens > 1 && writingMs > 0 ? (tokens - 1) / (writingMs / 1000) : null;

/**
 * Have a remote engine make one answer. Resolves also when it was stopped; the facts then say so. Throws `remote.*`; the text that came
 * before was told.
 */
export async function makeRemoteAnswer(request: RemoteAnswerRequest, { stop, tell }: MakeContext): Promise<Made> {
  const { remote, sampling, mode, systemPrompt, turns, tools } = request;
  const { target, model } = remote;
  const factsOf = (isCounted: boolean, facts: Omit<AnswerFacts, 'modelId' | 'modelName' | 'remote' | 'sampling'>): AnswerFacts => ({
    modelId: null,
    modelName: model,
    remote: { name: target.name, host: target.host, isCounted },
    sampling,
    ...facts,
  });
  const startedMs = performance.now();
  let pieces = 0;
  let firstMs: number | null = null;
  let lastMs = 0;
  /** What is known of an answer that did not come to its end. */
  const stopped = (): Made => ({
    facts: factsOf(false, {
      promptTokens: 0,
      cachedTokens: 0,
      answerTokens: pieces,
      timeToFirstTokenMs: firstMs,
      tokensPerSecond: speedOf(pieces, lastMs - (firstMs ?? lastMs)),
      stopReason: 'stopped',
    }),
    calls: [],
  });
  try {
    for await (const event of streamCompletion(target, { model, mode, systemPrompt, sampling, turns, tools }, { signal: stop })) {
      if (event.type === 'finished') return { facts: factsOf(event.usage !== null, figuresOf(event)), calls: event.calls };
      lastMs = performance.now() - startedMs;
      firstMs ??= lastMs;
      pieces += 1;
      tell(event);
    }
  } catch (error) {
    if (!stop.aborted) throw error;
  }
  return stopped();
}

function figuresOf({ usage, pieces, firstMs, writingMs, finish }: RemoteEnd): Omit<AnswerFacts, 'modelId' | 'modelName' | 'sampling'> {
  const answerTokens = usage?.answerTokens ?? pieces;
  return {
    promptTokens: usage?.promptTokens ?? 0,
    cachedTokens: usage?.cachedTokens ?? 0,
    answerTokens,
    timeToFirstTokenMs: firstMs,
    tokensPerSecond: speedOf(answerTokens, writingMs),
    stopReason: finish === 'length' ? 'maxTokens' : 'end',
  };
}
