import { expect, test } from 'vitest';
import { loadNative } from '#engine/native.ts';

const native = loadNative();
const bytesOf = (array: ArrayBufferView): Uint8Array => new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

test('rows of each head are paired: for 8 rows of a head, 0 4 1 5 2 6 3 7', async () => {
  // Two heads, rows of three bytes; the order is the one that llama.cpp's converter documents.
  const source = Uint8Array.from({ length: 16 * 3 }, (_, i) => i);
  const target = new Uint8Array(source.length);
  await native.permuteRows(source, target, { rows: 16, heads: 2 });
  const rows = [0, 4, 1, 5, 2, 6, 3, 7, 8, 12, 9, 13, 10, 14, 11, 15];
  expect([...target]).toEqual(rows.flatMap((row) => [row * 3, row * 3 + 1, row * 3 + 2]));
});

test.each([
  [1, 7, 5],
  [2, 33, 65],
  [4, 64, 31],
  [8, 1, 40],
  [4, 0, 9],
] as const)('a matrix of %i-byte elements, %i × %i, is transposed at any address', async (elementBytes, rows, columns) => {
  const source = new Uint8Array(rows * columns * elementBytes + 1).map((_, i) => (i * 131 + (i >> 7)) & 0xff).subarray(1);
  const target = new Uint8Array(source.length + 1).subarray(1);
  await native.transpose(source, target, { rows, columns, elementBytes });
  const expected: number[] = [];
  for (let column = 0; column < columns; column += 1)
    for (let row = 0; row < rows; row += 1) {
      const at = (row * columns + column) * elementBytes;
      expected.push(...source.subarray(at, at + elementBytes));
    }
  expect([...target]).toEqual(expected);
});

test('1 is added in float32', async () => {
  const values = Float32Array.of(0, -1, 1e-8, 0.1, 2 ** 24, -0.5, Infinity);
  const expected = values.map((value) => Math.fround(value + 1));
  const room = new Uint8Array(values.byteLength + 1);
  room.set(bytesOf(values), 1);
  await native.addOne(room.subarray(1));
  expect(room.subarray(1)).toEqual(bytesOf(expected));
});

test('shapes that do not fit their arrays are refused', async () => {
  const bytes = new Uint8Array(24);
  const other = new Uint8Array(24);
  await expect(native.permuteRows(bytes, other, { rows: 6, heads: 2 })).rejects.toThrow('rows is not an even number for each head');
  await expect(native.permuteRows(bytes, other, { rows: 5, heads: 1 })).rejects.toThrow('source is not a whole number of bytes per row');
  await expect(native.permuteRows(bytes, bytes, { rows: 4, heads: 2 })).rejects.toThrow('target overlaps source');
  await expect(native.transpose(bytes, other, { rows: 5, columns: 5, elementBytes: 1 })).rejects.toThrow('rows · columns');
  // A product that does not fit 64 bits must not come round to a small one.
  await expect(native.transpose(bytes, other, { rows: 2 ** 53, columns: 2 ** 53, elementBytes: 8 })).rejects.toThrow('rows · columns');
  await expect(native.transpose(bytes, other, { rows: 2.5, columns: 2, elementBytes: 1 })).rejects.toThrow('rows is out of its range');
  await expect(native.addOne(bytes.subarray(1))).rejects.toThrow('ends within a number');
});
