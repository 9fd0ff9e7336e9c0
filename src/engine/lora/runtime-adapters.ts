import { join } from 'node:path';
import { AppError } from '#core/errors/index.ts';
import type { QuantizableModel } from '#core/quantize/model.ts';
import type { AdapterFile } from '../native-quantize.ts';
import { convertAdapter } from './convert-adapter.ts';
import type { WeightedAdapter } from './merge.ts';

/**
 * Adapters as llama.cpp runs them beside the weights of a base: GGUF ones as they are, PEFT ones converted into the folder. Those of no
 * strength are left out.
 * Throws `adapters.*`: notInGguf names what GGUF has no place for.
 */
export async function runtimeAdapters(
  adapters: readonly WeightedAdapter[],
  base: QuantizableModel,
  folder: string,
  signal: AbortSignal,
): Promise<readonly AdapterFile[]> {
  const files: AdapterFile[] = [];
  for (const [i, { opened, weight }] of adapters.entries()) {
    if (weight === 0) continue;
    const [source] = opened.sources.values();
    if (source === undefined) throw new RangeError('an adapter without a file');
    const path = opened.adapter.format === 'gguf' ? source.path : join(folder, `adapter-${i}.gguf`);
    if (opened.adapter.format === 'peft') await convertAdapter(opened, base, 'gguf', path, signal);
    files.push({ path, scale: weight });
  }
  return files;
}

/** The same, or what GGUF has no place for. */
export async function runtimeAdaptersOrWhy(
  ...parameters: Parameters<typeof runtimeAdapters>
): Promise<{ readonly files: readonly AdapterFile[] } | { readonly what: string; readonly tensor: string }> {
  try {
    return { files: await runtimeAdapters(...parameters) };
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'adapters.notInGguf') throw error;
    return { what: String(error.params['what']), tensor: String(error.params['tensor']) };
  }
}
