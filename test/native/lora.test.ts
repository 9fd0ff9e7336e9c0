import { expect, test } from 'vitest';
import { loadNative } from '#engine/native.ts';

const native = loadNative();

/** Numbers from -1 to 1, the same in every run. */
function random(count: number, seed: number): Float32Array<ArrayBuffer> {
  let state = seed;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

/** The product in double precision, term by term. */
function product(m: number, n: number, k: number, a: (i: number, x: number) => number, b: (x: number, j: number) => number): number[] {
  return Array.from({ length: m * n }, (_, at) => {
    let sum = 0;
    for (let x = 0; x < k; x += 1) sum += a(Math.floor(at / n), x) * b(x, at % n);
    return sum;
  });
}

const largest = (left: ArrayLike<number>, right: ArrayLike<number>): number =>
  Array.from(left).reduce((most, value, i) => Math.max(most, Math.abs(value - (right[i] ?? Number.NaN))), 0);

test.for([
  { m: 5, n: 7, k: 3 },
  { m: 33, n: 65, k: 250 },
])('multiplies $m × $k by $k × $n, each of them turned or not, and adds', async ({ m, n, k }) => {
  const a = random(m * k, 1);
  const b = random(k * n, 2);
  const old = random(m * n, 3);
  for (const aIsTurned of [false, true])
    for (const bIsTurned of [false, true]) {
      const expected = product(
        m,
        n,
        k,
        (i, x) => a[aIsTurned ? x * m + i : i * k + x] ?? 0,
        (x, j) => b[bIsTurned ? j * k + x : x * n + j] ?? 0,
      );
      const operands = { m, n, k, a: { values: a, isTurned: aIsTurned }, b: { values: b, isTurned: bIsTurned } };
      const c = old.slice();
      await native.matmul({ ...operands, c, alpha: -2 });
      expect(
        largest(
          c,
          expected.map((value) => -2 * value),
        ),
      ).toBeLessThan(1e-4);
      const sum = old.slice();
      await native.matmul({ ...operands, c: sum, accumulates: true });
      expect(
        largest(
          sum,
          expected.map((value, i) => value + (old[i] ?? 0)),
        ),
      ).toBeLessThan(1e-4);
    }
});

test('gives the same bits with any number of threads', async () => {
  const [m, n, k] = [100, 130, 300];
  const run = async (threads: number): Promise<Float32Array> => {
    const c = new Float32Array(m * n);
    await native.matmul({ m, n, k, a: { values: random(m * k, 1) }, b: { values: random(k * n, 2) }, c }, { threads });
    return c;
  };
  expect(await run(3)).toEqual(await run(1));
});

test('makes rows orthonormal that span what they spanned, and zeros of rows that add nothing', async () => {
  const [count, length] = [70, 200];
  const y = random(count * length, 5);
  // Row 40 is a sum of two before it.
  for (let i = 0; i < length; i += 1) y[40 * length + i] = (y[i] ?? 0) + (y[3 * length + i] ?? 0);
  const before = y.slice();
  await native.orthonormalizeRows(count, y);
  const gram = product(
    count,
    count,
    length,
    (i, x) => y[i * length + x] ?? 0,
    (x, j) => y[j * length + x] ?? 0,
  );
  const expected = Array.from({ length: count * count }, (_, at) => (at % (count + 1) === 0 && at !== 40 * (count + 1) ? 1 : 0));
  expect(largest(gram, expected)).toBeLessThan(1e-5);
  // Every row of before is the sum of its projections.
  const shares = product(
    count,
    count,
    length,
    (i, x) => before[i * length + x] ?? 0,
    (x, j) => y[j * length + x] ?? 0,
  );
  const again = product(
    count,
    length,
    count,
    (i, x) => shares[i * count + x] ?? 0,
    (x, j) => y[x * length + j] ?? 0,
  );
  expect(largest(again, before)).toBeLessThan(1e-4);
});

test('decomposes a small matrix whose singular values are known', async () => {
  const n = 12;
  const u = random(n * n, 7);
  const v = random(n * n, 8);
  await native.orthonormalizeRows(n, u);
  await native.orthonormalizeRows(n, v);
  const values = Array.from({ length: n }, (_, i) => 10 ** (2 - i / 2));
  const a = Float32Array.from(
    product(
      n,
      n,
      n,
      (i, x) => (u[x * n + i] ?? 0) * (values[x] ?? 0),
      (x, j) => v[x * n + j] ?? 0,
    ),
  );
  const found = await native.smallSvd(n, a);
  for (const [i, value] of values.entries()) expect((found.s[i] ?? 0) / value).toBeCloseTo(1, i < 6 ? 4 : 1);
  const again = product(
    n,
    n,
    n,
    (i, x) => (found.u[x * n + i] ?? 0) * (found.s[x] ?? 0),
    (x, j) => found.v[x * n + j] ?? 0,
  );
  expect(largest(again, a)).toBeLessThan(1e-4);
});

test('gives outputs the lengths that DoRA trained, by rows and by columns, wholly or in part', async () => {
  const [rows, columns] = [18, 30];
  const base = random(rows * columns, 9);
  const delta = random(rows * columns, 10);
  const byRow = random(rows, 11);
  const byColumn = random(columns, 12);
  const sum = (i: number): number => (base[i] ?? 0) + (delta[i] ?? 0);
  const lengthOf = (places: number[]): number => Math.hypot(...places.map(sum));
  const rowPlaces = (row: number): number[] => Array.from({ length: columns }, (_, c) => row * columns + c);
  const columnPlaces = (column: number): number[] => Array.from({ length: rows }, (_, r) => r * columns + column);
  for (const share of [1, 0.25]) {
    const towards = (i: number, full: number): number => (base[i] ?? 0) + share * (full - (base[i] ?? 0));
    const values = base.slice();
    await native.applyDora(rows, values, base, delta, byRow, undefined, share, 2);
    const expected = values.map((_, i) => {
      const row = Math.floor(i / columns);
      return towards(i, ((byRow[row] ?? 0) / lengthOf(rowPlaces(row))) * sum(i));
    });
    expect(largest(values, expected)).toBeLessThan(1e-6);

    const sums = new Float64Array(columns);
    await native.addColumnSquares(rows, base, delta, sums, 2);
    const lengths = Float32Array.from(sums, Math.sqrt);
    expect(
      largest(
        lengths,
        Array.from({ length: columns }, (_, c) => lengthOf(columnPlaces(c))),
      ),
    ).toBeLessThan(1e-5);
    const turned = base.slice();
    await native.applyDora(rows, turned, base, delta, byColumn, lengths, share, 2);
    const other = turned.map((_, i) => towards(i, ((byColumn[i % columns] ?? 0) / lengthOf(columnPlaces(i % columns))) * sum(i)));
    expect(largest(turned, other)).toBeLessThan(1e-6);
  }
});

test('leaves an output of length zero at zero', async () => {
  const zeros = new Float32Array(4);
  const values = zeros.slice();
  await native.applyDora(1, values, zeros, zeros, Float32Array.of(3), undefined, 1, 1);
  expect(values).toEqual(zeros);
});

test('sums how a changed tensor lies to what it was and what it should be, with any number of threads', async () => {
  const count = 150_001;
  const [base, change, noise] = [random(count, 1), random(count, 2), random(count, 3)];
  const expected = base.map((value, i) => value + (change[i] ?? 0) / 8);
  const actual = base.map((value, i) => value + (change[i] ?? 0) / 4 + (noise[i] ?? 0) / 100);
  const wanted = { error: 0, norm: 0, change: 0, base: 0, overlap: 0 };
  for (const [i, b] of base.entries()) {
    const [e, a] = [expected[i] ?? NaN, actual[i] ?? NaN];
    wanted.error += (a - e) ** 2;
    wanted.norm += e ** 2;
    wanted.change += (e - b) ** 2;
    wanted.base += b ** 2;
    wanted.overlap += (a - b) * (e - b);
  }
  const sums = await native.changeSums(base, expected, actual, 1);
  for (const key of ['error', 'norm', 'change', 'base', 'overlap'] as const) expect(sums[key] / wanted[key]).toBeCloseTo(1, 10);
  expect(await native.changeSums(base, expected, actual, 3)).toEqual(sums);
  // Merged twice, under noise: the noise has next to no part in it.
  expect(sums.overlap / sums.change).toBeCloseTo(2, 2);
  await expect(native.changeSums(base, expected, actual.subarray(1), 1)).rejects.toThrow(TypeError);
});

test('refuses sizes that do not belong together', async () => {
  const four = new Float32Array(4);
  const operand = { values: four };
  await expect(native.matmul({ m: 2, n: 2, k: 3, a: operand, b: operand, c: four })).rejects.toThrow(TypeError);
  await expect(native.smallSvd(3, four)).rejects.toThrow(TypeError);
  await expect(native.orthonormalizeRows(3, four)).rejects.toThrow(TypeError);
  await expect(native.applyDora(3, four, four, four, four, undefined, 1, 1)).rejects.toThrow(TypeError);
});
