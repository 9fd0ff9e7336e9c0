import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, test } from 'vitest';
import { MiB } from '#core/bytes.ts';
import { parquetText } from '#engine/parquet/parquet-text.ts';
import { errorOf } from '#test/expect-error.ts';
import { expectAll } from './json-lines.ts';

const golden = (name: string): string => fileURLToPath(new URL(`../../golden/parquet/${name}`, import.meta.url));
let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lathe-parquet-'));
});

test.for([
  ['messages-snappy', 'messages'],
  ['instructions-zstd', 'instructions'],
  ['instructions-gzip', 'instructions'],
  ['instructions-brotli', 'instructions'],
  ['instructions-plain', 'instructions'],
] as const)('%s reads as the rows that pyarrow wrote', async ([file, rows]) => {
  const text = await parquetText(golden(`${file}.parquet`), 1, 10 * MiB);
  expectAll(text, await readFile(golden(`${rows}.jsonl`), 'utf8'));
});

test('what is no Parquet file, or ends in its middle, is refused by name', async () => {
  const whole = await readFile(golden('messages-snappy.parquet'));
  const broken = join(folder, 'broken.parquet');
  for (const bytes of [Buffer.from('{"text":"a"}\n'), Buffer.alloc(0), whole.subarray(0, 1000), whole.subarray(500)]) {
    await writeFile(broken, bytes);
    const { code, params } = await errorOf(parquetText(broken, bytes.length, MiB));
    expect(['train.unreadableData', 'train.dataTooLarge']).toContain(code);
    expect(code === 'train.dataTooLarge' || params['file'] === 'broken.parquet').toBe(true);
  }
}, 60_000);

test('no change of single bytes takes the program down, or more memory than there is', async () => {
  const whole = await readFile(golden('instructions-zstd.parquet'));
  const path = join(folder, 'changed.parquet');
  for (let i = 0; i < 24; i++) {
    const bytes = Buffer.from(whole);
    // In the footer, where counts, sizes and places stand, and in the first page's head.
    const at = i < 18 ? bytes.length - 12 - i * 37 : 4 + (i - 18) * 5;
    bytes[at] = (bytes[at] ?? 0) ^ 0xff;
    await writeFile(path, bytes);
    const outcome = await parquetText(path, bytes.length, MiB).then(
      () => 'read',
      (error: unknown) => (error instanceof Error && 'code' in error ? error.code : error),
    );
    expect(['read', 'train.unreadableData', 'train.dataTooLarge']).toContain(outcome);
  }
}, 120_000);

test('more text than is allowed is refused before it is put together', async () => {
  const path = golden('instructions-plain.parquet');
  expect(await errorOf(parquetText(path, 4321, 1000))).toMatchObject({
    code: 'train.dataTooLarge',
    params: { sizeBytes: 4321, limitBytes: 1000 },
  });
});
