import type { OutputFormat } from '#core/quantize/targets.ts';
import { baseName, fileNameOf, freePath } from '../../output-names.ts';

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
  const used = new Set(taken);
  return outputs.map(({ target, format }) => {
    const path = freePath(`${fileNameOf(baseName(modelName))}-${target}`, format === 'gguf' ? '.gguf' : '', folder, used);
    used.add(path);
    return path;
  });
}
