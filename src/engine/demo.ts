import { existsSync } from 'node:fs';
import { copyFile, mkdir, open, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DemoModel } from '#core/demo/model.ts';
import { AppError } from '#core/errors/index.ts';

export interface WriteOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((doneBytes: number, totalBytes: number) => void) | undefined;
}

/**
 * Fill a folder that appears under its name when it is complete: until then it is `<folder>.partial`, which is removed when the work
 * fails or is cancelled.
 * @throws model.folderExists, and what `fill` throws
 */
async function completeFolder(folder: string, fill: (partial: string) => Promise<void>): Promise<void> {
  if (existsSync(folder)) throw new AppError('model.folderExists', { path: folder });
  const partial = `${folder}.partial`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { recursive: true });
  try {
    await fill(partial);
    await rename(partial, folder);
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    throw error;
  }
}

/** Write a made-up model as a Hugging Face folder. Throws `model.folderExists`; AbortError on cancellation. */
export function writeHfFolder(model: DemoModel, folder: string, { signal, onProgress }: WriteOptions = {}): Promise<void> {
  return completeFolder(folder, async (partial) => {
    for (const [name, text] of Object.entries(model.files)) await writeFile(join(partial, name), text);
    await writeWeights(model, join(partial, 'model.safetensors'), { signal, onProgress });
  });
}

/** Copy the files of a folder. Resolves to their size. Throws `model.folderExists`; AbortError on cancellation. */
export async function copyFolder(source: string, folder: string, { signal, onProgress }: WriteOptions = {}): Promise<number> {
  const names = await readdir(source);
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(source, name))).size));
  const totalBytes = sizes.reduce((sum, size) => sum + size, 0);
  await completeFolder(folder, async (partial) => {
    let done = 0;
    for (const [index, name] of names.entries()) {
      signal?.throwIfAborted();
      await copyFile(join(source, name), join(partial, name));
      done += sizes[index] ?? 0;
      onProgress?.(done, totalBytes);
    }
  });
  return totalBytes;
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
