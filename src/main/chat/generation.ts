import type { z } from 'zod';
import { AppError } from '#core/errors/index.ts';
import type { answerFacts, answerText, generationEvent, Thread } from '#contract/chat.ts';
import type { Model } from '#contract/library.ts';
import type { Summary } from '#core/chat/summary.ts';
import type { PromptTurn, Tool } from '#core/chat/turn.ts';
import { adaptersAt, type UsedAdapter } from '../jobs/adapters.ts';
import type { LoadedModel } from './loaded-model.ts';
import type { Turnstile } from './turns.ts';

export type AnswerFacts = z.output<typeof answerFacts>;
export type GenerationEvent = z.output<typeof generationEvent>;
/** What comes before the end of an answer. */
export type AnswerEvent = Extract<GenerationEvent, { type: 'loading' | 'summary' | 'prompt' | 'text' }>;

/** What is asked, whoever answers. */
export interface Asked extends Pick<Thread, 'mode' | 'systemPrompt' | 'sampling'> {
  readonly turns: readonly PromptTurn[];
  readonly tools?: readonly Tool[] | undefined;
  /** In the place of the model's own template. */
  readonly template?: string | undefined;
  /** The beginning of the answer: the model goes on from there. */
  readonly prefill?: string | undefined;
  /** Of the oldest turns, made for an answer before. */
  readonly summary?: Summary | undefined;
}

/** An answer of a model of the library. */
export interface AnswerRequest extends Asked {
  readonly model: Model;
  /** Beside the model's weights; default none. */
  readonly adapters?: readonly UsedAdapter[] | undefined;
}

/** What makes an answer tells as it goes on, and ends by. */
export interface MakeContext {
  /** Ends the answer; what came so far is its text. */
  readonly stop: AbortSignal;
  /** Called in order, as the answer is made. */
  readonly tell: (event: AnswerEvent) => void;
}

/** An answer's end. `calls`: of functions, where they did not come as text. */
export interface Made {
  readonly facts: AnswerFacts;
  readonly calls: readonly { readonly name: string; readonly arguments: string }[];
}

/** A request as the engine's contract asks for it. */
export function engineRequest({ mode, systemPrompt, sampling, turns, tools, template, prefill, summary }: Asked) {
  return {
    mode,
    systemPrompt,
    sampling,
    turns: turns.map(({ toolCalls, ...turn }) => ({ ...turn, ...(toolCalls === undefined ? {} : { toolCalls: [...toolCalls] }) })),
    ...(tools === undefined || tools.length === 0 ? {} : { tools: [...tools] }),
    ...(template === undefined ? {} : { template }),
    ...(prefill === undefined ? {} : { prefill }),
    ...(summary === undefined ? {} : { summary }),
  };
}

type TextEvent = z.output<typeof answerText>;

/** Two texts that follow each other as one. */
export const joined = (waiting: TextEvent, next: TextEvent): TextEvent => ({
  type: 'text',
  text: waiting.text + next.text,
  ...(waiting.tokens === undefined && next.tokens === undefined ? {} : { tokens: [...(waiting.tokens ?? []), ...(next.tokens ?? [])] }),
});

interface AnswerContext extends MakeContext {
  readonly turnstile: Turnstile;
  readonly loadedModel: LoadedModel;
}

/** An engine that was asked to stop has this long to say what it measured. */
const STOP_GRACE_MS = 3000;

/**
 * Make one answer: wait for the engine's turn, load the model if it is not there, generate. Resolves also when it was stopped; the
 * facts then say so. Throws `engine.*`, `chat.*`, `tokenizer.*`; the text that came before was told.
 */
export async function makeAnswer(request: AnswerRequest, { turnstile, loadedModel, stop, tell }: AnswerContext): Promise<AnswerFacts> {
  const { model, sampling, adapters = [] } = request;
  let measured: Pick<AnswerFacts, 'promptTokens' | 'cachedTokens'> = { promptTokens: 0, cachedTokens: 0 };
  const used = adapters.map(({ adapter, scale }) => ({ adapterId: adapter.id, name: adapter.name, scale }));
  const identity = { modelId: model.id, modelName: model.name, ...(used.length === 0 ? {} : { adapters: used }) };
  /** Stopped before the engine could measure anything. */
  const stopped = (): AnswerFacts => ({
    ...identity,
    ...measured,
    sampling,
    answerTokens: 0,
    timeToFirstTokenMs: null,
    tokensPerSecond: null,
    stopReason: 'stopped',
  });

  let leave: () => void;
  try {
    leave = await turnstile.enter(stop);
  } catch {
    return stopped();
  }
  const forced = new AbortController();
  let grace: NodeJS.Timeout | undefined;
  let onStop: (() => void) | undefined;
  try {
    const inference = await loadedModel.load({
      model,
      adapters: adaptersAt(adapters),
      contextLength: null,
      signal: stop,
      onStage: (stage) => tell({ type: 'loading', ...stage }),
    });
    loadedModel.setGenerating(true);
    // The engine ends the answer after its present token, and says what it measured; if it does not, it is left.
    onStop = (): void => {
      inference.stop({}).catch(() => undefined);
      grace = setTimeout(() => forced.abort(), STOP_GRACE_MS);
    };
    stop.addEventListener('abort', onStop, { once: true });
    if (stop.aborted) onStop();
    const events = inference.generate(engineRequest(request), { signal: forced.signal });
    for await (const event of events) {
      if (event.type === 'finished') return { ...event.facts, ...identity };
      if (event.type === 'prompt') measured = { promptTokens: event.totalTokens, cachedTokens: measured.cachedTokens };
      tell(event);
    }
    throw new AppError('request.cancelled', {});
  } catch (error) {
    if (stop.aborted) return stopped();
    throw error;
  } finally {
    clearTimeout(grace);
    if (onStop !== undefined) stop.removeEventListener('abort', onStop);
    loadedModel.setGenerating(false);
    leave();
  }
}
