// A process for GPTQ of one layer: `layer.ts ROWS COLUMNS THREADS [FOLDER]` prints one line of JSON. With FOLDER, weights,
// Hessian and what became of the weights are left there as float32, for others to work on the same.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { fillFrom, normalTable, XorShift32 } from '#core/demo/random.ts';
import { loadNative } from '#engine/native.ts';
import { bytesOf } from '#engine/quantize/views.ts';
import { peakBytes } from './peak.ts';

const { positionals } = parseArgs({ allowPositionals: true });
const [rows = 0, columns = 0, threads = 1] = positionals.map(Number);
const folder = positionals[3];

function normals(count: number, sigma: number, seed: number): Float32Array {
  const bits = new Uint32Array(count);
  fillFrom(normalTable('F32', 0, sigma), new XorShift32(seed), bits);
  return new Float32Array(bits.buffer);
}

const DIRECTIONS = 4;

/** Inputs that hang together: a diagonal of different sizes, and a few directions in which all of them move. */
function hessian(): Float32Array {
  const directions = normals(DIRECTIONS * columns, 1, 2);
  const matrix = new Float32Array(columns * columns);
  for (let i = 0; i < columns; i += 1) {
    for (let j = 0; j < columns; j += 1) {
      let sum = i === j ? 1 + (i % 7) : 0;
      for (let d = 0; d < DIRECTIONS; d += 1) sum += (directions[d * columns + i] ?? 0) * (directions[d * columns + j] ?? 0);
      matrix[i * columns + j] = sum;
    }
  }
  return matrix;
}

const native = loadNative();
const [weights, moments] = [normals(rows * columns, 0.02, 1), hessian()];
if (folder !== undefined) {
  await writeFile(join(folder, 'weights.f32'), bytesOf(weights));
  await writeFile(join(folder, 'hessian.f32'), bytesOf(moments));
}
const settings = { bits: 4, groupSize: 128, symmetric: true, actOrder: false, staticGroups: false, signedScales: false } as const;
const startMs = performance.now();
const found = await native.gptqQuantize(weights, rows, moments, { ...settings, damping: 0.01, mseExponent: 0 }, { threads });
const seconds = (performance.now() - startMs) / 1000;
if (found.fellBack) throw new Error('the Hessian was of no use');
if (folder !== undefined) {
  const scales = new Float32Array(found.scales.length);
  await native.cast('F16', bytesOf(found.scales), 'F32', bytesOf(scales));
  const restored = new Float32Array(weights.length);
  await native.gptqDequantize(columns, rows, found.codes, scales, found.zeros, found.gIdx, restored, threads);
  await writeFile(join(folder, 'restored.f32'), bytesOf(restored));
}
process.stdout.write(`${JSON.stringify({ seconds, loss: found.loss, peakBytes: await peakBytes() })}\n`);
