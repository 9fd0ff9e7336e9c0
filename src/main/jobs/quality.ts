import type { CardRepository } from '../db/cards.ts';
import type { Library } from '../library/index.ts';
import { resolveUserPath } from '../library/paths.ts';
import { checkFile, checkIsModel } from './inputs.ts';
import { measureQuality, type MeasureOptions } from './measure.ts';
import { leavesNothing, type JobRunner } from './runner.ts';

interface QualityOptions extends MeasureOptions {
  readonly library: Pick<Library, 'usable' | 'get' | 'setUsed'>;
  readonly cards: CardRepository;
}

/** What a model lost against the one that it was made from. */
export function qualityRunner(services: QualityOptions): JobRunner<'quality'> {
  const { library, cards } = services;
  return {
    lane: 'cpu',
    check: async ({ modelId, sourceId, options }) => {
      for (const id of [modelId, sourceId]) checkIsModel(await library.usable(id));
      if (options.textPath !== null) await checkFile(resolveUserPath(options.textPath));
    },
    run: async ({ modelId, sourceId, options }, context) => {
      const { path: variantPath } = await library.usable(modelId);
      const source = await library.usable(sourceId);
      library.setUsed(modelId);
      const card = { ...(await measureQuality(services, { variantPath, source, options }, context)), modelId };
      return {
        result: { kind: 'quality', card },
        record: () => {
          // A card belongs to a model of the library.
          library.get(modelId);
          cards.add(card);
        },
      };
    },
    ...leavesNothing,
  };
}
