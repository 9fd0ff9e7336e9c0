import type { Token } from 'node-llama-cpp';
import { contextCuts, mildestFit, promptRoom, type ContextCut } from '#core/chat/context.ts';
import { withSummary, type Summary } from '#core/chat/summary.ts';
import type { PromptTurn, Tool } from '#core/chat/turn.ts';
import { AppError } from '#core/errors/index.ts';
import type { Sampling } from '#contract/chat.ts';
import type { OpenModel } from './model.ts';
import type { TemplateRunner } from './template-runner.ts';

export interface PromptRequest {
  readonly mode: 'chat' | 'text';
  readonly systemPrompt: string;
  readonly turns: readonly PromptTurn[];
  readonly sampling: Sampling;
  readonly tools?: readonly Tool[] | undefined;
  /** In the place of the model's own template. */
  readonly template?: string | undefined;
  /** The beginning of the answer: the model goes on from there. */
  readonly prefill?: string | undefined;
  /** In the place of the oldest turns, under the policy that summarises them. */
  readonly summary?: Summary | undefined;
}

export interface FittedPrompt {
  readonly tokens: readonly Token[];
  readonly cut: ContextCut;
  /** False: the shortest prompt that the policy allows, and it is too long. */
  readonly fits: boolean;
}

/**
 * The tokens that a request is for the model. Throws `chat.*` where there is no template or it fails or does not end, and
 * `tokenizer.unsupportedText`.
 */
export async function promptTokens(
  { model, chatTemplate: own, check }: OpenModel,
  request: PromptRequest,
  templates: TemplateRunner,
): Promise<Token[]> {
  const { bos, shouldPrependBosToken } = model.tokens;
  const start = shouldPrependBosToken && bos !== null ? [bos] : [];
  const tokenize = (text: string, specialTokens: boolean): Token[] => {
    check(text, specialTokens);
    return model.tokenize(text, specialTokens);
  };
  const { mode, systemPrompt, turns, tools, template: chatTemplate = own, prefill = '' } = request;
  if (mode === 'text') return [...start, ...tokenize(systemPrompt + turns.map((turn) => turn.text).join('') + prefill, false)];
  if (chatTemplate === null) throw new AppError('chat.noTemplate', {});
  const names = { bos: model.tokens.bosString, eos: model.tokens.eosString };
  const rendered = await templates.render({ source: chatTemplate, conversation: { systemPrompt, turns, tools }, tokens: names });
  const tokens = tokenize(rendered + prefill, true);
  // Most templates write the first token themselves.
  return tokens[0] === bos ? tokens : [...start, ...tokens];
}

/** Tokens that the prompt of a request may have. */
export const roomOf = ({ sampling }: PromptRequest, contextLength: number): number =>
  promptRoom(sampling.contextPolicy, contextLength, sampling.maxTokens);

/**
 * The prompt of a request after the request's own policy, counted in tokens. Nothing but whole turns is left out; those that a
 * summary stands for are not counted among them.
 * @param room in the place of what the policy allows
 */
export async function fitPrompt(
  open: OpenModel,
  contextLength: number,
  request: PromptRequest,
  templates: TemplateRunner,
  room: number = roomOf(request, contextLength),
): Promise<FittedPrompt> {
  const { mode, systemPrompt, sampling } = request;
  const turns = sampling.contextPolicy === 'summarise' ? withSummary(request.turns, request.summary) : request.turns;
  const cuts = contextCuts({
    // A text has no turns that could be left out.
    policy: mode === 'text' ? 'stop' : sampling.contextPolicy,
    roles: turns.map(({ role }) => role),
    hasSystem: systemPrompt.trim() !== '',
  });
  const tokensOf = async (cut: ContextCut) => {
    const prompt = await promptTokens(
      open,
      { ...request, systemPrompt: cut.droppedSystem ? '' : systemPrompt, turns: turns.slice(cut.droppedTurns) },
      templates,
    );
    return { tokens: prompt.length, prompt };
  };
  const fitted = await mildestFit(cuts, room, tokensOf);
  if (fitted !== null) return { tokens: fitted.prompt, cut: fitted.cut, fits: true };
  const shortest = cuts.at(-1) ?? { droppedTurns: 0, droppedSystem: false };
  const { tokens, prompt } = await tokensOf(shortest);
  // What the window would have left for the answer is given to the question rather than refusing it.
  return { tokens: prompt, cut: shortest, fits: tokens <= contextLength - 1 };
}
