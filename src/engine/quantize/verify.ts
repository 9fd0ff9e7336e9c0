import { AppError } from '#core/errors/index.ts';
import { readGguf } from '#core/gguf/read.ts';
import { readSafetensors } from '#core/safetensors/read.ts';
import { openFileSource } from '../file-source.ts';

/** A file of weights as it was planned. */
export interface PlannedWeights {
  readonly format: 'gguf' | 'safetensors';
  readonly totalBytes: number;
  readonly tensors: readonly { readonly name: string; readonly type: string; readonly offset: number; readonly sizeBytes: number }[];
}

/** Read a file's header back and hold it against the plan. Throws `convert.verifyFailed`. */
export async function verifyWeights(path: string, { format, totalBytes, tensors }: PlannedWeights): Promise<void> {
  const fail = (problem: string): never => {
    throw new AppError('convert.verifyFailed', { path, problem });
  };
  await using source = await openFileSource(path);
  if (source.sizeBytes !== totalBytes) fail(`${source.sizeBytes} bytes in place of ${totalBytes}`);
  const readHeader = async () =>
    format === 'gguf'
      ? (await readGguf(source)).tensors
      : (await readSafetensors(source)).tensors.map((tensor) => ({ ...tensor, type: tensor.dtype }));
  const found = await readHeader().catch((error: unknown) => fail(error instanceof Error ? error.message : String(error)));
  if (found.length !== tensors.length) fail(`${found.length} tensors in place of ${tensors.length}`);
  const byName = new Map(found.map((tensor) => [tensor.name, tensor]));
  for (const planned of tensors) {
    const tensor = byName.get(planned.name);
    if (tensor?.type !== planned.type || tensor.offset !== planned.offset || tensor.sizeBytes !== planned.sizeBytes)
      fail(`the tensor ${planned.name} is not where it should be`);
  }
}
