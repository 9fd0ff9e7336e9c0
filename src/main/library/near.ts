/** Steps (a letter put in, taken out, or replaced) from one text to another: Levenshtein's distance. */
export function distance(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let i = 1; i <= left.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= right.length; j += 1) {
      const replaced = (row[j - 1] ?? 0) + (left[i - 1] === right[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[right.length] ?? 0;
}

const MOST = 3;
/** What people mistype is a name, not a book. */
const LONGEST = 200;

/** The names that someone who wrote `written` may have meant, the likeliest first. */
export function nearNames(written: string, names: readonly string[]): string[] {
  const plain = (text: string): string => text.toLocaleLowerCase().slice(0, LONGEST);
  const wanted = plain(written);
  return [...new Set(names)]
    .map((name) => {
      const other = plain(name);
      const contains = other.includes(wanted) || wanted.includes(other);
      return { name, steps: contains ? 0 : distance(wanted, other) / Math.max(wanted.length, other.length, 1) };
    })
    .sort((left, right) => left.steps - right.steps)
    .slice(0, MOST)
    .map(({ name }) => name);
}
