import type { AppHandlers } from '#contract/index.ts';
import type { Model } from '#contract/library.ts';
import type { CertificateRepository } from '../db/certificates.ts';
import type { ModelRepository } from '../db/models.ts';
import type { Engines } from '../engines/index.ts';
import { adaptersAt, isAdapter, usableAdapter, usableAdapters } from '../jobs/adapters.ts';
import { checkIsModel } from '../jobs/inputs.ts';
import type { Library } from '../library/index.ts';

interface AdapterServiceOptions {
  readonly library: Pick<Library, 'usable' | 'get'>;
  readonly models: Pick<ModelRepository, 'list'>;
  readonly engines: Pick<Engines, 'tensor'>;
  readonly certificates: CertificateRepository;
}

export type Adapters = ReturnType<typeof createAdapters>;

/** What the library's adapters hold, which of its models they fit, and what proves their merges. */
export function createAdapters({ library, models, engines, certificates }: AdapterServiceOptions) {
  const handlers: AppHandlers['adapters'] = {
    get: async ({ adapterId }) => {
      const { path } = await usableAdapter(library, adapterId);
      const { tensor } = await engines.tensor();
      return tensor.adapter({ adapterPath: path });
    },
    fits: async ({ adapterId }, { signal }) => {
      const { path } = await usableAdapter(library, adapterId);
      const bases = models.list().filter((model) => !isAdapter(model) && model.state.status === 'ready');
      const { tensor } = await engines.tensor();
      const fits = await tensor.adapterFits(
        { adapterPath: path, models: bases.map((model) => ({ path: model.path, names: namesOf(model) })) },
        { signal },
      );
      return bases.map(({ id: modelId }, index) => ({ modelId, ...(fits[index] ?? { problems: [], warnings: [] }) }));
    },
    preview: async ({ baseId, adapters: uses }, { signal }) => {
      const base = await library.usable(baseId);
      checkIsModel(base);
      const adapters = await usableAdapters(library, uses);
      const { tensor } = await engines.tensor();
      return tensor.adapterChanges({ basePath: base.path, adapters: adaptersAt(adapters) }, { signal });
    },
    previewCombined: async ({ baseId, adapters: uses, options }, { signal }) => {
      const base = baseId === null ? null : await library.usable(baseId);
      if (base !== null) checkIsModel(base);
      const adapters = await usableAdapters(library, uses);
      const { tensor } = await engines.tensor();
      return tensor.combinedChanges({ adapters: adaptersAt(adapters), options, basePath: base?.path ?? null }, { signal });
    },
    certificates: ({ modelId }) => {
      library.get(modelId);
      return certificates.ofModel(modelId);
    },
  };
  return { handlers };
}

/** What a model is called, and what it calls itself. */
const namesOf = ({ name, facts }: Model): string[] => [name, facts.name].filter((each) => each !== undefined);
