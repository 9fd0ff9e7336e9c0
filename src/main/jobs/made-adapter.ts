import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { AppErrorData } from '#core/errors/index.ts';
import type { Model } from '#contract/library.ts';
import type { Client } from '#contract/define.ts';
import type { tensorContract } from '#contract/engine.ts';
import type { Lineage } from '../db/models.ts';
import type { Engines } from '../engines/index.ts';
import type { Library } from '../library/index.ts';
import { resolveUserPath } from '../library/paths.ts';
import { inspectEntry } from '../library/states.ts';
import { adaptersAt, parentsOf, usableAdapter, usableAdapters } from './adapters.ts';
import { checkIsModel, followWork } from './inputs.ts';
import { checkOutputFile, checkOutputFolder, checkSpace, publishedSince, removeEmptyFolder, removePartial } from './output.ts';
import type { CheckContext, JobContext, JobOutcome, JobRunner, SpecOf, WorkProgress } from './runner.ts';

/** Jobs that write an adapter: from adapters, from two models, from an adapter in the other format. */
type AdapterJob = 'combine' | 'extract' | 'convertAdapter';
type Spec = SpecOf<AdapterJob>;

interface MadeAdapterOptions {
  readonly library: Pick<Library, 'usable' | 'enter' | 'hashOf'>;
  readonly engines: Pick<Engines, 'tensor'>;
  readonly isOutputTaken: (path: string, exceptJobId: string | null) => boolean;
  readonly versions: Readonly<Record<string, string>>;
  readonly clock: () => number;
}

/** What a spec means, with its models at hand. */
interface Making {
  readonly parents: readonly { readonly model: Model; readonly role: Lineage['parents'][number]['role'] }[];
  readonly name: string;
  /** About how large the result is. */
  readonly needBytes: number;
  make(
    tensor: Client<typeof tensorContract>['tensor'],
    output: { readonly format: 'peft' | 'gguf'; readonly outputPath: string; readonly name: string },
    signal: AbortSignal,
  ): AsyncIterable<WorkProgress | Written>;
}

interface Written {
  readonly type: 'finished';
  readonly sizeBytes: number;
  readonly warnings: AppErrorData[];
  readonly rank?: number;
  readonly residual?: number;
}

/** Keeps nearly all of what a fine-tune changed, at a rank that stays small. */
const DEFAULT_ENERGY = 0.95;

/** Runners of the jobs that write an adapter. */
export function adapterRunners(services: MadeAdapterOptions): { readonly [K in AdapterJob]: JobRunner<K> } {
  const { library } = services;
  const usableModel = async (id: string): Promise<Model> => {
    const model = await library.usable(id);
    checkIsModel(model);
    return model;
  };
  return {
    combine: adapterRunner<SpecOf<'combine'>>(services, async ({ adapters: uses, options, baseId }) => {
      const adapters = await usableAdapters(library, uses);
      const base = baseId === null ? null : await usableModel(baseId);
      return {
        parents: adapters.map(({ adapter }) => ({ model: adapter, role: 'adapter' as const })),
        name: adapters.map(({ adapter }) => adapter.name).join('+'),
        needBytes: adapters.reduce((sum, { adapter }) => sum + adapter.sizeBytes, 0),
        make: (tensor, output, signal) =>
          tensor.combine({ adapters: adaptersAt(adapters), options, basePath: base?.path ?? null, ...output }, { signal }),
      };
    }),
    extract: adapterRunner<SpecOf<'extract'>>(services, async ({ baseId, tunedId, rank, energy }) => {
      const [base, tuned] = [await usableModel(baseId), await usableModel(tunedId)];
      const wanted = { rank, energy: rank === null ? (energy ?? DEFAULT_ENERGY) : null };
      return {
        parents: [
          { model: tuned, role: 'source' as const },
          { model: base, role: 'base' as const },
        ],
        name: `${tuned.name}-LoRA`,
        needBytes: 0,
        make: (tensor, output, signal) => tensor.extract({ basePath: base.path, tunedPath: tuned.path, ...wanted, ...output }, { signal }),
      };
    }),
    convertAdapter: adapterRunner<SpecOf<'convertAdapter'>>(services, async ({ adapterId, baseId, format }) => {
      const adapter = await usableAdapter(library, adapterId);
      const base = await usableModel(baseId);
      return {
        parents: [
          { model: adapter, role: 'source' as const },
          { model: base, role: 'base' as const },
        ],
        name: `${adapter.name}-${format.toUpperCase()}`,
        needBytes: adapter.sizeBytes,
        make: (tensor, output, signal) => tensor.convertAdapter({ adapterPath: adapter.path, basePath: base.path, ...output }, { signal }),
      };
    }),
  };
}

/** A runner but for what it makes. */
function adapterRunner<S extends Spec>(
  { library, engines, isOutputTaken, versions, clock }: MadeAdapterOptions,
  prepare: (spec: S) => Promise<Making>,
) {
  const run = async (spec: S, context: JobContext): Promise<JobOutcome> => {
    const startMs = clock();
    const { parents, name, make } = await prepare(spec);
    const outputPath = resolveUserPath(spec.outputPath);
    const lineage = await parentsOf(library, parents, context, 'adapter.hashing');
    // An adapter takes moments: what an interrupted run finished is made once more.
    if (context.earlierRunMs !== null && (await publishedSince(outputPath, context.earlierRunMs)) !== null)
      await rm(outputPath, { recursive: true });
    if (spec.format === 'peft') await removeEmptyFolder(outputPath);
    const { tensor } = await engines.tensor();
    const output = { format: spec.format, outputPath, name: spec.name ?? name };
    const { sizeBytes, warnings, rank = 0, residual = 0 } = await followWork(make(tensor, output, context.signal), context.progress);
    const found = await inspectEntry({ path: outputPath, kind: spec.format === 'peft' ? 'peft-adapter' : 'gguf-adapter' });
    const common = { modelId: '', path: outputPath, sizeBytes, durationMs: clock() - startMs, warnings };
    const result = spec.kind === 'extract' ? { kind: spec.kind, ...common, rank, residual } : { kind: spec.kind, ...common };
    return {
      result,
      record: () => {
        const { outputPath: _, ...recipe } = spec;
        const made = { parents: lineage, recipe, versions: { ...versions }, madeMs: clock() };
        result.modelId = library.enter(found, 'made', output.name, made);
      },
    };
  };
  return {
    lane: 'cpu' as const,
    check: async (spec: S, { jobId, again }: CheckContext): Promise<void> => {
      const { needBytes } = await prepare(spec);
      const path = resolveUserPath(spec.outputPath);
      const output = { again, isTaken: isOutputTaken(path, jobId) };
      if (spec.format === 'gguf') await checkOutputFile(path, ['.gguf'], output);
      else await checkOutputFolder(path, output);
      await checkSpace([{ folder: dirname(path), needBytes }]);
    },
    run,
    canGoOn: async () => false,
    cleanUp: (spec: S): Promise<void> => removePartial(resolveUserPath(spec.outputPath)),
  };
}
