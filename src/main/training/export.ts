import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { onDisk } from '#core/errors/on-disk.ts';
import { checkSettings } from '#core/training/check-settings.ts';
import { recipeFiles, type RecipeFormat } from '#core/training/recipe.ts';
import { formatOf } from '#core/training/records.ts';
import { readDataset } from '#core/training/samples.ts';
import type { Model } from '#contract/library.ts';
import { fileNameOf } from '../library/paths.ts';
import { checkOutputFolder } from '../jobs/output.ts';
import type { RunRecord } from './store.ts';

/** Write a run as another program's recipe into a new folder. @returns the files. Throws `jobs.outputNotEmpty`, `disk.*`, `train.*`. */
export async function exportRecipe(
  { config }: RunRecord,
  {
    base,
    adapter,
  }: { readonly base: Pick<Model, 'kind' | 'path' | 'name' | 'facts'>; readonly adapter: Pick<Model, 'kind' | 'path'> | null },
  dataPath: string,
  format: RecipeFormat,
  folder: string,
): Promise<string[]> {
  await checkOutputFolder(folder, { again: false, isTaken: false });
  const text = await onDisk(dataPath, () => readFile(dataPath, 'utf8'));
  const { samples } = readDataset(text, formatOf(extname(dataPath), text) ?? 'text', config.columns);
  const isGguf = base.kind !== 'hf';
  const files = recipeFiles(format, {
    base: isGguf ? (base.facts.name ?? base.name) : base.path,
    isGguf,
    name: fileNameOf(config.name),
    adapter: adapter === null ? null : { path: adapter.path, isGguf: adapter.kind === 'gguf-adapter' },
    settings: checkSettings(config.settings),
    samples,
  });
  await onDisk(folder, () => mkdir(folder, { recursive: true }));
  const paths: string[] = [];
  for (const { name, text: content } of files) {
    const path = join(folder, name);
    await onDisk(path, () => writeFile(path, content, { flag: 'wx' }));
    paths.push(path);
  }
  return paths;
}
