import { existsSync } from 'node:fs';
import { mkdir, open, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DemoModel } from '#core/demo/model.ts';
import { AppError } from '#core/errors/index.ts';

export interface WriteOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((doneBytes: number, totalBytes: number) => void) | undefined;
}

/**
 * Write a made-up model as a Hugging Face folder. It appears under its name when it is complete: until then it is `<folder>.partial`,
 * which is removed when the work fails or is cancelled.
 * @throws model.folderExists; AbortError on cancellation
 */
export async function writeHfFolder(model: DemoModel, folder: string, { signal, onProgress }: WriteOptions = {}): Promise<void> {
  if (existsSync(folder)) throw new AppError('model.folderExists', { path: folder });
  const partial = `${folder}.partial`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { recursive: true });
  try {
    for (const [name, text] of Object.entries(model.files)) await writeFile(join(partial, name), text);
    await writeWeights(model, join(partial, 'model.safetensors'), { signal, onProgress });
    await rename(partial, folder);
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    throw error;
  }
}

async function writeWeights(model: DemoModel, path: string, { signal, onProgress }: WriteOptions): Promise<void> {
  await using file = await open(path, 'w');
  let done = 0;
  for (const chunk of model.chunks()) {
    signal?.throwIfAborted();
    await file.writeFile(chunk);
    done += chunk.byteLength;
    onProgress?.(done, model.weights.totalBytes);
  }
  await file.sync();
}
