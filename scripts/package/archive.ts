import { mkdir, rename, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { extractFile, getRawHeader } from '@electron/asar';

interface Entry {
  readonly files?: Readonly<Record<string, Entry>>;
  readonly unpacked?: boolean;
  readonly link?: string;
}

export interface ArchiveFile {
  /** From the archive's root, with `/`. */
  readonly path: string;
  /** Lies beside the archive, in `app.asar.unpacked`. */
  readonly unpacked: boolean;
}

/** The files of an Electron archive, from its own header. */
export function listArchive(archive: string): ArchiveFile[] {
  const found: ArchiveFile[] = [];
  const walk = (entry: Entry, path: string): void => {
    for (const [name, child] of Object.entries(entry.files ?? {})) {
      const childPath = path === '' ? name : `${path}/${name}`;
      if (child.files !== undefined) walk(child, childPath);
      else if (child.link === undefined) found.push({ path: childPath, unpacked: child.unpacked === true });
    }
  };
  walk(getRawHeader(archive).header, '');
  return found;
}

/**
 * Put a folder in the archive's place, as Electron shows the archive to a program: what is packed as files, and for what is
 * not, links to where Electron would look.
 */
export async function unfold(archive: string): Promise<void> {
  const packed = `${archive}.packed`;
  const files = listArchive(archive);
  await rename(archive, packed);
  // The reader finds unpacked files beside the archive by its name; only packed ones are read from here on.
  for (const { path, unpacked } of files) {
    const target = join(archive, path);
    await mkdir(dirname(target), { recursive: true });
    if (unpacked) await symlink(relative(dirname(target), join(`${archive}.unpacked`, path)), target);
    else await writeFile(target, extractFile(packed, path));
  }
}
