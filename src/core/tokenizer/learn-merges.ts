import { PairQueue } from './pair-queue.ts';

/** A word as token ids, and how often it is in the text. */
interface CountedWord {
  ids: number[];
  readonly count: number;
}

export interface LearnedMerge {
  readonly left: number;
  readonly right: number;
  /** The id of what they make: a new one, or that of an equal token. */
  readonly product: number;
}

/** Ids stay below 2^26, so a pair of them is an exact number. */
const pairKey = (left: number, right: number): number => left * 2 ** 26 + right;

function replacePair(ids: readonly number[], { left, right, product }: LearnedMerge): number[] {
  const replaced: number[] = [];
  for (let at = 0; at < ids.length; at += 1) {
    const id = ids[at] ?? 0;
    if (id === left && ids[at + 1] === right) {
      replaced.push(product);
      at += 1;
    } else {
      replaced.push(id);
    }
  }
  return replaced;
}

/**
 * Byte-pair encoding, learned (Sennrich, Haddow, Birch 2016): the most frequent pair of neighbours becomes a token, until
 * the vocabulary is full or no pair is left that occurs `minimumCount` times. `tokens` is extended in place.
 * @param words the words of the text as ids of `tokens`, each with its count
 */
export function learnMerges(tokens: string[], words: CountedWord[], vocabularySize: number, minimumCount: number): LearnedMerge[] {
  const idOf = new Map(tokens.map((token, id) => [token, id]));
  const counts = new Map<number, number>();
  /** Words that hold a pair, or held it once. */
  const holders = new Map<number, Set<CountedWord>>();
  const queue = new PairQueue();

  const countPairs = (word: CountedWord, sign: 1 | -1, changed: Map<number, readonly [number, number]>): void => {
    for (let at = 1; at < word.ids.length; at += 1) {
      const left = word.ids[at - 1] ?? 0;
      const right = word.ids[at] ?? 0;
      const key = pairKey(left, right);
      counts.set(key, (counts.get(key) ?? 0) + sign * word.count);
      changed.set(key, [left, right]);
      if (sign < 0) continue;
      const held = holders.get(key);
      if (held) held.add(word);
      else holders.set(key, new Set([word]));
    }
  };
  /** An entry whose count has changed since is passed over when it comes out: a new one was put in. */
  const enqueue = (changed: ReadonlyMap<number, readonly [number, number]>): void => {
    for (const [key, [left, right]] of changed) {
      const count = counts.get(key) ?? 0;
      if (count >= minimumCount) queue.push({ count, left, right });
    }
  };

  const all = new Map<number, readonly [number, number]>();
  for (const word of words) countPairs(word, 1, all);
  enqueue(all);

  const merges: LearnedMerge[] = [];
  while (tokens.length < vocabularySize) {
    const best = queue.pop();
    if (best === undefined) break;
    const { left, right, count } = best;
    const key = pairKey(left, right);
    if (counts.get(key) !== count) continue;
    const text = (tokens[left] ?? '') + (tokens[right] ?? '');
    const product = idOf.get(text) ?? tokens.push(text) - 1;
    idOf.set(text, product);
    const merge = { left, right, product };
    merges.push(merge);

    const changed = new Map<number, readonly [number, number]>();
    for (const word of holders.get(key) ?? []) {
      countPairs(word, -1, changed);
      word.ids = replacePair(word.ids, merge);
      countPairs(word, 1, changed);
    }
    holders.delete(key);
    enqueue(changed);
  }
  return merges;
}
