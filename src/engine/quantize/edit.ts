import { recast, type ChunkValues, type ReadTools } from '../convert/read-chunk.ts';
import { floats } from './views.ts';

/** Values of a tensor as float32, in the order of the output, and the place of the first among all. */
export interface ValuesAt {
  readonly first: number;
  readonly values: Float32Array<ArrayBuffer>;
}

/** A change to the values of one tensor, made in float32 between decoding and encoding: a merge, for one. */
export interface ValueEdit {
  /** Chunks are multiples of this many values: whole rows, for one. */
  readonly multiple: number;
  /**
   * Get ready, before the first chunk. What it answers changes a chunk in place; chunks come in any order, also several at once.
   * @param chunks the values as they were, for an edit that has to see all of them first; each is valid until the next
   */
  open(chunks: () => AsyncIterable<ValuesAt>): Promise<(chunk: ValuesAt) => Promise<void>>;
}

/** The edits of a work by the names of its tensors. */
export interface ValueEdits {
  /** What they rest on: an interrupted work is only gone on with where this is the same. */
  readonly key: string;
  readonly of: ReadonlyMap<string, ValueEdit>;
}

/** A chunk's values on their way through an edit. */
export type EditChunk = (values: ChunkValues, first: number) => Promise<ChunkValues>;

/** Ready an edit for the chunks of its tensor; without one they stay as they are. */
export async function openEdit(
  edit: ValueEdit | undefined,
  tools: ReadTools,
  chunks: () => AsyncIterable<{ readonly first: number; readonly values: ChunkValues }>,
): Promise<EditChunk> {
  if (edit === undefined) return async (values) => values;
  const asFloats = async function* (): AsyncGenerator<ValuesAt> {
    for await (const { first, values } of chunks()) {
      const { bytes } = await recast(values, 'F32', tools);
      yield { first, values: floats(bytes) };
      tools.pool.give(bytes);
    }
  };
  const change = await edit.open(asFloats);
  return async (values, first) => {
    const single = await recast(values, 'F32', tools);
    await change({ first, values: floats(single.bytes) });
    return single;
  };
}
