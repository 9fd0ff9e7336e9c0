import type { QuantizeOptions } from '#contract/quantize.ts';
import { resolveUserPath } from '../library/paths.ts';

const resolved = (path: string | null): string | null => (path === null ? null : resolveUserPath(path));

/** The options with whole paths. Throws `system.relativePath`. */
export const resolveOptions = (options: QuantizeOptions): QuantizeOptions => ({
  ...options,
  calibrationPath: resolved(options.calibrationPath),
  imatrixPath: resolved(options.imatrixPath),
});

/** The files that the options name. */
export function inputPaths(options: QuantizeOptions): string[] {
  const { calibrationPath, imatrixPath } = resolveOptions(options);
  return [calibrationPath, imatrixPath].filter((path) => path !== null);
}
