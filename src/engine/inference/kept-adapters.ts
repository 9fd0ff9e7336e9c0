import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { onDisk } from '#core/errors/on-disk.ts';
import type { AdapterAt } from '../lora/open-adapters.ts';
import type { AdapterFile } from '../native-quantize.ts';
import { openRuntimeAdapters, type RuntimeAdapters } from './adapters.ts';

/**
 * The adapters of one model as llama.cpp reads them, made once: who moves a slider of the mixer only waits for a new context. An adapter
 * whose files have changed is made again.
 */
export class KeptAdapters implements AsyncDisposable {
  private readonly modelPath: string;
  private readonly made = new Map<string, { readonly stamp: string; readonly runtime: RuntimeAdapters }>();

  constructor(modelPath: string) {
    this.modelPath = modelPath;
  }

  /** Those of any strength. Throws what `openRuntimeAdapters` throws. */
  async files(adapters: readonly AdapterAt[], scratchFolder: string, signal: AbortSignal): Promise<readonly AdapterFile[]> {
    // llama.cpp takes each file once: what is asked for twice has the sum of both strengths.
    const scales = new Map<string, number>();
    for (const { path, scale } of adapters)
      for (const file of await this.whole(path, scratchFolder, signal)) scales.set(file.path, (scales.get(file.path) ?? 0) + scale);
    return Array.from(scales, ([path, scale]) => ({ path, scale })).filter(({ scale }) => scale !== 0);
  }

  /** An adapter at its full strength; also one of none is checked against the model. */
  private async whole(path: string, scratchFolder: string, signal: AbortSignal): Promise<readonly AdapterFile[]> {
    const stamp = await stampOf(path);
    const found = this.made.get(path);
    if (found?.stamp === stamp) return found.runtime.files;
    const runtime = await openRuntimeAdapters(this.modelPath, [{ path, scale: 1 }], scratchFolder, signal);
    this.made.set(path, { stamp, runtime });
    await found?.runtime[Symbol.asyncDispose]();
    return runtime.files;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const all = [...this.made.values()];
    this.made.clear();
    for (const { runtime } of all) await runtime[Symbol.asyncDispose]();
  }
}

/** Sizes and times of a file, or of the files in a folder. */
async function stampOf(path: string): Promise<string> {
  return onDisk(path, async () => {
    const isFolder = (await stat(path)).isDirectory();
    const names = isFolder ? (await readdir(path)).toSorted() : [''];
    const facts: unknown[] = [];
    for (const name of names) {
      const { size, mtimeMs } = await stat(join(path, name));
      facts.push([name, size, mtimeMs]);
    }
    return JSON.stringify(facts);
  });
}
