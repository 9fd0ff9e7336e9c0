import type { Model } from '#contract/library.ts';
import { canChat, canQuantize, isFloat } from '../../models.ts';

const architectureOf = ({ facts }: Model): string | undefined => (facts.architecture ?? facts.modelType)?.toLowerCase();

/** Equal, or not known of one of them. */
const agree = (left: number | undefined, right: number | undefined): boolean => left === undefined || right === undefined || left === right;

/**
 * Whether two models can be variants of one base: the same architecture and shape over the same vocabulary, so that their predictions can be
 * held against each other. A fine-tune, a merge and a quantization are that; another size of the same family is not.
 */
export function areVariants(left: Model, right: Model): boolean {
  const [one, other] = [left.facts, right.facts];
  const architecture = architectureOf(left);
  return (
    architecture !== undefined &&
    architecture === architectureOf(right) &&
    agree(one.layerCount, other.layerCount) &&
    agree(one.embeddingLength, other.embeddingLength) &&
    agree(one.vocabularySize, other.vocabularySize) &&
    // Sizes of files that do not tell their shape.
    sameSize(one.parameterCount, other.parameterCount)
  );
}

/** Tied matrices are counted once or twice, so the counts of one model's files differ a little. */
const SIZE_SHARE = 0.25;
const sameSize = (left: number | undefined, right: number | undefined): boolean =>
  left === undefined || right === undefined || Math.abs(left - right) <= SIZE_SHARE * Math.max(left, right);

/** Models that a benchmark can begin with: originals first, then what was used or added last. */
export const basesOf = (models: readonly Model[]): Model[] =>
  models
    .filter(canQuantize)
    .toSorted(
      (left, right) =>
        Number(isFloat(right)) - Number(isFloat(left)) ||
        Math.max(right.addedMs, right.lastUsedMs ?? 0) - Math.max(left.addedMs, left.lastUsedMs ?? 0),
    );

/** All variants of a base, itself among them: the largest first, as what was lost grows downwards. */
export const relativesOf = (models: readonly Model[], base: Model): Model[] =>
  models.filter((model) => canQuantize(model) && areVariants(base, model)).toSorted((left, right) => right.sizeBytes - left.sizeBytes);

/** Those that llama.cpp runs as they are. */
export const runnableOf = (relatives: readonly Model[]): Model[] => relatives.filter(canChat);

/** What the others are held against: the base where nothing is lost yet, else the original among its relatives, else the largest. */
export const referenceOf = (relatives: readonly Model[], base: Model): Model | undefined =>
  isFloat(base) && canChat(base)
    ? base
    : (relatives.find((model) => isFloat(model) && canChat(model)) ?? relatives.find(isFloat) ?? relatives[0]);
