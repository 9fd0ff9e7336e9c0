import { createHash } from 'node:crypto';
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hashFile } from '#engine/tensor/hash.ts';
import { errorOf } from '#test/expect-error.ts';

const BLOCK = 8 * 1024 * 1024;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lathe-hash-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function file(bytes: Uint8Array): Promise<string> {
  const path = join(folder, String(Math.random()));
  await writeFile(path, bytes);
  return path;
}
const never = new AbortController().signal;

describe('the hash of a file', () => {
  it('is sha256 of its bytes, for sizes around the blocks it is read in', async () => {
    for (const size of [0, 1, 3, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, 2 * BLOCK + 5]) {
      const bytes = Buffer.alloc(
        size,
        Uint8Array.from({ length: 251 }, (_, index) => index),
      );
      let counted = 0;
      expect(await hashFile(await file(bytes), never, (done) => (counted += done))).toBe(createHash('sha256').update(bytes).digest('hex'));
      expect(counted).toBe(size);
    }
  });

  it('stops when it is left', async () => {
    const leave = new AbortController();
    const path = await file(new Uint8Array(3 * BLOCK));
    let blocks = 0;
    const hashing = hashFile(path, leave.signal, () => ((blocks += 1), leave.abort()));
    await expect(hashing).rejects.toMatchObject({ name: 'AbortError' });
    expect(blocks).toBe(1);
  });

  it('fails on a file that gets shorter, and on one that is not there', async () => {
    const path = await file(new Uint8Array(5 * BLOCK));
    let cut: Promise<void> | undefined;
    const hashing = hashFile(path, never, () => (cut ??= truncate(path, BLOCK)));
    expect(await errorOf(hashing)).toMatchObject({ code: 'disk.changed' });
    await cut;
    expect(await errorOf(hashFile(join(folder, 'absent'), never, () => undefined))).toMatchObject({ code: 'disk.missing' });
  });
});
