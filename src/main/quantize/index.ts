import { stat } from 'node:fs/promises';
import type { AppHandlers } from '#contract/index.ts';
import type { Recipe } from '#contract/quantize.ts';
import type { CardRepository } from '../db/cards.ts';
import type { Engines } from '../engines/index.ts';
import type { Library } from '../library/index.ts';
import { checkFile, checkIsModel } from '../jobs/inputs.ts';
import { inputPaths, resolveOptions } from './options.ts';

export interface QuantizeServiceOptions {
  readonly library: Pick<Library, 'usable' | 'get' | 'fingerprint'>;
  readonly engines: Pick<Engines, 'tensor'>;
  readonly cards: CardRepository;
}

export type Quantize = ReturnType<typeof createQuantize>;

/** What a model can be turned into, and what that cost others of its family. */
export function createQuantize({ library, engines, cards }: QuantizeServiceOptions) {
  /** The table that was asked for last: a screen asks for it at each visit, and it takes all headers of the model. */
  let last: { readonly key: string; readonly recipes: Promise<Recipe[]> } | undefined;

  const usable = async (modelId: string, options: Parameters<typeof inputPaths>[0]) => {
    const model = await library.usable(modelId);
    checkIsModel(model);
    for (const path of inputPaths(options)) await checkFile(path);
    return { modelPath: model.path, name: model.name, options: resolveOptions(options) };
  };

  const handlers: AppHandlers['quantize'] = {
    recipes: async ({ modelId, options }) => {
      const request = await usable(modelId, options);
      // The files that are named may have changed under their names.
      const stamps = await Promise.all(inputPaths(options).map(async (path) => (await stat(path)).mtimeMs));
      const key = JSON.stringify([library.fingerprint(modelId), request, stamps]);
      if (last?.key !== key) {
        const recipes = engines.tensor().then(({ tensor }) => tensor.recipes(request));
        const entry = { key, recipes };
        last = entry;
        recipes.catch(() => {
          if (last === entry) last = undefined;
        });
      }
      return last.recipes;
    },
    plan: async ({ modelId, target, format, options }, { signal }) => {
      const request = await usable(modelId, options);
      const { tensor } = await engines.tensor();
      return tensor.plan({ ...request, target, format }, { signal });
    },
    cards: ({ modelId }) => {
      library.get(modelId);
      return cards.ofFamily(modelId);
    },
  };

  return { handlers };
}
