import { describe, expect, it } from 'vitest';
import { toolReader } from '#core/chat/tool-calls.ts';

const tools = [{ name: 'add' }, { name: 'weather' }];

function read(text: string, size: number) {
  const reader = toolReader(tools);
  let shown = '';
  for (let at = 0; at < text.length; at += size) shown += reader.push(text.slice(at, at + size));
  const { text: rest, calls } = reader.end();
  return { shown, rest, calls };
}

describe.each([1, 4, 1000])('calls, in pieces of %i', (size) => {
  it('are read in the ways of Hermes, Mistral and Llama', () => {
    const call = { name: 'add', arguments: '{"a":1}' };
    expect(read('Well. <tool_call>\n{"name": "add", "arguments": {"a": 1}}\n</tool_call>', size)).toEqual({
      shown: 'Well. ',
      rest: '',
      calls: [call],
    });
    expect(read('[TOOL_CALLS][{"name": "add", "arguments": {"a": 1}}]', size)).toEqual({ shown: '', rest: '', calls: [call] });
    expect(read('{"name": "add", "parameters": {"a": 1}}', size)).toEqual({ shown: '', rest: '', calls: [call] });
  });

  it('may be several', () => {
    const text = '<tool_call>{"name":"add","arguments":{}}</tool_call>\n<tool_call>{"name":"weather","arguments":{"p":"x"}}</tool_call>';
    expect(read(text, size).calls.map(({ name }) => name)).toEqual(['add', 'weather']);
  });

  it.each([
    'plain words',
    'a <tool of some kind',
    '{"name": "rm", "parameters": {}}',
    '{"not": "a call"}',
    '<tool_call>{broken</tool_call>',
    '[TOOL_CALLS] none',
    '{"name": "add", "arguments": "text"}',
  ])('are not seen where there are none: %s', (text) => {
    const { shown, rest, calls } = read(text, size);
    expect(calls).toEqual([]);
    expect(shown + rest).toBe(text);
  });
});
