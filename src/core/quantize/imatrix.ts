import { AppError } from '../errors/index.ts';

/**
 * An importance matrix: how large the inputs of each weight matrix are, on a text. Files: llama.cpp `tools/imatrix`, a GGUF
 * of the type "imatrix"; before 2025 a format of its own (`imatrix-legacy.ts`).
 */
export interface Imatrix {
  readonly entries: ReadonlyMap<string, ImportanceSums>;
  /** Names of the texts. */
  readonly datasets: readonly string[];
  /** Windows of text, and tokens of each. */
  readonly chunkCount: number;
  readonly chunkSize: number;
}

/** Of one weight tensor; with experts it holds several matrices. */
export interface ImportanceSums {
  /** Σ x² of each input: [matrices × inputs]. */
  readonly squares: Float32Array;
  /** How many x went into each matrix: [matrices]. */
  readonly counts: Float32Array;
}

/**
 * The importance of each input: the mean of x², [matrices × inputs]. A matrix that the text never reached (an expert)
 * gets 1 for all.
 */
export function importanceOf({ squares, counts }: ImportanceSums): Float32Array {
  const inputs = squares.length / counts.length;
  return squares.map((sum, i) => {
    const count = counts[Math.floor(i / inputs)] ?? 0;
    return count > 0 ? Math.fround(sum / count) : 1;
  });
}

export const invalidImatrix = (file: string, problem: string): AppError => new AppError('quantize.imatrixInvalid', { file, problem });
