import { opendir, readlink, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { AppError, toErrorData, type AppErrorData } from '#core/errors/index.ts';
import { diskError, onDisk } from '#core/errors/on-disk.ts';
import { parseSplitName } from '#core/gguf/split.ts';

export interface FolderFile {
  readonly name: string;
  readonly sizeBytes: number;
  readonly modifiedMs: number;
}

export interface PathProblem {
  readonly path: string;
  readonly error: AppErrorData;
}

/** What of a folder matters to finding models. */
export interface FolderContents {
  readonly path: string;
  readonly files: readonly FolderFile[];
  /** Names of folders in it, hidden ones left out. */
  readonly folders: readonly string[];
  /** Links to nothing, and what may not be looked at. */
  readonly problems: readonly PathProblem[];
}

/** A folder of models has hundreds of files; one with more is something else (a data set, a mail box). */
const MAX_ENTRIES = 50_000;

/** Files that belong to a model, or that say that this is none. */
const RELEVANT = /\.(gguf|safetensors|json|model|jinja|txt|md|bin|pt|pth|ckpt|pkl|pickle)$|^(license|licence|notice|copying|use_policy)/i;

/** Read a folder. Throws `disk.*`, `library.tooManyFiles`; what is wrong with a single entry is a problem of that entry only. */
export async function readFolder(path: string): Promise<FolderContents> {
  const files: FolderFile[] = [];
  const folders: string[] = [];
  const problems: PathProblem[] = [];
  const links: string[] = [];
  const plain: string[] = [];
  let entries = 0;
  await onDisk(path, async () => {
    for await (const entry of await opendir(path)) {
      entries += 1;
      if (entries > MAX_ENTRIES) throw new AppError('library.tooManyFiles', { path, limit: MAX_ENTRIES });
      if (entry.name.startsWith('.')) continue;
      if (entry.isDirectory()) folders.push(entry.name);
      else if (entry.isFile()) plain.push(entry.name);
      else if (entry.isSymbolicLink()) links.push(entry.name);
    }
  });
  const look = async (name: string): Promise<void> => {
    const whole = join(path, name);
    try {
      const found = await stat(whole);
      if (found.isDirectory()) folders.push(name);
      else if (found.isFile()) files.push({ name, sizeBytes: found.size, modifiedMs: found.mtimeMs });
    } catch (error) {
      problems.push({ path: whole, error: toErrorData(await linkError(whole, error)) });
    }
  };
  for (const name of plain) if (RELEVANT.test(name)) await look(name);
  for (const name of links) await look(name);
  const byName = (left: { name: string }, right: { name: string }): number => (left.name < right.name ? -1 : 1);
  return { path, files: files.sort(byName), folders: folders.sort(), problems };
}

/** A chosen file, and what a model of it cannot be without: the other parts of a split one, the folder of a safetensors file. */
export async function readFileSurroundings(path: string): Promise<FolderContents> {
  const name = basename(path);
  const folder = await readFolder(dirname(path));
  const split = parseSplitName(name);
  const belongs = (other: string): boolean => {
    if (other === name) return true;
    if (name.endsWith('.safetensors')) return !other.endsWith('.gguf');
    const part = parseSplitName(other);
    return split !== null && part !== null && part.prefix === split.prefix && part.count === split.count;
  };
  const files = folder.files.filter((file) => belongs(file.name));
  if (!files.some((file) => file.name === name)) files.push(await onDisk(path, () => statFile(path)));
  return { path: dirname(path), files, folders: [], problems: [] };
}

/** A file as it is now. Throws what the system does. */
export async function statFile(path: string): Promise<FolderFile> {
  const { size: sizeBytes, mtimeMs: modifiedMs } = await stat(path);
  return { name: basename(path), sizeBytes, modifiedMs };
}

async function linkError(path: string, error: unknown): Promise<unknown> {
  const target = await readlink(path).catch(() => undefined);
  const isMissing = error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ELOOP');
  return isMissing && target !== undefined ? new AppError('library.danglingLink', { path, target }) : diskError(error, path);
}
