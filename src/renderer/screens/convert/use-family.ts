import { useQueries } from '@tanstack/react-query';
import { useMemo } from 'react';
import type { Model } from '#contract/library.ts';
import type { QualityCard } from '#contract/quantize.ts';
import { useModels } from '../../models.ts';
import { callOptions, useCall } from '../../queries.ts';

/** A file that was made of the source, and its newest measure. */
export interface Relative {
  readonly model: Model;
  readonly card: QualityCard;
  /** What it was made as; undefined where its recipe does not say. */
  readonly target: string | undefined;
}

/** How much perplexity rose, as a share of the source's. */
export const riseOf = ({ measure }: Pick<QualityCard, 'measure'>): number => measure.perplexity / measure.sourcePerplexity - 1;

/** Two measures can be compared when they read the same. */
const textKey = ({ measure }: QualityCard): string => `${measure.textSha256}:${measure.contextLength}:${measure.windows}`;

/** The measured relatives of a model that were made from it, by falling size, as far as the same text measured them. */
export function useFamily(modelId: string): { readonly relatives: readonly Relative[]; readonly omitted: number } {
  const models = useModels();
  const { data: cards } = useCall('quantize.cards', { modelId }, { enabled: modelId !== '' });
  const newest = useMemo(() => {
    const byModel = new Map<string, QualityCard>();
    for (const card of cards ?? []) {
      const known = byModel.get(card.modelId);
      if (card.sourceId === modelId && (known === undefined || known.madeMs < card.madeMs)) byModel.set(card.modelId, card);
    }
    return [...byModel.values()].sort((left, right) => right.madeMs - left.madeMs);
  }, [cards, modelId]);
  const text = newest[0] === undefined ? '' : textKey(newest[0]);
  const comparable = newest.filter((card) => textKey(card) === text);
  const details = useQueries({ queries: comparable.map((card) => callOptions('library.get', { modelId: card.modelId })) });

  const relatives = comparable
    .flatMap((card, index): Relative[] => {
      const model = models.find(({ id }) => id === card.modelId);
      const target = details[index]?.data?.lineage.recipe?.['target'];
      return model === undefined ? [] : [{ model, card, target: typeof target === 'string' ? target : model.facts.quantization }];
    })
    .sort((left, right) => right.model.sizeBytes - left.model.sizeBytes);
  return { relatives, omitted: newest.length - comparable.length };
}
