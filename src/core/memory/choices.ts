import { usableBytes, type Card } from './cards.ts';
import { fitOf, type FitStatus, type Question } from './fit.ts';
import { estimateShape } from './inference.ts';
import type { LayerShape, ModelShape } from './shape.ts';
import { expectedSpeed, type Speed } from './speed.ts';

/** A file that a model is, or could become. */
export interface Variant {
  readonly name: string;
  readonly sizeBytes: number;
}

export interface VariantFit extends Variant {
  readonly status: FitStatus;
  readonly totalBytes: number;
}

/** The same model in a file of another size: all parts grow and shrink alike. */
export function resized(shape: ModelShape, sizeBytes: number): ModelShape {
  const present = shape.layers.reduce((sum, layer) => sum + layer.weightBytes, shape.inputBytes + shape.outputBytes);
  const factor = present > 0 && Number.isFinite(sizeBytes) && sizeBytes >= 0 ? sizeBytes / present : 1;
  return {
    ...shape,
    layers: shape.layers.map((layer): LayerShape => ({ ...layer, weightBytes: layer.weightBytes * factor })),
    inputBytes: shape.inputBytes * factor,
    outputBytes: shape.outputBytes * factor,
    tiedBytes: shape.tiedBytes * factor,
  };
}

/** Which of a model's variants fit, the largest first. */
export const fittingVariants = (question: Question, variants: readonly Variant[]): readonly VariantFit[] =>
  variants
    .map((variant): VariantFit => {
      const other = { ...question, shape: resized(question.shape, variant.sizeBytes) };
      const estimate = estimateShape(other.shape, other.settings, other.beside);
      return {
        ...variant,
        status: fitOf(estimate, other.room).status,
        totalBytes: estimate.totalBytes,
      };
    })
    .toSorted((left, right) => right.sizeBytes - left.sizeBytes);

export interface CardFit {
  readonly card: Card;
  readonly status: FitStatus;
  /** Bytes that it lacks. */
  readonly missingBytes: number;
  readonly speed: Speed | undefined;
}

/** What other cards would do, with all layers on one of them. */
export function onCards({ shape, settings, room, beside }: Question, cards: readonly Card[]): readonly CardFit[] {
  const moved = { ...settings, gpuLayers: shape.layers.length + 1, cards: [1] };
  // What is needed is the same on all of them.
  const estimate = estimateShape(shape, moved, beside);
  return cards.map((card): CardFit => {
    const { status, missingBytes } = fitOf(estimate, { processorBytes: room.processorBytes, cardBytes: [usableBytes(card)] });
    const speed = expectedSpeed(shape, estimate.settings, { processor: card.bandwidth, cards: [card.bandwidth] });
    return { card, status, missingBytes, speed };
  });
}
