import { splitReasoning } from './reasoning.ts';
import { pathTo, turnsTo, type Said } from './thread.ts';
import type { PromptTurn } from './turn.ts';

/** What stands in the place of a conversation's oldest turns. */
export interface Summary {
  readonly text: string;
  /** Turns from the beginning that it is the summary of. */
  readonly turns: number;
}

/** A summary is for the turns before a question; one of another conversation, or of turns that are gone, is none. */
const isOf = (turns: readonly PromptTurn[], summary: Summary): boolean => turns[summary.turns]?.role === 'user';

/** Turns that a summary stands for; none where it is not of this conversation. */
export const summarisedTurns = (turns: readonly PromptTurn[], summary: Summary | undefined): number =>
  summary !== undefined && isOf(turns, summary) ? summary.turns : 0;

/**
 * A conversation with the summary in the place of the turns that it is of. It is told at the beginning of the first question that
 * remains: not every template has a place for a system prompt.
 */
export function withSummary(turns: readonly PromptTurn[], summary: Summary | undefined): readonly PromptTurn[] {
  if (summary === undefined || !isOf(turns, summary)) return turns;
  const [question, ...rest] = turns.slice(summary.turns);
  if (question === undefined) return turns;
  return [{ ...question, text: `[What was said before, in short: ${summary.text}]\n\n${question.text}` }, ...rest];
}

interface WithSummary {
  readonly facts: { readonly summary?: Summary | undefined } | null;
}

/** The summary that the newest of these facts was made with; undefined where that one read the whole conversation. */
export const latestSummary = (path: readonly WithSummary[]): Summary | undefined =>
  path.findLast(({ facts }) => facts !== null)?.facts?.summary;

/** What is said on the way to a message: its turns, and what the newest answer among them had in the place of the oldest ones. */
export const said = (messages: readonly (Said & WithSummary)[], leafId: string | null) => ({
  turns: turnsTo(messages, leafId),
  summary: latestSummary(pathTo(messages, leafId)),
});

/** Of the context, how much a summary may take while it is made: a model may think first. */
const SUMMARY_SHARE = 0.25;
/** Of the prompt's room, how much the turns that are kept take at most, so that it is not summarised again at once. */
const KEPT_SHARE = 0.5;
/** Tokens that a word takes, roughly, in the languages that take few. */
const TOKENS_PER_WORD = 2;

export interface SummaryPlan {
  /** Tokens that the turns after the summary may have. */
  readonly keptTokens: number;
  /** Tokens that the model may write. */
  readonly maxTokens: number;
  /** What the model is asked, after the turns. */
  readonly question: string;
}

/** @param room tokens that a prompt may have */
export function summaryPlan(contextLength: number, room: number): SummaryPlan {
  const maxTokens = Math.max(1, Math.floor(contextLength * SUMMARY_SHARE));
  // Half of what it may take: the rest is for thinking, and for models that do not count.
  const words = Math.max(20, Math.floor(maxTokens / TOKENS_PER_WORD / 2));
  return {
    keptTokens: Math.floor(room * KEPT_SHARE),
    maxTokens,
    question: `Summarise our conversation so far in at most ${words} words, in the language that it is in. Keep names, numbers, decisions, facts and open questions. Write the summary and nothing else.`,
  };
}

/** What of an answer is the summary; empty where the model only thought. */
export const summaryOf = (answer: string): string => splitReasoning(answer).answer.trim();
