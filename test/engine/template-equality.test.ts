import { Template } from '@huggingface/jinja';
import { afterAll, describe, expect, it } from 'vitest';
import { knowsTools } from '#core/chat/tool-calls.ts';
import type { Conversation } from '#engine/inference/chat-template.ts';
import { createTemplateRunner } from '#engine/inference/template-runner.ts';
import { llamaTemplates } from './llama-templates.ts';

const runner = createTemplateRunner();
afterAll(() => runner.close());

const tokens = { bos: '<s>', eos: '</s>' };
const weather = {
  name: 'weather',
  description: 'The weather of a place',
  parameters: { type: 'object', properties: { place: { type: 'string', description: 'Where' } }, required: ['place'] },
};

interface Case {
  readonly name: string;
  readonly conversation: Conversation;
  /** The same, as transformers' `apply_chat_template` takes it: written out, not converted. */
  readonly plain: Record<string, unknown>;
}

const plainTool = { type: 'function', function: weather };

const CASES: readonly Case[] = [
  {
    name: 'several turns',
    conversation: {
      systemPrompt: '',
      turns: [
        { role: 'user', text: 'Hi' },
        { role: 'assistant', text: 'Hello <b>you</b> "there"\n' },
        { role: 'user', text: '中文 👩‍🚀 {{ x }}' },
      ],
    },
    plain: {
      messages: [
        { role: 'user', content: 'Hi' },
        { role: 'assistant', content: 'Hello <b>you</b> "there"\n' },
        { role: 'user', content: '中文 👩‍🚀 {{ x }}' },
      ],
    },
  },
  {
    name: 'a system prompt',
    conversation: { systemPrompt: 'Be brief.', turns: [{ role: 'user', text: 'Hi' }] },
    plain: {
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'Hi' },
      ],
    },
  },
  {
    name: 'an end without an answer',
    conversation: {
      systemPrompt: '',
      turns: [
        { role: 'user', text: 'Hi' },
        { role: 'assistant', text: 'Hello' },
      ],
      opensAnswer: false,
    },
    plain: {
      messages: [
        { role: 'user', content: 'Hi' },
        { role: 'assistant', content: 'Hello' },
      ],
      add_generation_prompt: false,
    },
  },
  {
    name: 'a tool that is called and answers',
    conversation: {
      systemPrompt: '',
      turns: [
        { role: 'user', text: 'And in Rome?' },
        { role: 'assistant', text: '', toolCalls: [{ id: 'abcdefghi', name: 'weather', arguments: '{"place":"Rome"}' }] },
        { role: 'tool', text: 'sunny', toolCallId: 'abcdefghi' },
      ],
      tools: [weather],
    },
    plain: {
      messages: [
        { role: 'user', content: 'And in Rome?' },
        {
          role: 'assistant',
          content: '',
          tool_calls: [{ id: 'abcdefghi', type: 'function', function: { name: 'weather', arguments: { place: 'Rome' } } }],
        },
        { role: 'tool', content: 'sunny', tool_call_id: 'abcdefghi' },
      ],
      tools: [plainTool],
    },
  },
];

const failure = (error: unknown): { readonly refused: string } => ({ refused: error instanceof Error ? error.message : String(error) });

/** `@huggingface/jinja` used plainly: what it writes, or why it does not. */
function plainly(source: string, values: Record<string, unknown>): string | { readonly refused: string } {
  try {
    return new Template(source).render({ add_generation_prompt: true, bos_token: '<s>', eos_token: '</s>', ...values });
  } catch (error) {
    return failure(error);
  }
}

const sandboxed = (source: string, conversation: Conversation): Promise<string | { readonly refused: string }> =>
  runner.render({ source, conversation, tokens }).catch((error: unknown) => {
    expect(error).toMatchObject({ code: 'chat.templateFailed' });
    return { refused: (error as { params: { problem: string } }).params.problem };
  });

/** Templates may write the time: what is rendered between two plain renderings is one of them. */
async function expectEqual(source: string, { conversation, plain }: Case): Promise<'written' | 'refused'> {
  const before = plainly(source, plain);
  const ours = await sandboxed(source, conversation);
  const after = plainly(source, plain);
  if (JSON.stringify(ours) !== JSON.stringify(after)) expect(ours).toEqual(before);
  return typeof ours === 'string' ? 'written' : 'refused';
}

/** Where a template refuses a system prompt, its words go before the first message: then there is nothing to compare with. */
const isRefusedSystem = (source: string, { conversation, plain }: Case): boolean =>
  conversation.systemPrompt !== '' && typeof plainly(source, plain) !== 'string';

const shipped = llamaTemplates();
if (shipped === undefined)
  console.warn('llama.cpp’s templates are not compared: node-llama-cpp has no source bundle here, and LLAMA_CPP_SOURCE names none');

describe.runIf(shipped !== undefined)('every template that llama.cpp ships renders as by @huggingface/jinja used plainly', () => {
  it('and there are as many as there should be', () => expect(shipped?.size).toBeGreaterThan(40));

  it.each(CASES)('$name', async (one) => {
    const ends = { written: 0, refused: 0 };
    for (const [name, source] of shipped ?? []) {
      if (one.conversation.tools !== undefined && !knowsTools(source)) continue;
      if (isRefusedSystem(source, one)) continue;
      try {
        ends[await expectEqual(source, one)] += 1;
      } catch (error) {
        throw new Error(name, { cause: error });
      }
    }
    // Some templates want what only their own maker's program gives them.
    expect(ends.written).toBeGreaterThan(ends.refused * 4);
  });

  it('and those that know no system role get its words before the first message', async () => {
    const gemma = shipped?.get('google-gemma-2-2b-it.jinja') ?? '';
    const text = await sandboxed(gemma, { systemPrompt: 'Be brief.', turns: [{ role: 'user', text: 'Hi' }] });
    expect(text).toBe('<s><start_of_turn>user\nBe brief.\n\nHi<end_of_turn>\n<start_of_turn>model\n');
  });
});

/** Jinja's features, each with what Jinja's documentation says that it writes, for the two messages `one` and `two`. */
const FEATURES: readonly (readonly [name: string, source: string, written: string | RegExp])[] = [
  ['strftime_now', "{{ strftime_now('%Y-%m-%d') }}", /^\d{4}-\d\d-\d\d$/],
  ['tojson', '{{ messages[0] | tojson }}', '{"role": "user", "content": "one"}'],
  ['tojson with an indent', "{{ {'a': [1, true, none]} | tojson(indent=2) }}", '{\n  "a": [\n    1,\n    true,\n    null\n  ]\n}'],
  ['namespace', '{% set ns = namespace(n=0) %}{% for m in messages %}{% set ns.n = ns.n + loop.index %}{% endfor %}{{ ns.n }}', '3'],
  [
    'a loop that continues and breaks',
    '{% for i in range(9) %}{% if i == 1 %}{% continue %}{% endif %}{% if i == 4 %}{% break %}{% endif %}{{ i }}{% endfor %}',
    '023',
  ],
  [
    'the loop’s own words',
    '{% for m in messages %}{{ loop.index0 }}{{ "f" if loop.first }}{{ "l" if loop.last }}{{ loop.length }};{% endfor %}',
    '0f2;1l2;',
  ],
  ['a loop with a condition and an else', "{% for m in messages if m.role == 'tool' %}x{% else %}none{% endfor %}", 'none'],
  [
    'a macro with defaults',
    "{% macro tag(x, mark='*') %}{{ mark }}{{ x }}{{ mark }}{% endmacro %}{{ tag('a') }}{{ tag('b', mark='_') }}",
    '*a*_b_',
  ],
  ['white space control', '{%- for m in messages -%}\n  {{- m.content -}}\n{%- endfor -%}', 'onetwo'],
  ['slices', '{{ messages[1:][0].content }}{{ messages[::-1][0].content }}{{ "abc"[-1] }}', 'twotwoc'],
  ['tests', '{{ 1 if x is defined }}{{ 2 if messages is iterable }}{{ 3 if "a" is string }}{{ 4 if none is none }}', '234'],
  [
    'filters',
    "{{ ' a ' | trim | upper }}{{ messages | map(attribute='content') | join('+') }}{{ messages | length }}{{ x | default('d') }}",
    'Aone+two2d',
  ],
  ['selectattr', "{{ (messages | selectattr('role', 'equalto', 'user') | list)[0].content }}", 'one'],
  [
    'methods of texts',
    "{{ 'a,b'.split(',')[1] }}{{ 1 if 'abc'.startswith('ab') }}{{ ' x '.strip() }}{{ 'aXa'.replace('X', '-') }}",
    'b1xa-a',
  ],
  ['items of a mapping', '{% for k, v in messages[0].items() %}{{ k }}={{ v }};{% endfor %}', 'role=user;content=one;'],
  ['a block that is set', '{% set text %}[{{ messages[0].content }}]{% endset %}{{ text }}', '[one]'],
  ['a choice in one line', "{{ 'a' if messages[0].role == 'user' else 'b' }}", 'a'],
  ['arithmetic and joining', "{{ 7 // 2 }}{{ 7 % 4 }}{{ 1 ~ 'x' }}", '331x'],
];

const one: Case = {
  name: 'two messages',
  conversation: {
    systemPrompt: '',
    turns: [
      { role: 'user', text: 'one' },
      { role: 'assistant', text: 'two' },
    ],
  },
  plain: {
    messages: [
      { role: 'user', content: 'one' },
      { role: 'assistant', content: 'two' },
    ],
  },
};

describe('a template may use', () => {
  it.each(FEATURES)('%s', async (_, source, written) => {
    expect(await expectEqual(source, one)).toBe('written');
    const text = await sandboxed(source, one.conversation);
    if (typeof written === 'string') expect(text).toBe(written);
    else expect(text).toMatch(written);
  });

  it('raise_exception, whose words are told', async () => {
    const source = "{{ raise_exception('Only two may talk') }}";
    expect(await expectEqual(source, one)).toBe('refused');
    expect(await sandboxed(source, one.conversation)).toEqual({ refused: 'Only two may talk' });
  });
});
