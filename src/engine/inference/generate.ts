import { randomInt } from 'node:crypto';
import {
  TokenBias,
  type LlamaContextSequence,
  type LlamaGrammarEvaluationState,
  type LlamaModel,
  type SequenceEvaluateOptions,
  type Token,
} from 'node-llama-cpp';
import { summarisedTurns, type Summary } from '#core/chat/summary.ts';
import { RepeatedNgrams } from '#core/sampling/no-repeat-ngram.ts';
import { stopFinder } from '#core/chat/stop-strings.ts';
import { AppError } from '#core/errors/index.ts';
import type { Sampling, TokenChoice } from '#contract/chat.ts';
import { formatState } from './format.ts';
import { tokenChoice } from './logprobs.ts';
import type { OpenContext, OpenModel } from './model.ts';
import { fitPrompt, type PromptRequest } from './prompt.ts';
import type { TemplateRunner } from './template-runner.ts';
import { modelDetokenizer, TokenText } from './text.ts';

export type StopReason = 'end' | 'maxTokens' | 'stopped' | 'contextFull';

export interface GenerationFacts {
  readonly sampling: Sampling;
  readonly promptTokens: number;
  readonly cachedTokens: number;
  readonly droppedTurns?: number;
  readonly summary?: Summary;
  readonly answerTokens: number;
  readonly timeToFirstTokenMs: number | null;
  readonly tokensPerSecond: number | null;
  readonly stopReason: StopReason;
}

export type GenerateEvent =
  /** So many turns from the beginning are being summarised. */
  | { readonly type: 'summary'; readonly turns: number }
  | { readonly type: 'prompt'; readonly doneTokens: number; readonly totalTokens: number }
  | { readonly type: 'text'; readonly text: string; readonly tokens?: TokenChoice[] }
  | { readonly type: 'finished'; readonly facts: GenerationFacts; readonly stopReason: StopReason };

/** At most one event of text in this time: about as often as a screen shows a new picture. */
const TEXT_EVENT_MS = 25;

/** llama.cpp reads this seed as "any" (`LLAMA_DEFAULT_SEED`); an answer made with it could not be made again. */
const RANDOM_SEED = 0xffff_ffff;

/** Tokens before a token that its text is made out with. */
const LOOK_BACK = 8;

export interface GenerateContext {
  readonly signal: AbortSignal;
  readonly stop: AbortSignal;
  readonly templates: TemplateRunner;
}

/**
 * Answer a request: events of the prompt's progress, of text, and at last what was measured. Each token is made when
 * the reader asks for the next event, so a reader who stops stops the work. `signal` ends it within one token without
 * a last event, `stop` with one.
 */
export async function* generate(
  open: OpenModel,
  { context, sequence }: OpenContext,
  request: PromptRequest,
  { signal, stop, templates }: GenerateContext,
): AsyncGenerator<GenerateEvent> {
  const startMs = performance.now();
  const seed = request.sampling.seed ?? randomInt(RANDOM_SEED);
  const sampling = { ...request.sampling, seed };
  const { tokens: prompt, cut, fits } = await fitPrompt(open, context.contextSize, request, templates);
  if (prompt.length === 0) throw new AppError('chat.emptyPrompt', {});
  // The last place is for the token that is made: its own state would be the one after it.
  const room = context.contextSize - 1;
  if (!fits) throw new AppError('chat.promptTooLong', { promptTokens: prompt.length, contextLength: context.contextSize });
  const format = sampling.format === undefined ? undefined : await formatState(open, sampling.format);

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
  const stops = stopFinder(sampling.stop ?? []);
  const choices = choiceQueue();
  let text = '';
  let firstMs: number | null = null;
  let lastMs = startMs;
  let eventMs = 0;
  let stopReason: StopReason = stop.aborted ? 'stopped' : 'end';
  let isCut = false;
  const tell = (): GenerateEvent => {
    const event: GenerateEvent = {
      type: 'text',
      text,
      ...(sampling.topLogprobs === undefined ? {} : { tokens: choices.take(text.length) }),
    };
    text = '';
    return event;
  };
  if (!stop.aborted) {
    const tokens = sampled(
      sequence,
      prompt.slice(done),
      evaluateOptions(sampling, context.contextSize, prompt, answer, format, open.model),
      sampling.topLogprobs !== undefined,
    );
    for await (const { token, probabilities } of tokens) {
      signal.throwIfAborted();
      lastMs = performance.now();
      firstMs ??= lastMs;
      const piece = words.push(token);
      if (probabilities !== undefined) {
        const before = [...prompt.slice(-LOOK_BACK), ...answer.slice(-LOOK_BACK)];
        choices.push(tokenChoice(open, token, probabilities, before, sampling.topLogprobs ?? 0), piece.length);
      }
      answer.push(token);
      const step = stops.push(piece);
      text += step.text;
      isCut = step.stopped;
      if (stop.aborted) stopReason = 'stopped';
      else if (isCut) break;
      else if (answer.length >= sampling.maxTokens) stopReason = 'maxTokens';
      else if (sequence.nextTokenIndex >= room) stopReason = 'contextFull';
      if (stopReason !== 'end') break;
      if (text !== '' && lastMs - eventMs >= TEXT_EVENT_MS) {
        yield tell();
        eventMs = lastMs;
      }
    }
  }
  if (!isCut) text += stops.push(words.end()).text + stops.rest();
  if (text !== '') yield tell();
  const summary = sampling.contextPolicy === 'summarise' ? request.summary : undefined;
  const facts: GenerationFacts = {
    sampling,
    promptTokens: prompt.length,
    cachedTokens,
    ...(cut.droppedTurns === 0 ? {} : { droppedTurns: cut.droppedTurns }),
    ...(summary === undefined || summarisedTurns(request.turns, summary) === 0 ? {} : { summary }),
    answerTokens: answer.length,
    timeToFirstTokenMs: firstMs === null ? null : firstMs - startMs,
    // Between the first and the last: the time before the first is the prompt's.
    tokensPerSecond: firstMs === null || answer.length < 2 ? null : ((answer.length - 1) * 1000) / (lastMs - firstMs),
    stopReason,
  };
  yield { type: 'finished', facts, stopReason };
}

/** Tokens' figures, given out with the text that they are the tokens of: what a stop string cut off is never told. */
function choiceQueue() {
  let waiting: { readonly choice: TokenChoice; readonly end: number }[] = [];
  let made = 0;
  let told = 0;
  return {
    push: (choice: TokenChoice, length: number): void => {
      made += length;
      waiting.push({ choice, end: made });
    },
    /** The tokens of the next so many UTF-16 units of text. */
    take: (length: number): TokenChoice[] => {
      told += length;
      const out = waiting.filter(({ end }) => end <= told);
      waiting = waiting.filter(({ end }) => end > told);
      return out.map(({ choice }) => choice);
    },
  };
}

interface SampledToken {
  readonly token: Token;
  readonly probabilities?: ReadonlyMap<Token, number>;
}

/** The tokens of an answer. The probabilities of the whole vocabulary are only fetched where they are wanted. */
async function* sampled(
  sequence: LlamaContextSequence,
  prompt: Token[],
  options: SequenceEvaluateOptions,
  withProbabilities: boolean,
): AsyncGenerator<SampledToken> {
  if (withProbabilities) yield* sequence.evaluateWithMetadata(prompt, { probabilities: true }, options);
  else for await (const token of sequence.evaluate(prompt, options)) yield { token };
}

/** Our settings as node-llama-cpp's, which applies them in the order of `SAMPLING_PARAMETERS`. */
function evaluateOptions(
  sampling: Sampling,
  /** DRY looks back on all of it: node-llama-cpp's own word for that, -1, comes to nothing in 3.21.1. */
  contextLength: number,
  prompt: readonly Token[],
  answer: readonly Token[],
  format: LlamaGrammarEvaluationState | undefined,
  model: LlamaModel,
): SequenceEvaluateOptions {
  const { temperature, topK, topP, minP, xtcProbability, xtcThreshold, seed } = sampling;
  const { repeatPenalty, repeatLastN, presencePenalty, frequencyPenalty, dryStrength, dryBase, dryAllowedLength, noRepeatNgram } = sampling;
  const isPenalized = repeatLastN > 0 && (repeatPenalty !== 1 || presencePenalty !== 0 || frequencyPenalty !== 0);
  const penalty = {
    punishTokens: () => {
      const recent = answer.slice(-repeatLastN);
      const missing = repeatLastN - recent.length;
      return missing === 0 ? recent : [...prompt.slice(-missing), ...recent];
    },
    maxPunishTokens: repeatLastN,
    penalty: repeatPenalty,
    presencePenalty,
    frequencyPenalty,
  };
  return {
    temperature,
    topK,
    topP,
    minP,
    ...(seed === null ? {} : { seed: seed === RANDOM_SEED ? RANDOM_SEED - 1 : seed }),
    ...(isPenalized ? { repeatPenalty: penalty } : {}),
    ...(dryStrength > 0
      ? { dryRepeatPenalty: { strength: dryStrength, base: dryBase, allowedLength: dryAllowedLength, lastTokens: contextLength } }
      : {}),
    ...(noRepeatNgram > 0 ? { tokenBias: withoutRepeats(model, noRepeatNgram, prompt, answer) } : {}),
    ...(xtcProbability > 0 ? { xtc: { probability: xtcProbability, threshold: xtcThreshold } } : {}),
    ...(format === undefined ? {} : { grammarEvaluationState: format }),
  };
}

/** Asked before each token. Node-llama-cpp lets no bias reach the tokens that end an answer. */
function withoutRepeats(model: LlamaModel, size: number, prompt: readonly Token[], answer: readonly Token[]): () => TokenBias {
  const repeats = new RepeatedNgrams(size, prompt);
  let seen = 0;
  return () => {
    for (; seen < answer.length; seen += 1) repeats.push(answer[seen] ?? 0);
    return TokenBias.for(model).set([...repeats.banned()] as Token[], 'never');
  };
}
