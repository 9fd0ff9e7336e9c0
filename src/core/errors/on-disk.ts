import { AppError } from './index.ts';

const full = new Set(['ENOSPC', 'EDQUOT']);
const missing = new Set(['ENOENT', 'ENOTDIR']);
const notAllowed = new Set(['EACCES', 'EPERM', 'EROFS']);

/** An error of the file system as one with a code of ours; any other error as it is. */
export function diskError(error: unknown, path: string): unknown {
  if (!(error instanceof Error) || !('code' in error) || !('syscall' in error)) return error;
  const code = String(error.code);
  const at = 'path' in error && typeof error.path === 'string' ? error.path : path;
  if (full.has(code)) return new AppError('disk.full', { path: at }, error.message);
  if (missing.has(code)) return new AppError('disk.missing', { path: at }, error.message);
  if (notAllowed.has(code)) return new AppError('disk.notAllowed', { path: at }, error.message);
  return new AppError('disk.failed', { path: at, code }, error.message);
}

/** Run work on files; what the file system throws becomes `disk.*`. */
export async function onDisk<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw diskError(error, path);
  }
}
