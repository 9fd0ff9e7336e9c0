import type { Model } from '#contract/library.ts';
import type { Formats } from '../../../format.ts';

const FACTS = [
  'parameterCount',
  'quantization',
  'contextLength',
  'layerCount',
  'embeddingLength',
  'feedForwardLength',
  'heads',
  'vocabularySize',
  'slidingWindow',
  'experts',
  'tensorCount',
  'tokenizerModel',
  'licence',
  'rank',
  'alpha',
  'targetModules',
  'baseModel',
  'added',
] as const;

export type FactKey = (typeof FACTS)[number];

/** The facts that the files state, written out. What they do not state has no row. */
export function factRows({ facts, addedMs }: Pick<Model, 'facts' | 'addedMs'>, format: Formats): { key: FactKey; value: string }[] {
  const number = (value: number | undefined): string | undefined => (value === undefined ? undefined : format.number(value));
  const pair = (whole: number | undefined, part: number | undefined): string | undefined =>
    whole === undefined
      ? undefined
      : part === undefined || part === whole
        ? format.number(whole)
        : `${format.number(whole)} / ${format.number(part)}`;
  const values: Readonly<Record<FactKey, string | undefined>> = {
    // In full: the rounded one stands in the list.
    parameterCount: number(facts.parameterCount),
    quantization: facts.quantization,
    contextLength: number(facts.contextLength),
    layerCount: number(facts.layerCount),
    embeddingLength: number(facts.embeddingLength),
    feedForwardLength: number(facts.feedForwardLength),
    heads: pair(facts.headCount, facts.headCountKv),
    vocabularySize: number(facts.vocabularySize),
    slidingWindow: number(facts.slidingWindow),
    experts: pair(facts.expertCount, facts.expertUsedCount),
    tensorCount: number(facts.tensorCount),
    tokenizerModel: facts.tokenizerModel,
    licence: facts.licence,
    rank: number(facts.adapter?.rank),
    alpha: facts.adapter?.alpha === undefined ? undefined : format.figure(facts.adapter.alpha),
    targetModules: facts.adapter?.targetModules?.join(', '),
    baseModel: facts.adapter?.baseModel,
    added: format.day(addedMs),
  };
  return FACTS.flatMap((key) => {
    const value = values[key];
    return value === undefined ? [] : [{ key, value }];
  });
}
