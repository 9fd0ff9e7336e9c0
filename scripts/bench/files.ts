import { execFile } from 'node:child_process';
import { copyFile, open, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { demoFromText, demoShape } from '#core/demo/from-text.ts';
import { writeHfFolder } from '#engine/demo.ts';

const textFile = new URL('../../resources/demo/stories.txt', import.meta.url);

/** A llama in BF16 with 41 million parameters in each layer. Gives the bytes of its weights. */
export async function makeModel(folder: string, layerCount: number): Promise<number> {
  const shape = { ...demoShape, embeddingLength: 2048, feedForwardLength: 5120, headCount: 16, headCountKv: 4, dtype: 'BF16' as const };
  await writeHfFolder(demoFromText({ ...shape, layerCount, text: await readFile(textFile, 'utf8'), seed: 1 }), folder);
  return (await stat(join(folder, 'model.safetensors'))).size;
}

/**
 * What `cp` takes for a file, in milliseconds; with `sync`, until the copy is on the disk, as a conversion is when it
 * ends. Where there is no such command, what the system's own copy takes.
 */
export async function copyMs(from: string, to: string, sync: boolean): Promise<number> {
  const run = promisify(execFile);
  const startMs = performance.now();
  if (process.platform === 'win32') await copyFile(from, to);
  else await run('cp', [from, to]);
  if (sync) {
    const handle = await open(to, 'r+');
    await handle.sync();
    await handle.close();
  }
  const durationMs = performance.now() - startMs;
  await rm(to);
  return durationMs;
}
