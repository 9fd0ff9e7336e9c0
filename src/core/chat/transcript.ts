/** A conversation as Markdown that people can read, and that can be brought in again: a mark stands before each message. */

export interface TranscriptPart {
  readonly role: 'system' | 'user' | 'assistant' | 'tool';
  readonly text: string;
}

const HEADINGS: Readonly<Record<TranscriptPart['role'], string>> = {
  system: 'System prompt',
  user: 'You',
  assistant: 'Answer',
  tool: 'Result of a function',
};

const MARK = /^<!-- lathe: (system|user|assistant|tool) -->$/;
/** A line of a text that looks like a mark is written with one backslash more than it has. */
const LOOKS_LIKE_MARK = /^(\\*<!-- lathe: )/gm;

/** @param title one line */
export function toMarkdown(title: string, parts: readonly TranscriptPart[]): string {
  const sections = parts.map(
    ({ role, text }) => `<!-- lathe: ${role} -->\n## ${HEADINGS[role]}\n\n${text.replace(LOOKS_LIKE_MARK, '\\$1')}\n`,
  );
  return [`# ${title.replace(/\s+/g, ' ')}\n`, ...sections].join('\n');
}

/** What `toMarkdown` wrote, or null where there is no mark in the text. */
export function fromMarkdown(text: string): { readonly title: string; readonly parts: readonly TranscriptPart[] } | null {
  const lines = text.replaceAll('\r\n', '\n').split('\n');
  const marks = lines.flatMap((line, index) => (MARK.test(line) ? [index] : []));
  if (marks.length === 0) return null;
  const parts = marks.map((start, place): TranscriptPart => {
    const role = MARK.exec(lines[start] ?? '')?.[1] as TranscriptPart['role'];
    const body = lines.slice(start + 1, marks[place + 1] ?? lines.length);
    // The heading and the empty line after it; the empty lines before the next mark.
    // An expression for the empty ones at the end would try each of those before it, and again from the next.
    const last = body.findLastIndex((line) => line !== '');
    const said = body.slice(body[0]?.startsWith('## ') === true ? 2 : 0, last + 1).join('\n');
    return { role, text: said.replace(/^\\(\\*<!-- lathe: )/gm, '$1') };
  });
  return { title: /^# (.+)$/m.exec(lines.slice(0, marks[0]).join('\n'))?.[1]?.trim() ?? '', parts };
}
