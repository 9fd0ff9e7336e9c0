/** Paths of the computer that the program runs on, which need not be the one of the browser. */

/** Windows paths begin with a drive or hold backslashes; no other system's usually do. */
const separatorOf = (path: string): '/' | '\\' => (/^[a-z]:|\\/i.test(path) ? '\\' : '/');

/** Where the last part of a path begins. */
const lastPartAt = (path: string): number => Math.max(path.lastIndexOf('/'), separatorOf(path) === '\\' ? path.lastIndexOf('\\') : -1) + 1;

export const joinPath = (folder: string, name: string): string =>
  /[\\/]$/.test(folder) ? folder + name : `${folder}${separatorOf(folder)}${name}`;

/** The folder part, without the separator at its end; a root keeps it. */
export function folderOf(path: string): string {
  const folder = path.slice(0, lastPartAt(path));
  return /^([a-z]:)?[\\/]$/i.test(folder) ? folder : folder.replace(/[\\/]$/, '');
}

export const nameOf = (path: string): string => path.slice(lastPartAt(path));

/** The path with a separator at its end: of a folder, to go on typing in it. */
export const asFolder = (path: string): string => (/[\\/]$/.test(path) ? path : path + separatorOf(path));
