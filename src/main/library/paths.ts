import { realpath, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import { AppError } from '#core/errors/index.ts';

/**
 * A path as a user writes it, made whole: `~` is the user's folder, and quotation marks round it, as file managers copy them,
 * are left away. Throws `system.relativePath`: a program in a window is nowhere, so nothing is relative to it.
 */
export function resolveUserPath(written: string, userFolder: string = homedir()): string {
  const path = /^(["']).+\1$/s.test(written) ? written.slice(1, -1) : written;
  if (path === '~') return userFolder;
  if (/^~[\\/]/.test(path)) return resolve(join(userFolder, path.slice(2)));
  if (!isAbsolute(path)) throw new AppError('system.relativePath', { path: written });
  return resolve(path);
}

/** The path without links in it; the path itself where nothing is there. */
export const withoutLinks = (path: string): Promise<string> => realpath(path).catch(() => path);

export const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

/** Devices of Windows, which are no names of files there (Naming Files, Paths, and Namespaces). */
const DEVICE = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i;

/** File systems take 255 bytes; this leaves room for an ending and a number. */
const MAX_NAME_BYTES = 200;

/** A name as a file name that every system takes. */
export function fileNameOf(name: string): string {
  const plain = name
    .normalize('NFC')
    .replace(/[<>:"/\\|?*\p{C}]/gu, '_')
    .replace(/^[. ]+|[. ]+$/g, '');
  let cut = '';
  let sizeBytes = 0;
  for (const character of plain) {
    sizeBytes += Buffer.byteLength(character);
    if (sizeBytes > MAX_NAME_BYTES) break;
    cut += character;
  }
  cut = cut.trimEnd();
  if (cut === '') return 'model';
  return DEVICE.test(cut) ? `_${cut}` : cut;
}

/** A path in a folder that nothing has yet, also no unfinished copy: `name`, else `name 2`, and so on. */
export async function freePath(folder: string, name: string): Promise<string> {
  for (let number = 1; ; number += 1) {
    const path = join(folder, number === 1 ? name : `${name} ${number}`);
    if (!(await exists(path)) && !(await exists(`${path}.partial`))) return path;
  }
}

/**
 * What to call the model in a folder. In the cache of huggingface_hub the folder's name is a commit; the model's stands above
 * it: `models--ORG--NAME/snapshots/COMMIT`.
 */
export function folderModelName(folder: string): string {
  const [, name] = /^models--.+?--(.+)$/s.exec(basename(dirname(dirname(folder)))) ?? [];
  return basename(dirname(folder)) === 'snapshots' && name !== undefined ? name : basename(folder);
}
