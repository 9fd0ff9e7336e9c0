/**
 * The top-level blocks of a Markdown text, split at blank lines outside code fences. A growing text changes only its last
 * block, so all others are rendered once. Lists with blank lines between their items stay whole, as their numbers do.
 */
export function splitBlocks(text: string): string[] {
  const blocks: string[] = [];
  let block: string[] = [];
  let fence: string | null = null;
  let blanks: string[] = [];

  const close = (): void => {
    if (block.length > 0) blocks.push(block.join('\n'));
    block = [];
    blanks = [];
  };

  for (const line of text.split('\n')) {
    if (fence !== null) {
      block.push(line);
      if (closesFence(line, fence)) fence = null;
      continue;
    }
    if (line.trim() === '') {
      if (block.length > 0) blanks.push(line);
      continue;
    }
    if (blanks.length > 0) {
      if (continues(block[0] ?? '', line)) block.push(...blanks);
      else close();
      blanks = [];
    }
    block.push(line);
    fence = /^ {0,3}(`{3,}|~{3,})/.exec(line)?.[1] ?? null;
  }
  close();
  return blocks;
}

const LIST_ITEM = /^ {0,3}([-*+]|\d{1,9}[.)])\s/;

/** Whether a line after a blank one still belongs to the block: an item or the indented part of a list. */
const continues = (first: string, line: string): boolean => LIST_ITEM.test(first) && (LIST_ITEM.test(line) || /^\s{2,}/.test(line));

const closesFence = (line: string, fence: string): boolean => {
  const mark = /^ {0,3}(`{3,}|~{3,})\s*$/.exec(line)?.[1];
  return mark !== undefined && mark[0] === fence[0] && mark.length >= fence.length;
};
