import { calculate, CalculationProblem } from '#core/chat/calculator.ts';
import { toolReader } from '#core/chat/tool-calls.ts';
import { grammarOfSchema } from '#core/sampling/json-schema.ts';
import { createTemplateRunner } from '#engine/inference/template-runner.ts';
import { fileNameOf, jsonOf, readChat } from '#main/chat/files.ts';
import { damagedText, decode, encode, jsonFile } from '../json.ts';
import { strangeText, type Random } from '../random.ts';
import { promise, type Target } from '../target.ts';
import { configOf } from './adapters.ts';

/** A template of the pieces that templates have; some loop for long, nest deeply or make long texts. */
function template(random: Random, depth = 0): string {
  const inner = (): string => (depth > 5 ? 'x' : template(random, depth + 1));
  const parts = random.many(1 + random.below(3), () => {
    const kind = random.below(12);
    if (kind < 3)
      return random.pick(['{{ bos_token }}', '{{ messages[0].content }}', '{{ message.role }}', '{{ tools }}', '<|im_start|>', '\n']);
    if (kind < 5)
      return `{% for message in ${random.pick(['messages', 'range(3)', 'messages[::-1]', 'undefined_name', 'range(100000)'])} %}${inner()}{% endfor %}`;
    if (kind < 7)
      return `{% if ${random.pick(['message.role == "user"', 'loop.first', 'tools is defined', '1 / 0', 'not x'])} %}${inner()}{% else %}${inner()}{% endif %}`;
    if (kind === 7) return `{% set x = ${random.pick(['1', '"a" * 3', 'namespace(a=1)', 'messages', '[1, [2]]', 'x ~ x'])} %}${inner()}`;
    if (kind === 8)
      return `{{ ${random.pick(['raise_exception("no")', 'messages | tojson', 'x.__class__', 'messages.constructor.constructor("return process")()', '"a" | upper | trim', 'strftime_now("%Y")', '(1, 2)[5]'])} }}`;
    if (kind === 9) return `{% macro m(a) %}${inner()}{{ ${random.pick(['a', 'm(a)'])} }}{% endmacro %}{{ m(1) }}`;
    if (kind === 10) return `{{ ${'('.repeat(random.pick([1, 50, 3000]))}1${')'.repeat(random.pick([1, 50, 3000]))} }}`;
    return strangeText(random);
  });
  return parts.join('');
}

const turns = (random: Random) =>
  random.many(1 + random.below(3), (index) => ({
    role: index % 2 === 0 ? ('user' as const) : ('assistant' as const),
    text: random.chance(0.5) ? 'Hello' : strangeText(random),
  }));

/** Shorter than the engine's: of the loops that do not end there are many here. */
const TEMPLATE_MS = 700;

export const chatTemplate: Target = {
  name: 'chat-template',
  codes: /^chat\.template/,
  cost: 20,
  make: (random) => {
    const source = encode(template(random));
    const TOKENS = ['{%', '%}', '{{', '}}', '{#', 'endfor', 'in', '|', '"', '(', '[', '~', 'not'];
    return [random.chance(0.6) ? source : damagedText(random, source, TOKENS), encode(JSON.stringify(turns(random)))];
  },
  run: async ([source, conversation]) => {
    const read = JSON.parse(decode(conversation)) as ReturnType<typeof turns>;
    const runner = createTemplateRunner(TEMPLATE_MS);
    try {
      await runner.render({ source: decode(source), conversation: { systemPrompt: 'S', turns: read }, tokens: { bos: '<s>', eos: null } });
      return 'rendered';
    } finally {
      await runner.close();
    }
  },
};

function schema(random: Random, depth = 0): unknown {
  const inner = (): unknown => (depth > 5 ? true : schema(random, depth + 1));
  const kind = random.below(13);
  if (kind < 3)
    return {
      type: 'object',
      properties: Object.fromEntries(
        random.many(1 + random.below(4), (index) => [random.chance(0.8) ? `p${index}` : strangeText(random), inner()]),
      ),
      required: random.chance(0.5) ? ['p0'] : [],
      additionalProperties: random.pick([false, false, true]),
    };
  if (kind === 3) return { type: 'array', items: inner(), minItems: random.below(3), maxItems: 3 + random.below(1000) };
  if (kind === 4) return { type: 'string', minLength: random.below(4), maxLength: 4 + random.below(1000) };
  if (kind === 5) return { enum: random.many(1 + random.below(3), () => random.pick([strangeText(random), 1, null, [1, { a: 2 }]])) };
  if (kind === 6) return { anyOf: random.many(1 + random.below(3), inner) };
  if (kind === 7)
    return { $ref: random.pick(['#', '#/$defs/a', '#/properties/p0', '#/$defs/~1~0', '#/__proto__', 'http://x/y', strangeText(random)]) };
  if (kind === 8) return { type: 'string', format: random.pick(['date', 'time', 'date-time', 'email']) };
  if (kind === 9) return { const: random.pick([strangeText(random), 5, {}]) };
  if (kind === 10) return { type: ['string', 'null', 'integer'] };
  if (kind === 11) return { type: 'object', additionalProperties: inner() };
  return { type: random.pick(['integer', 'number', 'boolean', 'null']) };
}

export const jsonSchema: Target = {
  name: 'json-schema',
  codes: /^chat\.badSchema$/,
  make: (random) => {
    const made = schema(random);
    return [jsonFile(random, typeof made === 'object' && random.chance(0.4) ? { ...made, $defs: { a: schema(random, 3) } } : made)];
  },
  run: ([bytes]) => {
    let given: unknown;
    try {
      given = JSON.parse(decode(bytes));
    } catch {
      return 'no JSON';
    }
    const grammar = grammarOfSchema(given);
    const names = new Set<string>();
    for (const line of grammar.split('\n')) {
      const name = /^([a-z]+\d*) ::= /.exec(line)?.[1];
      promise(name !== undefined && !names.has(name), 'a line is no rule, or a rule is there twice');
      names.add(name ?? '');
    }
    // A name outside literals and sets is one of a rule. Without them only names, numbers and signs are left.
    const bare = grammar
      .replace(/"(\\.|[^"\\])*"|\[(\\.|[^\]\\])*\]/gs, ' ')
      .replace(/^[a-z]+\d* ::=/gm, ' ')
      .replace(/\{\d*,?\d*\}/g, ' ');
    for (const [name] of bare.matchAll(/[a-z]+\d*/g)) promise(names.has(name), 'a rule is not there');
    return 'grammar';
  },
};

const MARKS = ['<tool_call>', '</tool_call>', '[TOOL_CALLS]', '{', '}', '"name"', '"arguments"', ':', '\n', '<think>'];

export const toolCalls: Target = {
  name: 'tool-calls',
  codes: /^$/,
  make: (random) => {
    const call = decode(jsonFile(random, { name: 'calculate', arguments: { expression: '1+1', more: [strangeText(random)] } }));
    const text = random.pick([`<tool_call>${call}</tool_call>`, `[TOOL_CALLS][${call}]`, call, `Words. <tool_call>\n${call}`]);
    return [random.chance(0.6) ? encode(text) : damagedText(random, encode(text), MARKS)];
  },
  run: ([bytes]) => {
    const text = decode(bytes);
    const reader = toolReader([{ name: 'calculate', description: '', parameters: {} }]);
    let shown = '';
    const piece = Math.max(7, Math.ceil(text.length / 500));
    for (let at = 0; at < text.length; at += piece) shown += reader.push(text.slice(at, at + piece));
    const end = reader.end();
    for (const { arguments: given } of end.calls) promise(typeof JSON.parse(given) === 'object', 'the arguments are no object');
    promise(end.calls.length > 0 || shown + end.text === text, 'words were lost');
    return end.calls.length > 0 ? 'calls' : 'text';
  },
};

function expression(random: Random, depth = 0): string {
  const inner = (): string => (depth > 6 ? '2' : expression(random, depth + 1));
  const kind = random.below(9);
  if (kind < 3) return random.pick(['1', '2.5', '.5', '1e308', '0', 'pi', 'e']);
  if (kind < 6) return `${inner()} ${random.pick(['+', '-', '*', '/', '^', '%', '**', '−', '×'])} ${inner()}`;
  if (kind === 6) return `${random.pick(['sqrt', 'max', 'log', 'constructor', 'abs'])}(${inner()}, ${inner()})`;
  if (kind === 7) return `${'-'.repeat(random.pick([1, 2, 1500]))}${inner()}`;
  return `${'('.repeat(random.pick([1, 2, 900]))}${inner()}${')'.repeat(random.pick([1, 2, 900]))}`;
}

export const calculator: Target = {
  name: 'calculator',
  codes: /^$/,
  make: (random) => {
    const text = encode(expression(random));
    return [random.chance(0.5) ? text : damagedText(random, text, ['(', ')', '+', 'e', '.', ',', '^', '字'])];
  },
  run: ([bytes]) => {
    try {
      promise(Number.isFinite(calculate(decode(bytes))), 'a value is not finite');
      return 'value';
    } catch (error) {
      if (error instanceof CalculationProblem) return 'refused';
      throw error;
    }
  },
};

function conversation(random: Random): unknown {
  const messages = random.many(1 + random.below(4), () => ({
    role: random.pick(['user', 'assistant', 'system', 'tool']),
    content: strangeText(random),
  }));
  return random.pick([
    { title: strangeText(random), messages },
    messages,
    { conversations: messages.map(({ role, content }) => ({ from: role, value: content })) },
  ]);
}

export const chatFile: Target = {
  name: 'chat-file',
  codes: /^chat\.unreadable$/,
  make: (random) => {
    const parts = random.many(
      1 + random.below(3),
      () => `<!-- lathe: ${random.pick(['user', 'assistant', 'system'])} -->\n## You\n\n${strangeText(random)}\n`,
    );
    const markdown = encode(`# Title\n\n${parts.join('\n')}`);
    if (random.chance(0.3)) return [damagedText(random, markdown, ['<!-- lathe: user -->', '\\', '\n', '#'])];
    const foreign = readable(conversation(random));
    return [jsonFile(random, foreign ?? conversation(random))];
  },
  run: ([bytes]) => {
    const { thread, messages } = readChat('chat.json', decode(bytes), 0);
    const known = new Set<string>();
    for (const { id, parentId, role } of messages) {
      promise(['user', 'assistant', 'tool'].includes(role), 'a message is of nobody');
      promise(parentId === null || known.has(parentId), 'a message comes before the one that it answers');
      known.add(id);
    }
    promise(!/[/\\:]/.test(fileNameOf(thread.title, 'md')), 'a name of a file leads out of its folder');
    const again = readChat('again.json', jsonOf(thread, messages), 0);
    promise(again.messages.length === messages.length, 'it reads differently after being written');
    return 'read';
  },
};

/** A conversation in Lathe's own form; undefined where this one is not taken. */
function readable(value: unknown): unknown {
  try {
    const { thread, messages } = readChat('made.json', JSON.stringify(value), 0);
    return configOf(encode(jsonOf(thread, messages)));
  } catch {
    return undefined;
  }
}
