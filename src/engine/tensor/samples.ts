import type { AdapterFile, Continuation } from '../native-quantize.ts';
import type { Native } from '../native.ts';
import { trainedContext } from './run-model.ts';

/** Places of a text that models go on from, tokens of the text before each, and of what they make of it. */
export const SAMPLES = 5;
const PROMPT_TOKENS = 24;
const NEW_TOKENS = 32;

export interface SampleRun {
  readonly kernels: Pick<Native, 'continueText'>;
  readonly run: { readonly text: string; readonly threads: number; readonly signal: AbortSignal };
  /** Of all models: what follows must be within what they were trained on. */
  readonly paths: readonly string[];
  readonly tell: (done: number) => void;
}

/** Greedy continuations of the same places by several models, in their order. Throws what `continueText` throws. */
export async function samplesOf(
  { kernels, run, paths, tell }: SampleRun,
  models: readonly { readonly path: string; readonly adapters: readonly AdapterFile[] }[],
): Promise<readonly (readonly Continuation[])[]> {
  // BOS, the prompt and what follows it.
  const room = (await trainedContext(1 + PROMPT_TOKENS + NEW_TOKENS, paths)) - 1;
  const promptTokens = Math.min(PROMPT_TOKENS, Math.floor(room / 2));
  const newTokens = Math.min(NEW_TOKENS, room - promptTokens);
  const found: (readonly Continuation[])[] = [];
  for (const [done, { path, adapters }] of models.entries()) {
    const onProgress = (amount: number): void => tell(done * SAMPLES + amount);
    found.push(await kernels.continueText({ ...run, modelPath: path, adapters, places: SAMPLES, promptTokens, newTokens, onProgress }));
  }
  return found;
}
