import { LlamaGrammarEvaluationState } from 'node-llama-cpp';
import type { z } from 'zod';
import { AppError } from '#core/errors/index.ts';
import { grammarOfSchema, JSON_OBJECT_SCHEMA } from '#core/sampling/json-schema.ts';
import type { answerFormat } from '#contract/chat.ts';
import type { OpenModel } from './model.ts';

type AnswerFormat = z.output<typeof answerFormat>;

/** What keeps an answer to its format. Throws `chat.badSchema`, `chat.badGrammar`, `chat.formatUnreachable`. */
export async function formatState(
  { model, takeProblems, canWriteAll }: OpenModel,
  format: AnswerFormat,
): Promise<LlamaGrammarEvaluationState> {
  const text = format.type === 'grammar' ? format.grammar : grammarOfSchema(format.type === 'json' ? JSON_OBJECT_SCHEMA : format.schema);
  if (!canWriteAll) throw new AppError('chat.formatUnreachable', {});
  takeProblems();
  try {
    const grammar = await model.llama.createGrammar({ grammar: text });
    return new LlamaGrammarEvaluationState({ model, grammar });
  } catch (error) {
    const said = takeProblems();
    const problem = said.find((line) => /expecting|undefined|recursion|unknown|root/i.test(line)) ?? said.at(-1);
    const ours = error instanceof Error ? error.message : String(error);
    throw new AppError('chat.badGrammar', { problem: (problem ?? ours).replace(/^\w+: /, '').slice(0, 300) });
  }
}
