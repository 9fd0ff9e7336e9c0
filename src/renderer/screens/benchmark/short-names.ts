/** Names without the words that all of them begin with: what tells them apart. As they are where nothing would be left of one. */
export function withoutPrefix(names: readonly string[]): readonly string[] {
  const split = new Set(names).size < 2 ? [] : names.map((name) => name.split(/(?<=[\s_.-])/));
  const [first] = split;
  if (first === undefined) return names;
  let shared = 0;
  while (first[shared] !== undefined && split.every((words) => words[shared] === first[shared])) shared += 1;
  const short = split.map((words) => words.slice(shared).join(''));
  return short.includes('') ? names : short;
}
