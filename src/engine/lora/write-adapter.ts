import { planGguf } from '#core/gguf/write.ts';
import { reordered } from '#core/lora/factors.ts';
import { ggufAdapterOutput, peftOutput, type MadeAdapter } from '#core/lora/made.ts';
import { planSafetensors } from '#core/safetensors/write.ts';
import { PartialOutput } from '../quantize/partial-output.ts';
import { verifyWeights, type PlannedWeights } from '../quantize/verify.ts';
import { bytesOf } from '../quantize/views.ts';

export type AdapterFormat = 'peft' | 'gguf';

const WEIGHTS = 'adapter_model.safetensors';

/**
 * Write an adapter: a PEFT folder or a GGUF file, which appears under its name when it is complete and checked.
 * @returns its size in bytes
 * Throws `adapters.notInGguf`, `convert.outputExists`, `convert.verifyFailed`, `disk.*`, and the signal's reason.
 */
export async function writeAdapter(made: MadeAdapter, format: AdapterFormat, path: string, signal: AbortSignal): Promise<number> {
  signal.throwIfAborted();
  const { header, weights, values, texts } = format === 'gguf' ? ggufLayout(made) : peftLayout(made);
  const files = [{ name: WEIGHTS, header, totalBytes: weights.totalBytes }];
  const output = await PartialOutput.open({ path, isFolder: format === 'peft', files, plan: undefined });
  try {
    for (const { name, offset } of weights.tensors) {
      signal.throwIfAborted();
      const own = values.get(name);
      if (own === undefined) throw new RangeError(`${name} has no values`);
      await output.write(0, offset, bytesOf(own));
    }
    for (const [name, text] of texts) await output.addFile(name, new TextEncoder().encode(text));
    await output.flush();
    await verifyWeights(output.paths[0] ?? '', weights);
    signal.throwIfAborted();
    await output.publish();
  } catch (error) {
    await output.discard();
    throw error;
  }
  return weights.totalBytes + texts.reduce((sum, [, text]) => sum + new TextEncoder().encode(text).byteLength, 0);
}

interface Layout {
  readonly header: Uint8Array;
  readonly weights: PlannedWeights;
  readonly values: ReadonlyMap<string, Float32Array<ArrayBuffer>>;
  readonly texts: readonly (readonly [name: string, text: string])[];
}

function ggufLayout(made: MadeAdapter): Layout {
  const output = ggufAdapterOutput(made, (b, rows, heads) => reordered(b, rows, { heads, to: 'pairs' }));
  const { header, totalBytes, tensors } = planGguf({ metadata: output.metadata, tensors: output.tensors.map(({ tensor }) => tensor) });
  const values = new Map(output.tensors.map(({ tensor, values: own }) => [tensor.name, own]));
  return { header, weights: { format: 'gguf', totalBytes, tensors }, values, texts: [] };
}

function peftLayout(made: MadeAdapter): Layout {
  const output = peftOutput(made);
  const plan = planSafetensors(
    output.tensors.map(({ tensor }) => tensor),
    undefined,
    WEIGHTS,
  );
  const tensors = plan.tensors.map((tensor) => ({ ...tensor, type: tensor.dtype }));
  const values = new Map(output.tensors.map(({ tensor, values: own }) => [tensor.name, own]));
  const weights = { format: 'safetensors', totalBytes: plan.totalBytes, tensors } as const;
  return { header: plan.header, weights, values, texts: [['adapter_config.json', output.config]] };
}
