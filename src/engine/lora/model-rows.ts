import type { ValueSource } from '#core/convert/plan.ts';
import { BufferPool } from '../convert/buffer-pool.ts';
import { CHUNK_ELEMENTS, chunksOf } from '../convert/chunks.ts';
import { readChunk, recast, runsFromFiles, type ReadTools } from '../convert/read-chunk.ts';
import type { Native } from '../native.ts';
import { openPacked, runMultiple, type DecodeKernels } from '../quantize/decode.ts';
import type { ValuesAt } from '../quantize/edit.ts';
import type { OpenedModel } from '../quantize/open-model.ts';
import { floats } from '../quantize/views.ts';

export type RowKernels = DecodeKernels & Pick<Native, 'permuteRows' | 'transpose' | 'addOne'>;

/** A tensor of a model as float32, in bands of whole rows of `columns` values; each band is valid until the next. Throws `disk.*`. */
export async function* rowsOf(
  source: ValueSource,
  columns: number,
  { sources }: Pick<OpenedModel, 'sources'>,
  kernels: RowKernels,
  threads: number,
): AsyncGenerator<ValuesAt> {
  const pool = new BufferPool();
  const packed =
    source.kind === 'stored' && source.tensor.packed !== undefined
      ? await openPacked(source.tensor, { kernels, sources, pool, threads })
      : undefined;
  const tools: ReadTools = { kernels, pool, chunkElements: CHUNK_ELEMENTS, readRun: packed ?? runsFromFiles(sources, pool) };
  let first = 0;
  // Rows of a source are rows of the matrix, so their multiple is that of both.
  for (const chunk of chunksOf(source, CHUNK_ELEMENTS, Math.max(columns, runMultiple(source)))) {
    const { bytes } = await recast(await readChunk(chunk, tools), 'F32', tools);
    const values = floats(bytes);
    yield { first, values };
    first += values.length;
    pool.give(bytes);
  }
}
