import type { EditStep, TensorEdit } from '#core/lora/merge.ts';
import type { FileSource } from '../file-source.ts';
import type { NativeLora } from '../native-lora.ts';
import type { ValueEdit, ValueEdits, ValuesAt } from '../quantize/edit.ts';
import { readFactor, readTensor } from './read-values.ts';

export interface EditTools {
  readonly kernels: Pick<NativeLora, 'matmul' | 'applyDora' | 'addColumnSquares'>;
  /** The adapters' files, by the names that their tensors have. */
  readonly sources: ReadonlyMap<string, FileSource>;
  readonly threads: number;
  readonly signal: AbortSignal;
}

/** The edits of a merge for whoever carries its plan out. A tensor's factors are in memory while it is made. */
export function valueEdits(edits: readonly TensorEdit[], tools: EditTools): ValueEdits {
  return {
    key: JSON.stringify(edits),
    of: new Map(edits.map((edit) => [edit.name, valueEdit(edit, tools)])),
  };
}

/** A chunk on its way: its values, and what they were before the first step. */
interface Rows extends ValuesAt {
  readonly base: Float32Array<ArrayBuffer>;
  readonly columns: number;
}
type Step = (rows: Rows) => Promise<void>;

function valueEdit({ shape, steps }: TensorEdit, tools: EditTools): ValueEdit {
  const columns = shape.at(-1) ?? 1;
  return {
    multiple: columns,
    open: async (chunks) => {
      const ready: Step[] = [];
      for (const step of steps) ready.push(await openStep(step, columns, tools, chunks));
      const needsBase = steps.some((step) => step.kind === 'lowRank' && step.magnitude !== undefined);
      return async ({ first, values }) => {
        const base = needsBase ? values.slice() : values;
        for (const step of ready) await step({ first, values, base, columns });
      };
    },
  };
}

async function openStep(step: EditStep, columns: number, tools: EditTools, chunks: () => AsyncIterable<ValuesAt>): Promise<Step> {
  switch (step.kind) {
    case 'lowRank':
      return openLowRank(step, columns, tools, chunks);
    case 'vector': {
      const vector = await readFactor(tools.sources, step.vector);
      return async ({ first, values }) => {
        for (let i = 0; i < values.length; i += 1) values[i] = (values[i] ?? 0) + Math.fround(step.scale * (vector[first + i] ?? 0));
      };
    }
    case 'rows': {
      const rows = await readTensor(tools.sources, step.rows);
      return async ({ first, values }) => {
        for (const [place, token] of step.tokens.entries()) {
          const at = token * columns - first;
          if (at >= 0 && at < values.length) values.set(rows.subarray(place * columns, (place + 1) * columns), at);
        }
      };
    }
  }
}

async function openLowRank(
  { left, right, rank, scale, weight, magnitude }: Extract<EditStep, { kind: 'lowRank' }>,
  columns: number,
  { sources, kernels, threads, signal }: EditTools,
  chunks: () => AsyncIterable<ValuesAt>,
): Promise<Step> {
  const b = { values: await readFactor(sources, right) };
  const all = await readFactor(sources, left);
  const running = { threads, signal };
  /** alpha · left · right for the rows of a chunk, in `c` or added to it. */
  const multiply = async (first: number, c: Float32Array, alpha: number, accumulates: boolean): Promise<void> => {
    const [row, m] = [first / columns, c.length / columns];
    const a = { values: all.subarray(row * rank, (row + m) * rank) };
    await kernels.matmul({ m, n: columns, k: rank, a, b, c, alpha, accumulates }, running);
  };
  if (magnitude === undefined) return ({ first, values }) => multiply(first, values, weight * scale, true);

  const trained = await readFactor(sources, magnitude);
  let lengths: Float32Array | undefined;
  if (magnitude.along === 'columns') {
    const sums = new Float64Array(columns);
    for await (const { first, values } of chunks()) {
      const delta = new Float32Array(values.length);
      await multiply(first, delta, scale, false);
      await kernels.addColumnSquares(values.length / columns, values, delta, sums, threads);
    }
    lengths = Float32Array.from(sums, Math.sqrt);
  }
  return async ({ first, values, base }) => {
    const [row, rows] = [first / columns, values.length / columns];
    const delta = new Float32Array(values.length);
    await multiply(first, delta, scale, false);
    const own = lengths === undefined ? trained.subarray(row, row + rows) : trained;
    await kernels.applyDora(rows, values, base, delta, own, lengths, weight, threads);
  };
}
