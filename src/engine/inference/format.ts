import { LlamaGrammarEvaluationState } from 'node-llama-cpp';
import type { z } from 'zod';
import { AppError } from '#core/errors/index.ts';
import { grammarOfSchema, JSON_OBJECT_SCHEMA } from '#core/sampling/json-schema.ts';
import type { answerFormat } from '#contract/chat.ts';
import type { LlamaRuntime } from './llama.ts';
import type { OpenModel } from './model.ts';

type AnswerFormat = z.output<typeof answerFormat>;

/** What a format is as a grammar. Throws `chat.badSchema`. */
const grammarOf = (format: AnswerFormat): string =>
  format.type === 'grammar' ? format.grammar : grammarOfSchema(format.type === 'json' ? JSON_OBJECT_SCHEMA : format.schema);

/** What keeps an answer to its format. Throws `chat.badSchema`, `chat.badGrammar`, `chat.formatUnreachable`. */
export async function formatState(
  { model, takeProblems, canWriteAll }: OpenModel,
  format: AnswerFormat,
): Promise<LlamaGrammarEvaluationState> {
  const text = grammarOf(format);
  if (!canWriteAll) throw new AppError('chat.formatUnreachable', {});
  return parsed(
    takeProblems,
    async () => new LlamaGrammarEvaluationState({ model, grammar: await model.llama.createGrammar({ grammar: text }) }),
  );
}

/** Read a format as llama.cpp would, without a model. Throws `chat.badSchema` and `chat.badGrammar`. */
export async function checkFormat({ llama, takeProblems }: LlamaRuntime, format: AnswerFormat): Promise<void> {
  const grammar = grammarOf(format);
  await parsed(takeProblems, () => llama.createGrammar({ grammar }));
}

/** Parse a grammar, and say in llama.cpp's words what is wrong with it. */
async function parsed<T>(takeProblems: () => string[], parse: () => Promise<T>): Promise<T> {
  takeProblems();
  try {
    return await parse();
  } catch (error) {
    const said = takeProblems();
    const problem = said.find((line) => /expecting|undefined|recursion|unknown|root/i.test(line)) ?? said.at(-1);
    const ours = error instanceof Error ? error.message : String(error);
    throw new AppError('chat.badGrammar', { problem: (problem ?? ours).replace(/^\w+: /, '').slice(0, 300) });
  }
}
