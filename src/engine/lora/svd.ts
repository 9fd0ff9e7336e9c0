import { normalValues } from '#core/lora/combine.ts';
import { turn } from '#core/lora/factors.ts';
import type { NativeLora } from '../native-lora.ts';
import type { ValuesAt } from '../quantize/edit.ts';

export interface SvdTools {
  readonly kernels: Pick<NativeLora, 'matmul' | 'orthonormalizeRows' | 'smallSvd'>;
  readonly threads: number;
  readonly signal: AbortSignal;
}

/** A matrix as left · diag(values) · right: `left` [rows × count], `right` [count × columns], both orthonormal. */
export interface Decomposition {
  readonly rows: number;
  readonly columns: number;
  readonly left: Float32Array<ArrayBuffer>;
  /** Falling. */
  readonly values: Float32Array<ArrayBuffer>;
  readonly right: Float32Array<ArrayBuffer>;
  /** ‖matrix‖², of which the squares of the values are the part that was found. */
  readonly energy: number;
}

type Matrix = Float32Array<ArrayBuffer>;

/** A product of two matrices [m × k] and [k × n]. */
function product(tools: SvdTools, [m, n, k]: readonly [number, number, number], a: Matrix, b: Matrix, bIsTurned = false): Promise<Matrix> {
  const c = new Float32Array(m * n);
  return tools.kernels.matmul({ m, n, k, a: { values: a }, b: { values: b, isTurned: bIsTurned }, c }, tools).then(() => c);
}

/**
 * The singular values of b · a, exactly, without ever making the product: `b` [rows × rank], `a` [rank × columns]. Both factors are
 * made orthonormal, and what is left between them is decomposed, which is rank × rank.
 */
export async function decomposeProduct(
  rows: number,
  columns: number,
  rank: number,
  b: Matrix,
  a: Matrix,
  tools: SvdTools,
): Promise<Decomposition> {
  const { kernels } = tools;
  const left = turn(b, rows, rank);
  await kernels.orthonormalizeRows(rank, left, tools);
  const right = a.slice();
  await kernels.orthonormalizeRows(rank, right, tools);
  // b = leftᵀ · inner, a = outer · right
  const inner = await product(tools, [rank, rank, rows], left, b);
  const outer = await product(tools, [rank, rank, columns], a, right, true);
  const core = await product(tools, [rank, rank, rank], inner, outer);
  const found = await assembled(rows, columns, rank, left, core, right, tools);
  return { ...found, energy: found.values.reduce((sum, value) => sum + value ** 2, 0) };
}

/** leftᵀ · core · right with `left` [count × rows] and `right` [count × columns] orthonormal. */
async function assembled(
  rows: number,
  columns: number,
  count: number,
  left: Matrix,
  core: Matrix,
  right: Matrix,
  tools: SvdTools,
): Promise<Omit<Decomposition, 'energy'>> {
  const { u, s, v } = await tools.kernels.smallSvd(count, core, tools);
  const turnedLeft = await product(tools, [count, rows, count], u, left);
  return {
    rows,
    columns,
    left: turn(turnedLeft, count, rows),
    values: s,
    right: await product(tools, [count, columns, count], v, right),
  };
}

/** A matrix that comes in bands of whole rows; every pass goes through them again. */
export interface Bands {
  readonly rows: number;
  readonly columns: number;
  readonly bands: () => AsyncIterable<ValuesAt>;
}

/** Beyond the values that are wanted: the error of the last of them falls quickly with it (Halko, Martinsson, Tropp 2011, section 4). */
const OVERSAMPLING = 10;
/** Each sharpens the directions where the values fall slowly, as those of weight differences do. */
const POWER_ITERATIONS = 2;

/**
 * The largest singular values of a matrix that is never in memory as a whole, by random projection (Halko, Martinsson and Tropp,
 * arXiv 0909.4061, algorithm 4.4). Exact where `count` reaches its rank. The same seed gives the same bits.
 */
export async function decomposeBands(
  { rows, columns, bands }: Bands,
  count: number,
  seed: number,
  tools: SvdTools,
): Promise<Decomposition> {
  const { kernels, signal } = tools;
  const size = Math.min(count + OVERSAMPLING, rows, columns);
  /** matrix · directionsᵀ, orthonormal: [size × rows] */
  const project = async (directions: Matrix, each?: (values: Matrix) => void): Promise<Matrix> => {
    const y = new Float32Array(rows * size);
    for await (const { first, values } of bands()) {
      signal.throwIfAborted();
      const [row, m] = [first / columns, values.length / columns];
      const c = y.subarray(row * size, (row + m) * size);
      await kernels.matmul({ m, n: size, k: columns, a: { values }, b: { values: directions, isTurned: true }, c }, tools);
      each?.(values);
    }
    const basis = turn(y, rows, size);
    await kernels.orthonormalizeRows(size, basis, tools);
    return basis;
  };
  /** basis · matrix: [size × columns] */
  const pullBack = async (basis: Matrix): Promise<Matrix> => {
    const byRow = turn(basis, size, rows);
    const c = new Float32Array(size * columns);
    for await (const { first, values } of bands()) {
      signal.throwIfAborted();
      const [row, k] = [first / columns, values.length / columns];
      const a = { values: byRow.subarray(row * size, (row + k) * size), isTurned: true };
      await kernels.matmul({ m: size, n: columns, k, a, b: { values }, c, accumulates: true }, tools);
    }
    return c;
  };
  let energy = 0;
  let basis = await project(normalValues(size * columns, seed), (values) => {
    let sum = 0;
    for (const value of values) sum += value * value;
    energy += sum;
  });
  for (let i = 0; i < POWER_ITERATIONS; i += 1) {
    const directions = await pullBack(basis);
    await kernels.orthonormalizeRows(size, directions, tools);
    basis = await project(directions);
  }
  const small = await pullBack(basis);
  const right = small.slice();
  await kernels.orthonormalizeRows(size, right, tools);
  const core = await product(tools, [size, size, columns], small, right, true);
  return { ...(await assembled(rows, columns, size, basis, core, right, tools)), energy };
}

/** The first `rank` values as two factors, `b` [rows × rank] with the values in it, and `a` [rank × columns]. */
export function cut({ rows, columns, left, values, right }: Decomposition, rank: number): { readonly a: Matrix; readonly b: Matrix } {
  const count = values.length;
  const b = new Float32Array(rows * rank);
  for (let row = 0; row < rows; row += 1)
    for (let i = 0; i < Math.min(rank, count); i += 1) b[row * rank + i] = (left[row * count + i] ?? 0) * (values[i] ?? 0);
  const a = new Float32Array(rank * columns);
  a.set(right.subarray(0, Math.min(rank, count) * columns));
  return { a, b };
}

/** ‖left · right‖, by the products of each factor with itself: `left` [rows × rank], `right` [rank × columns]. */
export async function lengthOfProduct(
  rows: number,
  columns: number,
  rank: number,
  left: Matrix,
  right: Matrix,
  tools: SvdTools,
): Promise<number> {
  const [one, other] = [new Float32Array(rank * rank), new Float32Array(rank * rank)];
  const turnedLeft = { values: left, isTurned: true };
  await tools.kernels.matmul({ m: rank, n: rank, k: rows, a: turnedLeft, b: { values: left }, c: one }, tools);
  await tools.kernels.matmul({ m: rank, n: rank, k: columns, a: { values: right }, b: { values: right, isTurned: true }, c: other }, tools);
  return Math.sqrt(
    Math.max(
      0,
      one.reduce((sum, value, i) => sum + value * (other[i] ?? 0), 0),
    ),
  );
}
