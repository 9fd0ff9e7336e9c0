import { open } from 'node:fs/promises';
import { win32 } from 'node:path';
import { MiB } from '#core/bytes.ts';
import { AppError } from '#core/errors/index.ts';
import { excerpt } from '#core/excerpt.ts';
import { onDisk } from '#core/errors/on-disk.ts';
import { benchmarkFile, type BenchmarkCell, type BenchmarkFile } from '#contract/benchmark.ts';
import type { SavedRun } from '../db/benchmarks.ts';
import { newId } from '../ids.ts';

/** A thousand cells with all their samples and answers have a few megabytes. */
const MAX_FILE_BYTES = 64 * MiB;

/** A run for another computer: without ids, and without a word of this one's folders. */
export function fileOf(run: SavedRun, cells: readonly BenchmarkCell[]): BenchmarkFile {
  const { name, preset, createdMs, environment, base, targets } = run;
  return {
    format: 'lathe-benchmark',
    version: 1,
    name,
    preset,
    createdMs,
    environment,
    base: base?.name ?? null,
    targets: targets.map(({ modelId: _, ...target }) => target),
    cells: cells.map(({ id: _, position: _position, error, ...cell }) => ({
      ...cell,
      error: error === null ? null : { code: error.code, params: withoutFolders(error.params) },
    })),
  };
}

/** Paths to their last part. Windows' rules take both kinds of strokes. */
const withoutFolders = (params: AppError['params']): Record<string, string | number> =>
  Object.fromEntries(Object.entries(params).map(([name, value]) => [name, typeof value === 'string' ? win32.basename(value) : value]));

/** Read what `fileOf` wrote, wherever. Throws `benchmark.badFile`, `disk.*`. */
export async function readBenchmarkFile(path: string): Promise<BenchmarkFile> {
  const text = await onDisk(path, async () => {
    await using handle = await open(path);
    const { size } = await handle.stat();
    if (size > MAX_FILE_BYTES) throw new AppError('benchmark.badFile', { path, reason: `it is larger than ${MAX_FILE_BYTES} bytes` });
    return handle.readFile('utf8');
  });
  const fail = (reason: string): AppError => new AppError('benchmark.badFile', { path, reason: excerpt(reason) });
  let value: unknown;
  try {
    value = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    throw fail(error instanceof Error ? error.message : 'no JSON');
  }
  const parsed = benchmarkFile.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw fail(`${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`);
  }
  const file = parsed.data;
  if (file.cells.some(({ target }) => target >= file.targets.length)) throw fail('a cell is of no target');
  return file;
}

/** A run of a file, to lie beside those of this computer. What was under way or waited there will never be measured here. */
export function importedRun({ cells, base, targets, format: _, version: _version, ...file }: BenchmarkFile): {
  readonly run: SavedRun;
  readonly cells: BenchmarkCell[];
} {
  const run: SavedRun = {
    ...file,
    id: newId(),
    request: null,
    targets: targets.map((target) => ({ ...target, modelId: null })),
    base: base === null ? null : { modelId: null, name: base },
    isImported: true,
    jobId: null,
  };
  const finished = cells.filter(({ state }) => state === 'done' || state === 'failed');
  return { run, cells: finished.map((cell, position) => ({ ...cell, id: newId(), position })) };
}
