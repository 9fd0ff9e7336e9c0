import { mkdtempSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MiB } from '#core/bytes.ts';
import { parquetText } from '#engine/parquet/parquet-text.ts';
import { readTestFile } from '#test/byte-source.ts';
import { mutate } from '#test/mutate.ts';
import type { Random } from '../random.ts';
import { promise, type Target } from '../target.ts';

const FILES = ['instructions-plain', 'instructions-gzip', 'instructions-brotli', 'instructions-zstd', 'messages-snappy'];

/** Of Parquet the footer at the end decides, and `mutate` hits the first bytes: it gets the file's end first. */
function damagedFooter(random: Random, file: Uint8Array): Uint8Array {
  const footer = Math.min(file.byteLength, 1200);
  const end = mutate(file.subarray(file.byteLength - footer), random.uniform, ['PAR1', '\x15', '\x19\x1c', '\xff\xff\xff\x7f']);
  return new Uint8Array([...file.subarray(0, file.byteLength - footer), ...end]);
}

export const parquet: Target = {
  name: 'parquet',
  codes: /^train\.(unreadableData|dataTooLarge)$/,
  cost: 60,
  make: (random) => {
    const file = readTestFile(`golden/parquet/${random.pick(FILES)}.parquet`);
    return [random.chance(0.6) ? damagedFooter(random, file) : mutate(file, random.uniform, ['PAR1', '\x15'])];
  },
  run: async ([bytes = new Uint8Array()]) => {
    const folder = mkdtempSync(join(tmpdir(), 'lathe-fuzz-'));
    const path = join(folder, 'data.parquet');
    try {
      await writeFile(path, bytes);
      const text = await parquetText(path, bytes.byteLength, 64 * MiB);
      for (const line of text.split('\n').filter((each) => each !== ''))
        promise(typeof JSON.parse(line) === 'object', 'a line is no record');
      return 'read';
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};
