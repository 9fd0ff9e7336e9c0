/** Two neighbouring tokens and how often they are. */
export interface CountedPair {
  readonly count: number;
  readonly left: number;
  readonly right: number;
}

/** The more frequent first; of equals the one with the lower ids, so that the order never depends on chance. */
const precedes = (a: CountedPair, b: CountedPair): boolean =>
  a.count !== b.count ? a.count > b.count : a.left !== b.left ? a.left < b.left : a.right < b.right;

/** A binary heap that gives the most frequent pair first. */
export class PairQueue {
  readonly #heap: CountedPair[] = [];

  push(pair: CountedPair): void {
    const heap = this.#heap;
    let at = heap.push(pair) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || !precedes(pair, above)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = pair;
  }

  pop(): CountedPair | undefined {
    const heap = this.#heap;
    const top = heap[0];
    const moved = heap.pop();
    if (moved === undefined || heap.length === 0) return top;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      let below = heap[child];
      const sibling = heap[child + 1];
      if (below !== undefined && sibling !== undefined && precedes(sibling, below)) {
        below = sibling;
        child += 1;
      }
      if (below === undefined || !precedes(below, moved)) break;
      heap[at] = below;
      at = child;
    }
    heap[at] = moved;
    return top;
  }
}
