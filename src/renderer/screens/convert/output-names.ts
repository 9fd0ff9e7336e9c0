import type { OutputFormat } from '#core/quantize/targets.ts';
import { joinPath } from '../../paths.ts';

/** What file systems do not take in a name, and what would be a path. */
const fileNameOf = (name: string): string => name.replace(/[\\/:*?"<>|\p{Cc}]+/gu, '-').replace(/^[.\s]+|[.\s]+$/gu, '') || 'model';

/** A type at the end of a name, which the new one takes the place of: `Qwen3-0.6B-BF16`. */
const TYPE_AT_END = /[-_. ](F32|F16|BF16|Q8_0)$/i;

/** File systems of Windows and macOS take `A` and `a` for the same. */
const key = (path: string): string => path.toLowerCase();

/**
 * Where each result goes: named after the source and the target, and never twice the same.
 * @param taken paths that exist, or that a job is going to write
 */
export function outputPaths(
  modelName: string,
  outputs: readonly { readonly target: string; readonly format: OutputFormat }[],
  folder: string,
  taken: Iterable<string>,
): string[] {
  const used = new Set([...taken].map(key));
  const stem = fileNameOf(modelName.replace(TYPE_AT_END, ''));
  return outputs.map(({ target, format }) => {
    const ending = format === 'gguf' ? '.gguf' : '';
    for (let number = 1; ; number += 1) {
      const path = joinPath(folder, `${stem}-${target}${number === 1 ? '' : `-${number}`}${ending}`);
      if (used.has(key(path))) continue;
      used.add(key(path));
      return path;
    }
  });
}
