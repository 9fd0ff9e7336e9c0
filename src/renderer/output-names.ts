import { joinPath } from './paths.ts';

/** What file systems do not take in a name, and what would be a path. */
export const fileNameOf = (name: string): string => name.replace(/[\\/:*?"<>|\p{Cc}]+/gu, '-').replace(/^[.\s]+|[.\s]+$/gu, '') || 'model';

/** A type at the end of a name, which the new one takes the place of: `Qwen3-0.6B-BF16`. */
const TYPE_AT_END = /[-_. ](F32|F16|BF16|Q8_0)$/i;

export const baseName = (name: string): string => name.replace(TYPE_AT_END, '');

/** File systems of Windows and macOS take `A` and `a` for the same. */
export const pathKey = (path: string): string => path.toLowerCase();

/** A path of this name that nothing is at yet: with a number where it has to be. */
export function freePath(name: string, ending: string, folder: string, taken: Iterable<string>): string {
  const used = new Set([...taken].map(pathKey));
  const stem = fileNameOf(name);
  for (let number = 1; ; number += 1) {
    const path = joinPath(folder, `${stem}${number === 1 ? '' : `-${number}`}${ending}`);
    if (!used.has(pathKey(path))) return path;
  }
}
