import { expect, test } from 'vitest';
import { fromMarkdown, toMarkdown, type TranscriptPart } from '#core/chat/transcript.ts';

const parts: readonly TranscriptPart[] = [
  { role: 'system', text: 'Be brief.' },
  { role: 'user', text: '## Not a heading of ours\n\n<!-- lathe: assistant -->\nand \\<!-- lathe: user -->' },
  { role: 'assistant', text: '```md\n<!-- lathe: user -->\n```\n\n# End' },
];

test('a conversation comes back from its Markdown as it was, marks within its texts too', () => {
  expect(fromMarkdown(toMarkdown('A\ntitle', parts))).toEqual({ title: 'A title', parts });
});

test('lines that end as on Windows are read', () => {
  expect(fromMarkdown(toMarkdown('T', parts.slice(0, 1)).replaceAll('\n', '\r\n'))?.parts).toEqual(parts.slice(0, 1));
});

test('Markdown without marks is not taken for a conversation', () => {
  expect(fromMarkdown('# Notes\n\n## You\n\nHello')).toBeNull();
});
