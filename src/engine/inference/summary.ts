import { mildestFit } from '#core/chat/context.ts';
import { summarisedTurns, summaryOf, summaryPlan, withSummary } from '#core/chat/summary.ts';
import { sampling as samplingSchema } from '#contract/chat.ts';
import { generate, type GenerateContext, type GenerateEvent } from './generate.ts';
import type { OpenContext, OpenModel } from './model.ts';
import { fitPrompt, promptTokens, roomOf, type PromptRequest } from './prompt.ts';

/**
 * Have the model summarise the oldest turns of a request that has outgrown the context, if that is the request's policy.
 * Returns the request with what came of it; unchanged where nothing had to be done or nothing came: then the policy leaves the
 * turns out, and says so.
 */
export async function* summarised(
  open: OpenModel,
  context: OpenContext,
  request: PromptRequest,
  work: GenerateContext,
): AsyncGenerator<GenerateEvent, PromptRequest> {
  if (request.mode === 'text' || request.sampling.contextPolicy !== 'summarise') return request;
  const contextLength = context.context.contextSize;
  const { cut, fits } = await fitPrompt(open, contextLength, request, work.templates);
  if (!fits || cut.droppedTurns === 0) return request;
  const plan = summaryPlan(contextLength, roomOf(request, contextLength));
  const { cut: deeper } = await fitPrompt(open, contextLength, request, work.templates, plan.keptTokens);
  const end = summarisedTurns(request.turns, request.summary) + deeper.droppedTurns;
  yield { type: 'summary', turns: end };

  const sampling = samplingSchema.parse({ temperature: 0, seed: 0, maxTokens: plan.maxTokens });
  const room = contextLength - 1 - plan.maxTokens;
  let { summary } = request;
  // All at once where they fit, which they do unless the context was longer before.
  for (let done = summarisedTurns(request.turns, summary); done < end; done = summary.turns) {
    const part = await longestPart(open, { ...request, summary }, { end, room, question: plan.question }, work);
    // What was summarised so far is better than nothing; the policy leaves the rest out.
    if (part === null) break;
    let text = '';
    for await (const event of generate(open, context, { ...part.request, sampling }, work)) if (event.type === 'text') text += event.text;
    const said = summaryOf(text);
    if (said === '' || work.stop.aborted) break;
    summary = { text: said, turns: part.turns };
  }
  return { ...request, summary };
}

interface Part {
  readonly request: PromptRequest;
  /** Turns from the beginning that the summary is then of. */
  readonly turns: number;
}

/** The question for a summary of as many turns as fit, each time ending before a question; null where not even the first ones do. */
async function longestPart(
  open: OpenModel,
  request: PromptRequest,
  { end, room, question }: { readonly end: number; readonly room: number; readonly question: string },
  { templates }: GenerateContext,
): Promise<Part | null> {
  const from = summarisedTurns(request.turns, request.summary);
  const ends = request.turns.flatMap(({ role }, index) => (index > from && index <= end && role === 'user' ? [index] : [])).reverse();
  const fitted = await mildestFit(ends, room, async (turns) => {
    const said = withSummary(request.turns.slice(0, turns + 1), request.summary).slice(0, -1);
    const prompt: PromptRequest = {
      ...request,
      turns: [...said, { role: 'user', text: question }],
      prefill: undefined,
      summary: undefined,
    };
    return { tokens: (await promptTokens(open, prompt, templates)).length, prompt };
  });
  return fitted === null ? null : { request: fitted.prompt, turns: fitted.cut };
}
