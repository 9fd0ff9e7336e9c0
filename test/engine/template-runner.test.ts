import { afterAll, describe, expect, it } from 'vitest';
import { createTemplateRunner } from '#engine/inference/template-runner.ts';
import { CHAT_TEMPLATE } from './generated-model.ts';

const runner = createTemplateRunner(1500);
afterAll(() => runner.close());

const render = (source: string): Promise<string> =>
  runner.render({
    source,
    conversation: { systemPrompt: '', turns: [{ role: 'user', text: 'Hi' }] },
    tokens: { bos: '<s>', eos: '</s>' },
  });

const nested = (depth: number, inner: string): string =>
  '{% for a in range(100000) %}'.repeat(depth) + inner + '{% endfor %}'.repeat(depth);

describe('a hostile template', () => {
  it.each([
    ['loops for ever', nested(4, ''), /templateToo(Slow|Large)/],
    ['asks for a huge range', '{% for i in range(1000000000) %}{% endfor %}', /templateToo(Slow|Large)/],
    ['writes without an end', nested(3, 'x'.repeat(1000)), /templateToo(Slow|Large)/],
    [
      'doubles a text until nothing is left',
      "{% set ns = namespace(t='x') %}{% for i in range(1000) %}{% set ns.t = ns.t ~ ns.t %}{% endfor %}{{ ns.t }}",
      /templateTooLarge/,
    ],
    ['nests without an end', `{{ ${'('.repeat(50_000)}1${')'.repeat(50_000)} }}`, /template(Failed|TooSlow|TooLarge)/],
    ['is not closed', '{% for', /templateFailed/],
  ])('that %s is stopped with a code, and the next one runs', async (_, source, code) => {
    await expect(render(source)).rejects.toMatchObject({ code: expect.stringMatching(code) });
    expect(await render(CHAT_TEMPLATE)).toBe('<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n');
  });

  it.each([
    '{{ messages.__proto__.polluted }}',
    '{{ messages[0].constructor }}',
    "{{ messages[0]['__proto__'] }}",
    "{{ ''.constructor.constructor }}",
    "{% set ns = namespace(__proto__='x') %}{{ ns.polluted }}",
    '{{ process }}{{ globalThis }}{{ require }}',
  ])('reaches no prototype and no global: %s', async (source) => {
    const text = await render(source).catch((error: unknown) => error);
    if (typeof text === 'string') expect(text).not.toMatch(/function|native|object Object|process/);
    else expect(text).toMatchObject({ code: 'chat.templateFailed' });
    expect(Object.getOwnPropertyNames(Object.prototype)).not.toContain('polluted');
  });

  it('holds up only those that wait behind it', async () => {
    const slow = render(nested(4, ''));
    const next = render('{{ messages[0].content }}');
    await expect(slow).rejects.toMatchObject({ code: expect.stringMatching(/templateToo/) });
    expect(await next).toBe('Hi');
  });
});
