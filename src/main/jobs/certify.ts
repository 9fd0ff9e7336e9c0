import type { Certificate } from '#contract/adapters.ts';
import type { Model } from '#contract/library.ts';
import type { CertificateRepository } from '../db/certificates.ts';
import type { Engines } from '../engines/index.ts';
import { newId } from '../ids.ts';
import type { Library } from '../library/index.ts';
import { resolveUserPath } from '../library/paths.ts';
import { adaptersAt, usableAdapters, type UsedAdapter } from './adapters.ts';
import { checkFile, checkIsModel, followWork } from './inputs.ts';
import { makeFolder } from './output.ts';
import { leavesNothing, type JobContext, type JobRunner, type SpecOf } from './runner.ts';

export interface CertifyServices {
  readonly engines: Pick<Engines, 'tensor'>;
  readonly threads: () => number | null;
  readonly versions: Readonly<Record<string, string>>;
  readonly clock: () => number;
}

/** A merge, and how it is to be proven. */
export interface Merge {
  readonly base: Pick<Model, 'id' | 'name' | 'path'>;
  readonly adapters: readonly UsedAdapter[];
  readonly mergedPath: string;
  readonly options: SpecOf<'certify'>['options'];
}

/** Hold a merged model against its base and the adapters. The certificate still needs the merged model's id. */
export async function certifyMerge(
  { engines, threads, versions, clock }: CertifyServices,
  { base, adapters, mergedPath, options }: Merge,
  { signal, progress, scratchFolder }: JobContext,
): Promise<Omit<Certificate, 'modelId'>> {
  const startMs = clock();
  await makeFolder(scratchFolder);
  const { tensor } = await engines.tensor();
  const request = {
    basePath: base.path,
    adapters: adaptersAt(adapters),
    mergedPath,
    options: { ...options, textPath: options.textPath === null ? null : resolveUserPath(options.textPath) },
    scratchFolder,
    threads: threads(),
  };
  const { measure } = await followWork(tensor.certify(request, { signal }), progress);
  const madeMs = clock();
  return {
    id: newId(),
    baseId: base.id,
    baseName: base.name,
    adapters: adapters.map(({ adapter, scale }) => ({ adapterId: adapter.id, name: adapter.name, scale })),
    measure,
    madeMs,
    durationMs: madeMs - startMs,
    versions: { ...versions },
  };
}

export interface CertifyOptions extends CertifyServices {
  readonly library: Pick<Library, 'usable' | 'get' | 'setUsed'>;
  readonly certificates: CertificateRepository;
}

/** Prove a merge, also one that was made elsewhere. */
export function certifyRunner(services: CertifyOptions): JobRunner<'certify'> {
  const { library, certificates } = services;
  return {
    lane: 'cpu',
    check: async ({ baseId, mergedId, adapters, options }) => {
      for (const id of [baseId, mergedId]) checkIsModel(await library.usable(id));
      await usableAdapters(library, adapters);
      if (options.textPath !== null) await checkFile(resolveUserPath(options.textPath));
    },
    run: async ({ baseId, mergedId, adapters: uses, options }, context) => {
      const base = await library.usable(baseId);
      const { path: mergedPath } = await library.usable(mergedId);
      const adapters = await usableAdapters(library, uses);
      library.setUsed(mergedId);
      const made = await certifyMerge(services, { base, adapters, mergedPath, options }, context);
      const certificate = { ...made, modelId: mergedId };
      return {
        result: { kind: 'certify', certificate },
        record: () => {
          // A certificate belongs to a model of the library.
          library.get(mergedId);
          certificates.add(certificate);
        },
      };
    },
    ...leavesNothing,
  };
}
