import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { MiB } from '#core/bytes.ts';
import { AppError } from '#core/errors/index.ts';
import { onDisk } from '#core/errors/on-disk.ts';
import type { Native } from '../native.ts';
import { resourcePath } from '../resource.ts';

/** Largest text that is run through a model: it is held whole, and as tokens. */
const MAX_TEXT_BYTES = 256 * MiB;

export interface Text {
  /** Of the file, without its folders. */
  readonly name: string;
  readonly text: string;
  /** Of the file's bytes. */
  readonly sha256: string;
  /** It came with Lathe: nobody asked for just this one. */
  readonly isBundled: boolean;
}

/** A text file, whole; null: the stories that come with Lathe. Throws `evaluate.textTooLong`, `disk.*`. */
export function readText(path: string | null): Promise<Text> {
  const file = path ?? resourcePath(join('demo', 'stories.txt'));
  return onDisk(file, async () => {
    const { size: sizeBytes } = await stat(file);
    if (sizeBytes > MAX_TEXT_BYTES) throw new AppError('evaluate.textTooLong', { sizeBytes, limitBytes: MAX_TEXT_BYTES });
    const bytes = await readFile(file);
    return {
      name: basename(file),
      text: bytes.toString('utf8'),
      sha256: createHash('sha256').update(bytes).digest('hex'),
      isBundled: path === null,
    };
  });
}

/**
 * What of a text a model is run on: the user's as it is; of the stories that come with Lathe the lines that the vocabulary has
 * tokens for. Vocabularies with no tokens for single bytes, small ones mostly, lack the Chinese ones. Throws what
 * `native.tokenize` throws.
 */
export async function fittingText(
  { text, isBundled }: Text,
  modelPath: string,
  { tokenize }: Pick<Native, 'tokenize'>,
  signal: AbortSignal,
): Promise<string> {
  if (!isBundled) return text;
  for (let lines = text.split('\n'); ;) {
    const fitting = lines.join('\n');
    try {
      await tokenize({ modelPath, text: fitting, signal });
      return fitting;
    } catch (error) {
      const lacking = error instanceof AppError && error.code === 'tokenizer.unsupportedText' ? String(error.params['character']) : '';
      if (lacking === '') throw error;
      lines = lines.filter((line) => !line.includes(lacking));
    }
  }
}
