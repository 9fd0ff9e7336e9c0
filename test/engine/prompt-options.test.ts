import { describe, expect, test } from 'vitest';
import { errorOf } from '../expect-error.ts';
import { assistant, useInference, user } from './inference-client.ts';

const TIMEOUT_MS = 60_000;
const template = '{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}{% if add_generation_prompt %}[answer]{% endif %}';

describe('prompts with a template of the user’s own and a beginning of the answer', () => {
  const engine = useInference();

  test('the answer goes on from its beginning, after another template than the model’s', { timeout: TIMEOUT_MS }, async () => {
    await engine.loadGenerated('own', {}, 512);
    const inference = await engine.inference();
    const turns = [user('the cat'), assistant('in the hat'), user('and')];
    const sampling = { temperature: 0, maxTokens: 4 };
    const request = { mode: 'chat' as const, systemPrompt: '', sampling, template, turns, prefill: 'the dog' };
    const { text, specialTokens, promptTokens } = await inference.prompt(request);
    expect(text.replaceAll(/<[^>]*>/g, '').trim()).toBe('[user]the cat[assistant]in the hat[user]and[answer]the dog');
    // Whatever is called special stands in the text.
    expect(specialTokens.every((token) => text.includes(token))).toBe(true);
    expect((await engine.ask(request)).facts.promptTokens).toBe(promptTokens);
    // A text goes on the same way.
    const plain = await inference.prompt({ mode: 'text', systemPrompt: '', sampling, turns: [user('the cat')], prefill: ' in the hat' });
    expect(plain.text).toContain('the cat in the hat');
  });

  test('a template is tried where it can be stopped', { timeout: TIMEOUT_MS }, async () => {
    const inference = await engine.inference();
    expect((await inference.tryTemplate({ template })).text).toContain('[user]Tell me a story.[answer]');
    const codeOf = async (source: string): Promise<string> => (await errorOf(inference.tryTemplate({ template: source }))).code;
    expect(await codeOf('{% for')).toBe('chat.templateFailed');
    expect(await codeOf('{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}')).toBe('chat.templateTooSlow');
  });

  test('a format is checked without a model, in llama.cpp’s words', { timeout: TIMEOUT_MS }, async () => {
    const inference = await engine.inference();
    expect(await inference.checkFormat({ format: { type: 'grammar', grammar: 'root ::= "yes" | "no"' } })).toEqual({});
    expect(await inference.checkFormat({ format: { type: 'schema', schema: { type: 'object' } } })).toEqual({});
    const codeOf = async (format: Parameters<typeof inference.checkFormat>[0]['format']): Promise<string> =>
      (await errorOf(inference.checkFormat({ format }))).code;
    expect(await codeOf({ type: 'grammar', grammar: 'root ::= missing' })).toBe('chat.badGrammar');
    expect(await codeOf({ type: 'grammar', grammar: 'root ::= "open' })).toBe('chat.badGrammar');
    expect(await codeOf({ type: 'schema', schema: { type: 'string', pattern: '(?=x)' } })).toBe('chat.badSchema');
  });
});
