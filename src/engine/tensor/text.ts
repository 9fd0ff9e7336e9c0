import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { MiB } from '#core/bytes.ts';
import { AppError } from '#core/errors/index.ts';
import { onDisk } from '#core/errors/on-disk.ts';
import { resourcePath } from '../resource.ts';

/** Largest text that is run through a model: it is held whole, and as tokens. */
const MAX_TEXT_BYTES = 256 * MiB;

export interface Text {
  /** Of the file, without its folders. */
  readonly name: string;
  readonly text: string;
  /** Of the file's bytes. */
  readonly sha256: string;
}

/** A text file, whole; null: the stories that come with Lathe. Throws `evaluate.textTooLong`, `disk.*`. */
export function readText(path: string | null): Promise<Text> {
  const file = path ?? resourcePath(join('demo', 'stories.txt'));
  return onDisk(file, async () => {
    const { size: sizeBytes } = await stat(file);
    if (sizeBytes > MAX_TEXT_BYTES) throw new AppError('evaluate.textTooLong', { sizeBytes, limitBytes: MAX_TEXT_BYTES });
    const bytes = await readFile(file);
    return { name: basename(file), text: bytes.toString('utf8'), sha256: createHash('sha256').update(bytes).digest('hex') };
  });
}
