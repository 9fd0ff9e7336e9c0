import type { ByteSource } from './byte-source.ts';

/** First line of the text that `git clone` leaves in place of a large file (git-lfs, docs/spec.md). */
const LFS_POINTER = 'version https://git-lfs.github.com/spec/v1';

/** Whether a file is not what its name says but a Git LFS pointer to it. */
export async function isLfsPointer(source: ByteSource): Promise<boolean> {
  if (source.sizeBytes < LFS_POINTER.length) return false;
  const head = await source.read(0, LFS_POINTER.length);
  return String.fromCharCode(...head) === LFS_POINTER;
}
