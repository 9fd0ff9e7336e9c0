import { describe, expect, it } from 'vitest';
import { renderChat } from '#engine/inference/chat-template.ts';
import { CHAT_TEMPLATE } from './generated-model.ts';

const names = { bos: '<s>', eos: '</s>' };
const user = (text: string) => ({ role: 'user', text }) as const;
const assistant = (text: string) => ({ role: 'assistant', text }) as const;

/** In the manner of Gemma: no system role, turns must alternate, the first token is written by the template. */
const GEMMA_LIKE =
  "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}" +
  "{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Roles must alternate') }}{% endif %}" +
  "{{ '<start_of_turn>' + message['role'] + '\n' + message['content'] | trim + '<end_of_turn>\n' }}{% endfor %}" +
  "{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}";

describe('chat templates', () => {
  it('write the turns and open the answer', () => {
    expect(renderChat(CHAT_TEMPLATE, { systemPrompt: 'Be brief.', turns: [user('Hi'), assistant('Hello'), user('中文?')] }, names)).toBe(
      '<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHello<|im_end|>\n' +
        '<|im_start|>user\n中文?<|im_end|>\n<|im_start|>assistant\n',
    );
  });

  it('leave an empty system prompt out', () => {
    expect(renderChat(CHAT_TEMPLATE, { systemPrompt: ' \n', turns: [user('Hi')] }, names)).toBe(
      '<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n',
    );
  });

  it('put the system prompt before the first message where the model knows no system role', () => {
    expect(renderChat(GEMMA_LIKE, { systemPrompt: 'Be brief.', turns: [user('Hi')] }, names)).toBe(
      '<s><start_of_turn>user\nBe brief.\n\nHi<end_of_turn>\n<start_of_turn>model\n',
    );
  });

  it.each([
    ['what the template itself refuses', GEMMA_LIKE, [user('a'), user('b')]],
    ['a template that is not Jinja', '{% for %}', [user('a')]],
    ['a template that calls what is not there', '{{ nothing.at.all() }}', [user('a')]],
    ['a template that reaches for the program', "{{ messages.constructor.constructor('return process')().exit() }}", [user('a')]],
  ])('turn %s into chat.templateFailed', (_, source, turns) => {
    expect(() => renderChat(source, { systemPrompt: 'x', turns }, names)).toThrow(expect.objectContaining({ code: 'chat.templateFailed' }));
  });
});

const weather = { name: 'weather', description: 'Of a place', parameters: { type: 'object', properties: { place: { type: 'string' } } } };
const called = {
  role: 'assistant',
  text: '',
  toolCalls: [{ id: 'c1', name: 'weather', arguments: '{"place":"Rome"}' }],
} as const;
const result = { role: 'tool', text: 'sunny', toolCallId: 'c1' } as const;

describe('tools', () => {
  it('are given to a template that knows them, arguments as objects', () => {
    const template =
      '{% for tool in tools %}[{{ tool.function.name }}]{% endfor %}{% for m in messages %}{{ m.role }}:{{ m.content }}' +
      '{% if m.tool_calls %}{% for call in m.tool_calls %}{{ call.function.name }}({{ call.function.arguments.place }}){% endfor %}{% endif %};{% endfor %}';
    expect(renderChat(template, { systemPrompt: '', turns: [user('?'), called, result], tools: [weather] }, names)).toBe(
      '[weather]user:?;assistant:weather(Rome);tool:sunny;',
    );
  });

  it('are put into words for one that does not', () => {
    const text = renderChat(CHAT_TEMPLATE, { systemPrompt: 'Be brief.', turns: [user('?'), called, result], tools: [weather] }, names);
    expect(text).toContain('<|im_start|>system\nBe brief.\n\nYou may call functions.');
    expect(text).toContain('"name":"weather"');
    expect(text).toContain('<|im_start|>assistant\n<tool_call>{"name":"weather","arguments":{"place":"Rome"}}</tool_call>');
    expect(text).toContain('<|im_start|>user\n<tool_response>\nsunny\n</tool_response>');
  });
});
