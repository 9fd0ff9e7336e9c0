import { basename } from 'node:path';
import { adapterBase } from '#core/lora/base.ts';
import { bindAdapter } from '#core/lora/fit.ts';
import { inspectAdapter } from '../lora/open-adapter.ts';
import { openAdapters, type AdapterAt } from '../lora/open-adapters.ts';
import { runtimeAdapters } from '../lora/runtime-adapters.ts';
import type { AdapterFile } from '../native-quantize.ts';
import { openQuantizable } from '../quantize/open-model.ts';
import { workingFolder } from '../quantize/working-model.ts';

/** Adapters as files that llama.cpp reads, for as long as they are not disposed of. */
export interface RuntimeAdapters extends AsyncDisposable {
  readonly files: readonly AdapterFile[];
}

/**
 * Adapters for a GGUF model, checked against it: llama.cpp would end the process, or say little. PEFT adapters are converted.
 * Throws `adapters.*`, `disk.*`.
 */
export async function openRuntimeAdapters(
  modelPath: string,
  adapters: readonly AdapterAt[],
  scratchFolder: string,
  signal: AbortSignal,
): Promise<RuntimeAdapters> {
  await using stack = new AsyncDisposableStack();
  if (adapters.length === 0) return { files: [], [Symbol.asyncDispose]: () => Promise.resolve() };
  const folder = stack.use(await workingFolder(scratchFolder));
  await using opening = new AsyncDisposableStack();
  const { model } = opening.use(await openQuantizable(modelPath, basename(modelPath)));
  const opened = await openAdapters(adapters, opening);
  const base = adapterBase(model);
  for (const { opened: each } of opened) {
    bindAdapter(each.adapter, base);
    await inspectAdapter(each, signal);
  }
  const files = await runtimeAdapters(opened, model, folder.path, signal);
  const owned = stack.move();
  return { files, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}
