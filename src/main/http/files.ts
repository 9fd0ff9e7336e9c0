import { readdir } from 'node:fs/promises';
import { extname, join, relative, sep } from 'node:path';
import { AppError } from '#core/errors/index.ts';

/** The types of what the build writes. An ending that is not here is not served. */
const MEDIA_TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml; charset=utf-8',
  '.ttf': 'font/ttf',
  '.txt': 'text/plain; charset=utf-8',
  '.webp': 'image/webp',
  '.woff': 'font/woff',
  '.woff2': 'font/woff2',
};

export interface StaticFile {
  readonly path: string;
  readonly mediaType: string;
  /** Whether its name holds a hash of its content: such a file never changes. */
  readonly immutable: boolean;
}

/** The app's files by the path of their address. */
export type StaticFiles = ReadonlyMap<string, StaticFile>;

/**
 * List the built app. Requests are answered from this list and never by joining paths, so no spelling of an address
 * reaches a file outside. Throws `host.notBuilt` where there is no app.
 */
export async function listFiles(folder: string): Promise<StaticFiles> {
  const files = new Map<string, StaticFile>();
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    const mediaType = MEDIA_TYPES[extname(entry.name)];
    // A link is neither a file nor followed here.
    if (!entry.isFile() || mediaType === undefined) continue;
    const path = join(entry.parentPath, entry.name);
    const address = `/${relative(folder, path).split(sep).join('/')}`;
    files.set(address, { path, mediaType, immutable: address.startsWith('/assets/') });
  }
  const index = files.get('/index.html');
  if (index === undefined) throw new AppError('host.notBuilt', { path: join(folder, 'index.html') });
  files.set('/', index);
  return files;
}

/** The file for a request's target, or undefined: unknown, malformed, or no path at all. The query is ignored. */
export function findFile(files: StaticFiles, target: string): StaticFile | undefined {
  const [path = ''] = target.split('?', 1);
  try {
    return files.get(decodeURIComponent(path));
  } catch {
    return undefined;
  }
}
