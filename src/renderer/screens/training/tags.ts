/** Settings that are lists or tables, as entries that are typed one after the other. */

/** More layers than any model has: a mistyped range is no list of millions. */
const MOST_LAYERS = 1000;

/** `3`, or `4-7` for all from 4 to 7; what is no number stays as it is, and is told to be wrong. */
export function layersFromTags(tags: readonly string[]): (number | string)[] {
  const layers = tags.flatMap((tag): (number | string)[] => {
    const [, from, to] = /^(\d{1,6})(?:\s*[-–]\s*(\d{1,6}))?$/.exec(tag.trim()) ?? [];
    if (from === undefined) return [tag];
    const last = Number(to ?? from);
    const count = last - Number(from) + 1;
    return count < 1 || count > MOST_LAYERS ? [tag] : Array.from({ length: count }, (_, at) => Number(from) + at);
  });
  return [...new Set(layers)];
}

/** `q_proj=4`; a pattern may hold `=` itself. What has no number keeps its text, and is told to be wrong. */
export function patternFromTags(tags: readonly string[]): Record<string, number | string> {
  return Object.fromEntries(
    tags.map((tag): [string, number | string] => {
      const at = tag.lastIndexOf('=');
      const [name, text] = at < 1 ? [tag, ''] : [tag.slice(0, at).trim(), tag.slice(at + 1).trim()];
      return [name, text === '' || !Number.isFinite(Number(text)) ? text : Number(text)];
    }),
  );
}

export const tagsOfPattern = (pattern: unknown): string[] =>
  typeof pattern === 'object' && pattern !== null ? Object.entries(pattern).map(([name, value]) => `${name}=${value}`) : [];
