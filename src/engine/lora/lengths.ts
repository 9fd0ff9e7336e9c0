import { planExtraction } from '#core/lora/extract.ts';
import type { OpenedModel } from '../quantize/open-model.ts';
import { rowsOf, type RowKernels } from './model-rows.ts';

/**
 * ‖W‖ of weights of a model, by Hugging Face's names: with it, the length of a change is a share of what it changes. Every weight is
 * read once.
 * Throws `disk.*`, and the signal's reason.
 */
export async function weightLengths(
  model: OpenedModel,
  names: ReadonlySet<string>,
  { kernels, threads, signal }: { readonly kernels: RowKernels; readonly threads: number; readonly signal: AbortSignal },
): Promise<ReadonlyMap<string, number>> {
  const lengths = new Map<string, number>();
  const { matrices } = planExtraction(model.model, model.model, {});
  for (const { base, baseSource, columns } of matrices) {
    if (!names.has(base.hf)) continue;
    let sum = 0;
    for await (const { values } of rowsOf(baseSource, columns, model, kernels, threads)) {
      signal.throwIfAborted();
      for (const value of values) sum += value * value;
    }
    lengths.set(base.hf, Math.sqrt(sum));
  }
  return lengths;
}
