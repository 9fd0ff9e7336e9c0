import { createHash, type KeyObject } from 'node:crypto';
import { mkdir, open, rename, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '#core/errors/index.ts';
import { onDisk } from '#core/errors/on-disk.ts';
import { compareVersions, readRelease, type ReleaseFile } from './release.ts';

export interface UpdateRequest {
  /** The folder of the releases, with `latest.json` and its signature in it. */
  readonly from: URL;
  readonly key: KeyObject;
  /** The version that runs. */
  readonly version: string;
  /** The package that is wanted of a version. */
  readonly nameOf: (version: string) => string;
  /** Where the package is put. */
  readonly folder: string;
  readonly signal: AbortSignal;
  readonly progress: (doneBytes: number, totalBytes: number) => void;
}

export interface Update {
  readonly version: string;
  /** The package, whose signature, size and sum are right. */
  readonly path: string;
}

/** A list of a dozen packages takes 3 KB. */
const MAX_LIST_BYTES = 64 * 1024;
/** Of Ed25519 (RFC 8032, section 5.1.6). */
const SIGNATURE_BYTES = 64;
/** For the list and its signature: small files, also over a slow line. */
const LIST_TIMEOUT_MS = 60_000;
/** Until everything is right the package has this name, which nothing from outside can choose. */
const STAGED = 'lathe-update.partial';

/**
 * Download a newer version; null where the newest is what runs. Nothing is written before the list's signature is right, and the package
 * has its name only when its size and sum are what the list says. Throws `update.*`, `disk.*`, and what the signal does.
 */
export async function downloadUpdate(request: UpdateRequest): Promise<Update | null> {
  const { from, key, version, signal } = request;
  const small = AbortSignal.any([signal, AbortSignal.timeout(LIST_TIMEOUT_MS)]);
  const list = await readAll(addressIn(from, 'latest.json'), MAX_LIST_BYTES, small);
  const signature = await readAll(addressIn(from, 'latest.json.sig'), SIGNATURE_BYTES, small);
  const release = readRelease(list, signature, key, from.href);
  const order = compareVersions(release.version, version);
  if (order === 0) return null;
  if (order < 0) throw new AppError('update.older', { address: from.href, found: release.version, version });
  const name = request.nameOf(release.version);
  const file = Object.hasOwn(release.files, name) ? release.files[name] : undefined;
  if (file === undefined) throw new AppError('update.noPackage', { version: release.version, name });
  return { version: release.version, path: await fetchPackage(request, name, file) };
}

async function fetchPackage({ from, folder, signal, progress }: UpdateRequest, name: string, file: ReleaseFile): Promise<string> {
  const { sizeBytes, sha512 } = file;
  await onDisk(folder, () => mkdir(folder, { recursive: true }));
  const { bavail, bsize } = await onDisk(folder, () => statfs(folder));
  if (bavail * bsize < sizeBytes) throw new AppError('disk.tooSmall', { path: folder, needBytes: sizeBytes, freeBytes: bavail * bsize });
  const [staged, path] = [join(folder, STAGED), join(folder, name)];
  // What a broken download left. Of a link only the link itself goes, and `wx` below follows none.
  await onDisk(staged, () => rm(staged, { force: true }));
  try {
    // An AppImage is run as it is.
    await using target = await onDisk(staged, () => open(staged, 'wx', name.endsWith('.AppImage') ? 0o755 : 0o644));
    const hash = createHash('sha512');
    let doneBytes = 0;
    for await (const block of bodyOf(addressIn(from, name), signal)) {
      doneBytes += block.byteLength;
      if (doneBytes > sizeBytes) throw new AppError('update.damaged', { name, problem: `it is longer than ${sizeBytes} bytes` });
      hash.update(block);
      await onDisk(staged, () => target.writeFile(block));
      progress(doneBytes, sizeBytes);
    }
    if (doneBytes < sizeBytes) throw new AppError('update.damaged', { name, problem: `it ends after ${doneBytes} of ${sizeBytes} bytes` });
    if (hash.digest('hex') !== sha512) throw new AppError('update.damaged', { name, problem: 'its SHA-512 is another' });
    await onDisk(staged, () => target.sync());
    await onDisk(path, () => rename(staged, path));
    return path;
  } finally {
    // After the rename there is nothing to remove.
    await rm(staged, { force: true });
  }
}

function addressIn(folder: URL, name: string): URL {
  const base = new URL(folder);
  base.pathname = base.pathname.replace(/\/*$/, '/');
  return new URL(encodeURIComponent(name), base);
}

/** At most so many bytes; a longer body is left where it passes them. */
async function readAll(address: URL, maxBytes: number, signal: AbortSignal): Promise<Uint8Array> {
  const blocks: Uint8Array[] = [];
  let doneBytes = 0;
  for await (const block of bodyOf(address, signal)) {
    doneBytes += block.byteLength;
    if (doneBytes > maxBytes)
      throw new AppError('update.unreachable', { address: address.href, problem: `it is longer than ${maxBytes} bytes` });
    blocks.push(block);
  }
  return Buffer.concat(blocks);
}

/** What lies at an address, and nowhere else: redirections are not followed. Leaving the loop ends the connection. */
async function* bodyOf(address: URL, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const fail = (problem: string, detail?: string): AppError =>
    new AppError('update.unreachable', { address: address.href, problem }, detail);
  try {
    const response = await fetch(address, { redirect: 'manual', credentials: 'omit', headers: { 'accept-encoding': 'identity' }, signal });
    if (response.status >= 300 && response.status < 400) throw fail('it leads elsewhere');
    if (response.status !== 200 || response.body === null) throw fail(`the server answered ${response.status}`);
    yield* response.body;
  } catch (error) {
    if (error instanceof AppError) throw error;
    if (signal.aborted && !(signal.reason instanceof DOMException && signal.reason.name === 'TimeoutError')) throw signal.reason;
    const cause = error instanceof Error ? (error.cause ?? error) : error;
    throw fail('the connection failed', cause instanceof Error ? cause.message : undefined);
  }
}
