import type { Model } from '#contract/library.ts';
import { floatType } from '#core/convert/types.ts';
import type { Output } from '../../api.ts';

export const TARGETS = ['f16', 'bf16', 'f32'] as const;
export type Target = (typeof TARGETS)[number];

const WIDTH_BYTES: Readonly<Record<string, number>> = { F32: 4, F16: 2, BF16: 2 };

/**
 * How large the GGUF file will be: its tensors by the converter's own rule where all are known, else by the number of
 * parameters. The vocabulary and the other metadata come on top of it, a few MiB. Undefined where neither is known.
 */
export function predictSizeBytes(
  target: Target,
  facts: Model['facts'] | undefined,
  tensors: Output<'library.tensors'> | undefined,
): number | undefined {
  if (tensors !== undefined && tensors.total > 0 && tensors.rows.length === tensors.total) {
    const typeOf = floatType(target);
    return tensors.rows.reduce((sum, { name, shape }) => {
      const elements = shape.reduce((product, side) => product * side, 1);
      return sum + elements * (WIDTH_BYTES[typeOf({ name, dimensions: shape })] ?? 4);
    }, 0);
  }
  return facts?.parameterCount === undefined ? undefined : facts.parameterCount * (target === 'f32' ? 4 : 2);
}
