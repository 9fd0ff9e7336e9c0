import { defaultThreads, type CancelFlag, type JobRunner } from './native-job.ts';

/** The part of the addon that multiplies and decomposes matrices, for adapters; `native.ts` loads it. */

/** The addon's functions, as src/native/binding/lora.cc defines them. */
export interface LoraAddon {
  matmul(
    m: number,
    n: number,
    k: number,
    alpha: number,
    a: Float32Array,
    aIsTurned: boolean,
    b: Float32Array,
    bIsTurned: boolean,
    c: Float32Array,
    accumulates: boolean,
    threads: number,
    cancel: CancelFlag,
  ): Promise<void>;
  applyDora(
    rows: number,
    values: Float32Array,
    base: Float32Array,
    delta: Float32Array,
    magnitude: Float32Array,
    lengths: Float32Array | undefined,
    share: number,
    threads: number,
  ): Promise<void>;
  addColumnSquares(rows: number, base: Float32Array, delta: Float32Array, sums: Uint8Array, threads: number): Promise<void>;
  changeSums(base: Float32Array, expected: Float32Array, actual: Float32Array, threads: number): Promise<ChangeSums>;
  orthonormalizeRows(count: number, y: Float32Array, threads: number, cancel: CancelFlag): Promise<void>;
  smallSvd(n: number, a: Float32Array, u: Float32Array, s: Float32Array, v: Float32Array, cancel: CancelFlag): Promise<void>;
}

/** How a changed tensor lies to what it was (base) and what it should be (expected). */
export interface ChangeSums {
  /** Σ (actual − expected)² */
  readonly error: number;
  /** Σ expected² */
  readonly norm: number;
  /** Σ (expected − base)² */
  readonly change: number;
  /** Σ base² */
  readonly base: number;
  /** Σ (actual − base)·(expected − base) */
  readonly overlap: number;
}

/** A matrix in memory, row by row; turned, it counts as its transpose. */
export interface Operand {
  readonly values: Float32Array;
  readonly isTurned?: boolean;
}

/** c[m × n] = alpha · a[m × k] · b[k × n]. */
export interface Product {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly a: Operand;
  readonly b: Operand;
  readonly c: Float32Array;
  /** Default 1. */
  readonly alpha?: number;
  /** Add to what `c` holds. */
  readonly accumulates?: boolean;
}

interface Running {
  readonly threads?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** a[n × n] = Uᵀ · diag(s) · V: singular vectors in the rows of `u` and `v`, values falling. */
export interface SmallSvd {
  readonly u: Float32Array<ArrayBuffer>;
  readonly s: Float32Array<ArrayBuffer>;
  readonly v: Float32Array<ArrayBuffer>;
}

export interface NativeLora {
  /** The sums run in an order that does not depend on the threads: nor do the bits of the result. */
  matmul(product: Product, running?: Running): Promise<void>;
  /**
   * Give every output's weights the length that DoRA trained: `values` [rows × columns] move by `share` towards
   * magnitude / ‖base + delta‖ · (values + delta). Outputs are rows; with `lengths` [columns] given they are columns.
   */
  applyDora: LoraAddon['applyDora'];
  /** sums[columns] += Σ over rows of (base + delta)². */
  addColumnSquares(rows: number, base: Float32Array, delta: Float32Array, sums: Float64Array, threads: number): Promise<void>;
  /** All three are equally long. */
  changeSums: LoraAddon['changeSums'];
  /** Make the rows of `y` [count × length] orthonormal, in place; one that depends on those before it becomes zeros. */
  orthonormalizeRows(count: number, y: Float32Array, running?: Running): Promise<void>;
  /** Of a matrix that is small: the time goes with the third power of `n`, of which 4096 is the most. */
  smallSvd(n: number, a: Float32Array, running?: Pick<Running, 'signal'>): Promise<SmallSvd>;
}

export function nativeLora(addon: LoraAddon, { run, coded }: JobRunner): NativeLora {
  return {
    matmul: ({ m, n, k, a, b, c, alpha = 1, accumulates = false }, { threads = defaultThreads(), signal } = {}) =>
      run(signal, undefined, (cancel) =>
        addon.matmul(m, n, k, alpha, a.values, a.isTurned ?? false, b.values, b.isTurned ?? false, c, accumulates, threads, cancel),
      ),
    applyDora: (...values) => coded(() => addon.applyDora(...values)),
    addColumnSquares: (rows, base, delta, sums, threads) =>
      coded(() => addon.addColumnSquares(rows, base, delta, new Uint8Array(sums.buffer, sums.byteOffset, sums.byteLength), threads)),
    changeSums: (...values) => coded(() => addon.changeSums(...values)),
    orthonormalizeRows: (count, y, { threads = defaultThreads(), signal } = {}) =>
      run(signal, undefined, (cancel) => addon.orthonormalizeRows(count, y, threads, cancel)),
    smallSvd: async (n, a, { signal } = {}) => {
      const result = { u: new Float32Array(n * n), s: new Float32Array(n), v: new Float32Array(n * n) };
      await run(signal, undefined, (cancel) => addon.smallSvd(n, a, result.u, result.s, result.v, cancel));
      return result;
    },
  };
}
