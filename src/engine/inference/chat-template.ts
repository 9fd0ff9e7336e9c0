import { Template } from '@huggingface/jinja';
import { AppError } from '#core/errors/index.ts';

export interface Turn {
  readonly role: 'user' | 'assistant';
  readonly text: string;
}

export interface TemplateTokens {
  readonly bos: string | null;
  readonly eos: string | null;
}

/**
 * The conversation as the model was taught to read it, up to where its answer begins. `source` is the Jinja template of
 * the model's file, foreign code in a language without access to anything: it may fail or be slow, no more.
 * Throws `chat.templateFailed`.
 */
export function renderChat(source: string, systemPrompt: string, turns: readonly Turn[], { bos, eos }: TemplateTokens): string {
  const messages = turns.map(({ role, text }) => ({ role, content: text }));
  const render = (content: readonly { role: string; content: string }[]): string =>
    new Template(source).render({ messages: content, add_generation_prompt: true, bos_token: bos ?? '', eos_token: eos ?? '' });
  try {
    if (systemPrompt.trim() === '') return render(messages);
    try {
      return render([{ role: 'system', content: systemPrompt }, ...messages]);
    } catch (error) {
      // Some models (Gemma) know no system role and refuse it; their makers put such words before the first message.
      const [first, ...rest] = messages;
      if (first?.role !== 'user') throw error;
      return render([{ role: 'user', content: `${systemPrompt}\n\n${first.content}` }, ...rest]);
    }
  } catch (error) {
    throw new AppError('chat.templateFailed', { problem: error instanceof Error ? error.message : String(error) });
  }
}
