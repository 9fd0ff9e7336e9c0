import { AppError } from '#core/errors/index.ts';
import type { OpenModel } from './model.ts';

/** llama.cpp aligns contexts to this. */
const CONTEXT_STEP = 256;
/** The beginning and the end that a vocabulary may ask for. */
const EDGE_TOKENS = 2;

interface Embedded {
  readonly index: number;
  readonly vector: number[];
  readonly tokens: number;
}

/**
 * Vectors of texts, each of length 1: pooled as the model's file says, or the state of the last token where it says
 * nothing. In a context of its own, since the other one computes probabilities. Throws `chat.*`, `tokenizer.unsupportedText`.
 */
export async function* embed(
  { model, check }: OpenModel,
  threads: number,
  texts: readonly string[],
  signal: AbortSignal,
): AsyncGenerator<Embedded> {
  for (const text of texts) {
    check(text, false);
    if (text === '') throw new AppError('chat.emptyPrompt', {});
  }
  const prompts = texts.map((text) => model.tokenize(text));
  const longest = Math.max(0, ...prompts.map(({ length }) => length)) + EDGE_TOKENS;
  if (longest > model.trainContextSize)
    throw new AppError('chat.promptTooLong', { promptTokens: longest, contextLength: model.trainContextSize });
  const contextSize = Math.ceil((longest + 1) / CONTEXT_STEP) * CONTEXT_STEP;
  const failed = (error: unknown): AppError =>
    new AppError('chat.noEmbedding', { problem: error instanceof Error ? error.message : String(error) });
  const context = await model
    // An encoder looks at the whole text at once: it has to fit into one batch.
    .createEmbeddingContext({ contextSize, batchSize: contextSize, threads, createSignal: signal })
    .catch((error: unknown) => {
      signal.throwIfAborted();
      throw failed(error);
    });
  try {
    for (const [index, prompt] of prompts.entries()) {
      signal.throwIfAborted();
      const { vector } = await context.getEmbeddingFor(prompt).catch((error: unknown) => {
        throw failed(error);
      });
      const norm = Math.hypot(...vector);
      if (!Number.isFinite(norm) || norm === 0) throw failed('its numbers are not finite');
      yield { index, vector: vector.map((value) => value / norm), tokens: prompt.length };
    }
  } finally {
    await context.dispose();
  }
}
