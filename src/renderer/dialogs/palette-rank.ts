/** How well a text answers a query: 0 is best, undefined is not at all. Every word must be found, at best at a word's start. */
export function matchRank(text: string, query: string): number | undefined {
  const hay = text.toLocaleLowerCase();
  let rank = 0;
  for (const word of query.toLocaleLowerCase().split(/\s+/).filter(Boolean)) {
    const at = hay.indexOf(word);
    if (at < 0) return undefined;
    const startsWord = at === 0 || /[\s\-_./·:“「]/.test(hay[at - 1] ?? '');
    rank += (startsWord ? 0 : 100) + Math.min(at, 99);
  }
  return rank;
}

/** The entries that answer a query, best first; equals keep their order. */
export function rankEntries<T extends { readonly title: string; readonly words: string }>(entries: readonly T[], query: string): T[] {
  return entries
    .flatMap((entry) => {
      const rank = matchRank(entry.words, query);
      return rank === undefined ? [] : [{ entry, rank }];
    })
    .sort((left, right) => left.rank - right.rank)
    .map(({ entry }) => entry);
}
