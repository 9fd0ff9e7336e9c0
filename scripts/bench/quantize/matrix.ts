// `matrix.ts ROWS COLUMNS THREADS`: seconds of the INT8 and NF4 kernels for a matrix of float32, one line of JSON for several rounds.
import { parseArgs } from 'node:util';
import { fillFrom, normalTable, XorShift32 } from '#core/demo/random.ts';
import { loadNative } from '#engine/native.ts';

const ROUNDS = 9;
const BLOCK_SIZE = 64;
const [rows = 0, columns = 0, threads = 1] = parseArgs({ allowPositionals: true }).positionals.map(Number);
const native = loadNative();
const count = rows * columns;
const bits = new Uint32Array(count);
fillFrom(normalTable('F32', 0, 0.02), new XorShift32(1), bits);
const weights = new Float32Array(bits.buffer);

async function seconds(run: () => Promise<unknown>): Promise<number[]> {
  const found: number[] = [];
  for (let round = 0; round <= ROUNDS; round += 1) {
    const startMs = performance.now();
    await run();
    // The first round only warms up.
    if (round > 0) found.push((performance.now() - startMs) / 1000);
  }
  return found;
}

// Results in new memory each time, as the others make theirs.
const int8 = await seconds(() => native.int8Quantize(weights, rows, new Uint8Array(count), new Float32Array(rows), threads));
const nf4 = await seconds(() =>
  native.fourBitQuantize('nf4', weights, BLOCK_SIZE, new Uint8Array(count / 2), new Float32Array(count / BLOCK_SIZE), threads),
);
process.stdout.write(`${JSON.stringify({ int8, nf4 })}\n`);
