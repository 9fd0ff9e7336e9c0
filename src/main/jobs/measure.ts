import type { Model } from '#contract/library.ts';
import type { QualityCard } from '#contract/quantize.ts';
import type { Engines } from '../engines/index.ts';
import { newId } from '../ids.ts';
import { resolveUserPath } from '../library/paths.ts';
import { followWork } from './inputs.ts';
import { makeFolder } from './output.ts';
import type { JobContext, SpecOf } from './runner.ts';

export interface MeasureOptions {
  readonly engines: Pick<Engines, 'tensor'>;
  readonly threads: () => number | null;
  readonly versions: Readonly<Record<string, string>>;
  readonly clock: () => number;
}

/** What is measured, against what, and how. */
export interface Comparison {
  /** Path of the one that lost something. */
  readonly variantPath: string;
  readonly source: Pick<Model, 'id' | 'name' | 'path'>;
  readonly options: SpecOf<'quality'>['options'];
}

/** Measure what a model lost against its source. The card still needs the id of the measured model. */
export async function measureQuality(
  { engines, threads, versions, clock }: MeasureOptions,
  { variantPath, source, options }: Comparison,
  { signal, progress, scratchFolder }: JobContext,
): Promise<Omit<QualityCard, 'modelId'>> {
  const startMs = clock();
  await makeFolder(scratchFolder);
  const { tensor } = await engines.tensor();
  const textPath = options.textPath === null ? null : resolveUserPath(options.textPath);
  const request = { variantPath, sourcePath: source.path, options: { ...options, textPath }, scratchFolder, threads: threads() };
  const { measure } = await followWork(tensor.quality(request, { signal }), progress);
  const madeMs = clock();
  return {
    id: newId(),
    sourceId: source.id,
    sourceName: source.name,
    measure,
    madeMs,
    durationMs: madeMs - startMs,
    versions: { ...versions },
  };
}
