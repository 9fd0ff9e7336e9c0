import { randomInt } from 'node:crypto';
import type { SequenceEvaluateOptions, Token } from 'node-llama-cpp';
import { AppError } from '#core/errors/index.ts';
import type { Sampling } from '#contract/chat.ts';
import type { OpenContext, OpenModel } from './model.ts';
import { renderChat, type Turn } from './chat-template.ts';
import { modelDetokenizer, TokenText } from './text.ts';

export interface GenerateRequest {
  readonly mode: 'chat' | 'text';
  readonly systemPrompt: string;
  readonly turns: readonly Turn[];
  readonly sampling: Sampling;
}

export type StopReason = 'end' | 'maxTokens' | 'stopped' | 'contextFull';

export interface GenerationFacts {
  readonly sampling: Sampling;
  readonly promptTokens: number;
  readonly cachedTokens: number;
  readonly answerTokens: number;
  readonly timeToFirstTokenMs: number | null;
  readonly tokensPerSecond: number | null;
  readonly stopReason: StopReason;
}

export type GenerateEvent =
  | { readonly type: 'prompt'; readonly doneTokens: number; readonly totalTokens: number }
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'finished'; readonly facts: GenerationFacts; readonly stopReason: StopReason };

/** At most one event of text in this time: about as often as a screen shows a new picture. */
const TEXT_EVENT_MS = 25;

/** llama.cpp reads this seed as "any" (`LLAMA_DEFAULT_SEED`); an answer made with it could not be made again. */
const RANDOM_SEED = 0xffff_ffff;

/**
 * The tokens that a request is for the model. Throws `chat.*` where there is no template or it fails, and
 * `tokenizer.unsupportedText`.
 */
function promptTokens({ model, chatTemplate, check }: OpenModel, request: GenerateRequest): Token[] {
  const { bos, shouldPrependBosToken } = model.tokens;
  const start = shouldPrependBosToken && bos !== null ? [bos] : [];
  const tokenize = (text: string, specialTokens: boolean): Token[] => {
    check(text, specialTokens);
    return model.tokenize(text, specialTokens);
  };
  if (request.mode === 'text') {
    const text = request.systemPrompt + request.turns.map((turn) => turn.text).join('');
    return [...start, ...tokenize(text, false)];
  }
  if (chatTemplate === null) throw new AppError('chat.noTemplate', {});
  const names = { bos: model.tokens.bosString, eos: model.tokens.eosString };
  const tokens = tokenize(renderChat(chatTemplate, request.systemPrompt, request.turns, names), true);
  // Most templates write the first token themselves.
  return tokens[0] === bos ? tokens : [...start, ...tokens];
}

/**
 * Answer a request: events of the prompt's progress, of text, and at last what was measured. Each token is made when
 * the reader asks for the next event, so a reader who stops stops the work. `signal` ends it within one token without
 * a last event, `stop` with one.
 */
export async function* generate(
  open: OpenModel,
  { context, sequence }: OpenContext,
  request: GenerateRequest,
  { signal, stop }: { readonly signal: AbortSignal; readonly stop: AbortSignal },
): AsyncGenerator<GenerateEvent> {
  const startMs = performance.now();
  const seed = request.sampling.seed ?? randomInt(RANDOM_SEED);
  const sampling = { ...request.sampling, seed };
  const prompt = promptTokens(open, request);
  if (prompt.length === 0) throw new AppError('chat.emptyPrompt', {});
  // The last place is for the token that is made: its own state would be the one after it.
  const room = context.contextSize - 1;
  if (prompt.length > room) throw new AppError('chat.promptTooLong', { promptTokens: prompt.length, contextLength: context.contextSize });

  // The last token is computed in any case: from it comes the first of the answer.
  await sequence.adaptStateToTokens(prompt.slice(0, -1), false);
  const cachedTokens = sequence.nextTokenIndex;
  let done = cachedTokens;
  yield { type: 'prompt', doneTokens: done, totalTokens: prompt.length };
  while (prompt.length - done > context.batchSize) {
    signal.throwIfAborted();
    if (stop.aborted) break;
    await sequence.evaluateWithoutGeneratingNewTokens(prompt.slice(done, done + context.batchSize));
    done += context.batchSize;
    yield { type: 'prompt', doneTokens: done, totalTokens: prompt.length };
  }

  const answer: Token[] = [];
  const words = new TokenText(modelDetokenizer(open.model), prompt);
  let text = '';
  let firstMs: number | null = null;
  let lastMs = startMs;
  let eventMs = 0;
  let stopReason: StopReason = stop.aborted ? 'stopped' : 'end';
  if (!stop.aborted) {
    for await (const token of sequence.evaluate(prompt.slice(done), evaluateOptions(sampling, prompt, answer))) {
      signal.throwIfAborted();
      lastMs = performance.now();
      firstMs ??= lastMs;
      answer.push(token);
      text += words.push(token);
      if (stop.aborted) stopReason = 'stopped';
      else if (answer.length >= sampling.maxTokens) stopReason = 'maxTokens';
      else if (sequence.nextTokenIndex >= room) stopReason = 'contextFull';
      if (stopReason !== 'end') break;
      if (text !== '' && lastMs - eventMs >= TEXT_EVENT_MS) {
        yield { type: 'text', text };
        text = '';
        eventMs = lastMs;
      }
    }
  }
  text += words.end();
  if (text !== '') yield { type: 'text', text };
  const facts: GenerationFacts = {
    sampling,
    promptTokens: prompt.length,
    cachedTokens,
    answerTokens: answer.length,
    timeToFirstTokenMs: firstMs === null ? null : firstMs - startMs,
    // Between the first and the last: the time before the first is the prompt's.
    tokensPerSecond: firstMs === null || answer.length < 2 ? null : ((answer.length - 1) * 1000) / (lastMs - firstMs),
    stopReason,
  };
  yield { type: 'finished', facts, stopReason };
}

/** Our settings as node-llama-cpp's. It applies them in llama.cpp's order: penalty, top-k, top-p, min-p, temperature. */
function evaluateOptions(
  { temperature, topK, topP, minP, repeatPenalty, repeatLastN, seed }: Sampling,
  prompt: readonly Token[],
  answer: readonly Token[],
): SequenceEvaluateOptions {
  const penalty = {
    punishTokens: () => {
      const recent = answer.slice(-repeatLastN);
      const missing = repeatLastN - recent.length;
      return missing === 0 ? recent : [...prompt.slice(-missing), ...recent];
    },
    maxPunishTokens: repeatLastN,
    penalty: repeatPenalty,
  };
  return {
    temperature,
    topK,
    topP,
    minP,
    ...(seed === null ? {} : { seed: seed === RANDOM_SEED ? RANDOM_SEED - 1 : seed }),
    ...(repeatPenalty === 1 || repeatLastN === 0 ? {} : { repeatPenalty: penalty }),
  };
}
