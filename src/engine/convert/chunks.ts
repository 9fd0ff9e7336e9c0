import type { ValueSource } from '#core/convert/plan.ts';
import { elementCount } from '#core/element-count.ts';
import type { SourceTensor } from '#core/quantize/packed.ts';

/** Values of one chunk: 8 MiB as F32. Enough to keep disk and processor busy, little enough to hold several. */
export const CHUNK_ELEMENTS = 2 ** 21;

/**
 * A chunk of a transposed matrix is larger by this: it is made by reading the whole matrix, so there should be few. The
 * largest of GPT-2 XL (1600 × 6400) takes two.
 */
const TRANSPOSED_FACTOR = 4;

/** A part of a stored tensor, to be read from its file: values from `start` on. */
export interface Run {
  readonly tensor: SourceTensor;
  readonly start: number;
  readonly elements: number;
}

/**
 * How the values that were read become those that are written, in the order of the output:
 * - `rows`: rows of `rowElements` values change places inside each head of `headRows` rows, from two halves to pairs.
 * - `columns`: the run is a whole matrix of `width` columns, of which `count` from `first` on become rows.
 */
type Shuffle =
  | { readonly kind: 'none' }
  | { readonly kind: 'rows'; readonly headRows: number; readonly rowElements: number }
  | { readonly kind: 'columns'; readonly width: number; readonly first: number; readonly count: number };

/** A piece of an output tensor that is made at once. Pieces come in the order of the file, without gaps. */
export type Chunk =
  | { readonly kind: 'values'; readonly values: Float32Array }
  | {
      readonly kind: 'stored';
      /** Read one after the other into one buffer. */
      readonly runs: readonly Run[];
      readonly shuffle: Shuffle;
      readonly addOne: boolean;
      /** Values that come out: fewer than go in where columns are picked. */
      readonly elements: number;
    };

/**
 * Cut a tensor into chunks of bounded memory, whatever its size.
 * @param multiple Every chunk but the last is a multiple of this, where no transform moves values between chunks; where one does,
 *   chunks are whole rows of the output.
 */
export function* chunksOf(source: ValueSource, limit = CHUNK_ELEMENTS, multiple = 1): Generator<Chunk> {
  if (source.kind === 'computed') {
    yield { kind: 'values', values: source.values };
    return;
  }
  const { tensor, elements, shape, transform } = source;
  switch (transform.kind) {
    case 'none':
    case 'addOne': {
      const step = Math.max(1, Math.floor(limit / multiple)) * multiple;
      for (let start = 0; start < elements; start += step) {
        const count = Math.min(step, elements - start);
        const runs = [{ tensor, start, elements: count }];
        yield { kind: 'stored', runs, shuffle: { kind: 'none' }, addOne: transform.kind === 'addOne', elements: count };
      }
      return;
    }
    case 'permuteRows':
      yield* permutedChunks(tensor, shape, transform.heads, limit);
      return;
    case 'transpose':
      yield* transposedChunks(tensor, shape, limit * TRANSPOSED_FACTOR);
  }
}

function* permutedChunks(tensor: SourceTensor, shape: readonly number[], heads: number, limit: number): Generator<Chunk> {
  const rows = shape[0] ?? 0;
  const rowElements = elementCount(shape.slice(1));
  const headRows = rows / heads;
  if (!Number.isInteger(headRows) || headRows % 2 !== 0)
    throw new RangeError(`${rows} rows are not ${heads} heads of an even number of rows`);
  const headElements = headRows * rowElements;
  if (headElements <= limit) {
    // Whole heads lie together, before and after.
    const headsAtOnce = Math.floor(limit / headElements);
    for (let head = 0; head < heads; head += headsAtOnce) {
      const elements = Math.min(headsAtOnce, heads - head) * headElements;
      const runs = [{ tensor, start: head * headElements, elements }];
      yield { kind: 'stored', runs, shuffle: { kind: 'rows', headRows, rowElements }, addOne: false, elements };
    }
    return;
  }
  // A part of one head: some rows of its first half, and as many of its second.
  const half = headRows / 2;
  const pairsAtOnce = Math.max(1, Math.floor(limit / (2 * rowElements)));
  for (let head = 0; head < heads; head += 1)
    for (let pair = 0; pair < half; pair += pairsAtOnce) {
      const pairs = Math.min(pairsAtOnce, half - pair);
      const start = head * headElements + pair * rowElements;
      const runs = [start, start + half * rowElements].map((from) => ({ tensor, start: from, elements: pairs * rowElements }));
      const shuffle = { kind: 'rows', headRows: 2 * pairs, rowElements } as const;
      yield { kind: 'stored', runs, shuffle, addOne: false, elements: 2 * pairs * rowElements };
    }
}

function* transposedChunks(tensor: SourceTensor, shape: readonly number[], limit: number): Generator<Chunk> {
  const [height = 0, width = 0] = shape;
  const columnsAtOnce = Math.max(1, Math.floor(limit / height));
  for (let first = 0; first < width; first += columnsAtOnce) {
    const count = Math.min(columnsAtOnce, width - first);
    const runs = [{ tensor, start: 0, elements: height * width }];
    yield { kind: 'stored', runs, shuffle: { kind: 'columns', width, first, count }, addOne: false, elements: height * count };
  }
}
