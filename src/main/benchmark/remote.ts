import { randomInt } from 'node:crypto';
import { AppError } from '#core/errors/index.ts';
import type { BenchmarkRequest, BenchmarkTarget, CellResult, CellTask, PromptsResult, Series } from '#contract/benchmark.ts';
import { sampling } from '#contract/chat.ts';
import type { JobContext } from '../jobs/runner.ts';
import { streamCompletion, type RemoteEnd } from '../remote/completion.ts';
import type { RemoteEngines } from '../remote/index.ts';
import { seriesOf } from './measure.ts';

type Remote = Extract<BenchmarkTarget, { kind: 'remote' }>;
type Progress = Pick<JobContext, 'signal' | 'progress'>;

interface Question {
  readonly text: string;
  readonly systemPrompt?: string;
  readonly maxTokens: number;
}

/**
 * Measure one cell of a model behind an endpoint, from here: with the way there and back, and whatever else it is asked meanwhile. What it
 * takes of its computer is not known. Throws `remote.*`.
 */
export async function measureRemote(
  { target }: Pick<RemoteEngines, 'target'>,
  { engineId, model }: Remote,
  task: CellTask,
  { prompts }: BenchmarkRequest,
  { signal, progress }: Progress,
): Promise<CellResult> {
  const ask = async ({ text, systemPrompt = '', maxTokens }: Question): Promise<RemoteEnd & { readonly text: string }> => {
    // Without a seed: not every endpoint takes one, and the likeliest token needs none.
    const settings = { ...sampling.parse({ temperature: 0, maxTokens }), seed: null };
    const question = { model, mode: 'chat' as const, systemPrompt, turns: [{ role: 'user' as const, text }], sampling: settings };
    let answer = '';
    for await (const event of streamCompletion(target(engineId), question, { signal })) {
      if (event.type === 'finished') return { ...event, text: answer };
      answer += event.text;
    }
    throw signal.reason;
  };
  const tell = (amount: number, total: number): void =>
    progress({ phase: 'benchmark.measuring', detail: null, amount, total, unit: 'cells' });

  if (task.kind === 'speed') {
    const { promptTokens, newTokens, context, repetitions } = task.settings;
    const ends: RemoteEnd[] = [];
    // The first one wakes the endpoint, and is not counted.
    for (let turn = -1; turn < repetitions; turn += 1) {
      tell(turn + 1, repetitions + 1);
      const end = await ask({ text: longPrompt(promptTokens + context), maxTokens: newTokens });
      if (turn >= 0) ends.push(end);
    }
    return {
      kind: 'speed',
      promptPerSecond: seriesOfAll(ends, readingRate),
      newPerSecond: seriesOfAll(ends, writingRate),
      firstTokenMs: seriesOfAll(ends, ({ firstMs }) => firstMs),
      loadMs: null,
      peakMemoryBytes: null,
      peakVramBytes: null,
      joulesPerToken: null,
      backgroundLoad: null,
      threads: null,
    };
  }
  // Probabilities of a text, and so quality and questions, are not to be had from an endpoint.
  if (task.kind !== 'prompts' || prompts === null) throw new AppError('benchmark.nothing', {});
  const outputs: PromptsResult['outputs'] = [];
  for (const text of prompts.texts) {
    tell(outputs.length, prompts.texts.length);
    const end = await ask({ text, systemPrompt: prompts.systemPrompt, maxTokens: prompts.maxTokens });
    outputs.push({
      prompt: text,
      text: end.text,
      stopReason: end.finish === 'length' ? 'maxTokens' : 'end',
      tokens: end.usage?.answerTokens ?? null,
      firstTokenMs: end.firstMs,
      tokensPerSecond: writingRate(end),
    });
  }
  return { kind: 'prompts', outputs };
}

/** Each of them one token in the vocabularies that are in use. */
const WORDS = ['the', 'sea', 'was', 'calm', 'and', 'a', 'small', 'boat', 'went', 'out', 'to', 'look', 'for', 'its', 'old', 'island'];

/**
 * A text of about so many tokens. Its words are drawn anew each time: endpoints keep what they have read, and would not read the same again.
 */
function longPrompt(tokens: number): string {
  const words = Array.from({ length: tokens }, () => WORDS[randomInt(WORDS.length)]);
  return `${words.join(' ')}\n\nGo on with this text for as long as you can.`;
}

/** Of the tokens that were not kept from before; null where the endpoint does not tell how many there were. */
function readingRate({ usage, firstMs }: RemoteEnd): number | null {
  const read = usage === null ? 0 : usage.promptTokens - usage.cachedTokens;
  return read > 0 && firstMs !== null && firstMs > 0 ? read / (firstMs / 1000) : null;
}

/** As here: the first token's time belongs to the prompt. Null where it is not told, or where all came at once. */
const writingRate = ({ usage, writingMs }: RemoteEnd): number | null =>
  usage !== null && usage.answerTokens > 1 && writingMs > 0 ? (usage.answerTokens - 1) / (writingMs / 1000) : null;

/** Null where it is not known of every repetition. */
function seriesOfAll(ends: readonly RemoteEnd[], read: (end: RemoteEnd) => number | null): Series | null {
  const values = ends.map(read).filter((value) => value !== null);
  return values.length === ends.length && values.length > 0 ? seriesOf(values) : null;
}
