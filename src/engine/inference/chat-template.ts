import { Template } from '@huggingface/jinja';
import { MiB } from '#core/bytes.ts';
import { knowsTools, toolPrompt } from '#core/chat/tool-calls.ts';
import type { PromptTurn, Tool } from '#core/chat/turn.ts';
import { AppError } from '#core/errors/index.ts';
import { excerpt } from '#core/excerpt.ts';

/** V8 has no longer text (2^29 characters), whatever memory there is. */
const LONGEST_TEXT_BYTES = 512 * MiB;

/** A template says in its own words what it refuses: a sentence or two. */
const MAX_PROBLEM_LENGTH = 400;

export interface TemplateTokens {
  readonly bos: string | null;
  readonly eos: string | null;
}

/** What a template makes a prompt of. */
export interface Conversation {
  readonly systemPrompt: string;
  readonly turns: readonly PromptTurn[];
  readonly tools?: readonly Tool[] | undefined;
  /** Whether the prompt ends where an answer begins; default true. */
  readonly opensAnswer?: boolean | undefined;
}

type TemplateMessage = Readonly<Record<string, unknown>> & { readonly role: string; readonly content: string };

/**
 * The conversation as the model was taught to read it, up to where its answer begins. `source` is the Jinja template of
 * the model's file, foreign code in a language without access to anything; it may still go on for ever or take all memory,
 * so it is only run where it can be stopped (template-runner.ts). Throws `chat.templateFailed` and `chat.templateTooLarge`.
 */
export function renderChat(
  source: string,
  { systemPrompt, turns, tools = [], opensAnswer = true }: Conversation,
  { bos, eos }: TemplateTokens,
): string {
  const hasTools = tools.length > 0;
  const isToolTemplate = knowsTools(source);
  const system =
    hasTools && !isToolTemplate ? [systemPrompt, toolPrompt(tools)].filter((part) => part.trim() !== '').join('\n\n') : systemPrompt;
  const messages = turns.map(isToolTemplate ? withTools : inWords);
  const render = (content: readonly TemplateMessage[]): string =>
    new Template(source).render({
      messages: content,
      add_generation_prompt: opensAnswer,
      bos_token: bos ?? '',
      eos_token: eos ?? '',
      ...(hasTools && isToolTemplate ? { tools: tools.map((each) => ({ type: 'function', function: each })) } : {}),
    });
  try {
    if (system.trim() === '') return render(messages);
    try {
      return render([{ role: 'system', content: system }, ...messages]);
    } catch (error) {
      // Some models (Gemma) know no system role and refuse it; their makers put such words before the first message.
      const [first, ...rest] = messages;
      if (first?.role !== 'user') throw error;
      return render([{ role: 'user', content: `${system}\n\n${first.content}` }, ...rest]);
    }
  } catch (error) {
    // A text made of parts that are shared outgrows that length before it fills the thread's memory.
    if (error instanceof RangeError && error.message === 'Invalid string length')
      throw new AppError('chat.templateTooLarge', { limitBytes: LONGEST_TEXT_BYTES });
    throw new AppError('chat.templateFailed', {
      problem: excerpt(error instanceof Error ? error.message : String(error), MAX_PROBLEM_LENGTH),
    });
  }
}

/** A turn as templates that know tools read it; arguments are objects there (transformers, `apply_chat_template`). */
function withTools({ role, text, toolCalls, toolCallId }: PromptTurn): TemplateMessage {
  return {
    role,
    content: text,
    ...(toolCallId === undefined ? {} : { tool_call_id: toolCallId }),
    ...(toolCalls === undefined || toolCalls.length === 0
      ? {}
      : {
          tool_calls: toolCalls.map(({ id, name, arguments: given }) => ({
            id,
            type: 'function',
            function: { name, arguments: parsed(given) },
          })),
        }),
  };
}

/** A turn for templates that know only words, in Hermes' way. */
function inWords({ role, text, toolCalls = [] }: PromptTurn): TemplateMessage {
  if (role === 'tool') return { role: 'user', content: `<tool_response>\n${text}\n</tool_response>` };
  const calls = toolCalls.map(
    ({ name, arguments: given }) => `<tool_call>${JSON.stringify({ name, arguments: parsed(given) })}</tool_call>`,
  );
  return { role, content: [text, ...calls].filter((part) => part !== '').join('\n') };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
