import { adapterBase } from '#core/lora/base.ts';
import type { QuantizableModel } from '#core/quantize/model.ts';
import { loadAdapter } from './load-adapter.ts';
import type { OpenedAdapter } from './open-adapter.ts';
import { writeAdapter, type AdapterFormat } from './write-adapter.ts';

/**
 * Turn a PEFT adapter into a GGUF adapter, or back. The base says what the weights are called on the other side, and in which order
 * their rows lie. Every module's own scale is kept.
 * @returns bytes written
 * Throws `adapters.*` (notInGguf names what GGUF has no place for), and what `writeAdapter` throws.
 */
export async function convertAdapter(
  opened: OpenedAdapter,
  base: QuantizableModel,
  format: AdapterFormat,
  path: string,
  signal: AbortSignal,
): Promise<number> {
  return writeAdapter(await loadAdapter(opened, adapterBase(base), signal), format, path, signal);
}
