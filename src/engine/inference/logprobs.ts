import type { Token } from 'node-llama-cpp';
import type { TokenChoice } from '#contract/chat.ts';
import type { OpenModel } from './model.ts';
import { byteLevelBytes } from './vocabulary.ts';

/** Stands for the logarithm of zero, which JSON cannot carry; OpenAI's own answers hold the same number. */
const LOG_OF_NOTHING = -9999;

const encoder = new TextEncoder();
const REPLACEMENT = '\uFFFD';

/**
 * A token with its probability and what else was likely, in the distribution that it was drawn from: after penalties,
 * filters and temperature. Without those, and at temperature 0, that is the model's own.
 * @param before tokens before it, which decide about a leading space
 */
export function tokenChoice(
  open: OpenModel,
  token: Token,
  probabilities: ReadonlyMap<Token, number>,
  before: readonly Token[],
  count: number,
): TokenChoice {
  const candidate = (id: Token, probability: number) => {
    const text = open.model.detokenize([id], true, before);
    return { text, bytes: bytesOf(open, id, text), logprob: Math.max(LOG_OF_NOTHING, Math.log(probability)) };
  };
  const top = [];
  for (const [id, probability] of probabilities) {
    if (top.length >= count) break;
    top.push(candidate(id, probability));
  }
  return { ...candidate(token, probabilities.get(token) ?? 0), top };
}

/** A token may be a part of a character: then its own bytes, as the vocabulary writes them. */
function bytesOf({ pieces }: OpenModel, token: Token, text: string): number[] {
  if (!text.includes(REPLACEMENT)) return [...encoder.encode(text)];
  const piece = pieces[token] ?? '';
  const byte = /^<0x([0-9A-F]{2})>$/.exec(piece)?.[1];
  if (byte !== undefined) return [Number.parseInt(byte, 16)];
  return byteLevelBytes(piece) ?? [...encoder.encode(text)];
}
