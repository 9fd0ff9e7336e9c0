import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { demoFromText, type TextDemoOptions } from '#core/demo/from-text.ts';
import type { DemoModel } from '#core/demo/model.ts';
import { writeHfFolder } from '#engine/demo.ts';

/** Enough for a tokenizer with a few merges; written for these tests. */
export const tinyText = [
  'The little lathe turned all day long. It turned wood into spoons, and brass into small round knobs.',
  'One morning the lathe stopped. "I am tired," it said. "Today I want to look out of the window."',
  'So the carpenter sat down beside it, and together they looked at the trees until the evening came.',
  'The next day the lathe turned again, and the spoons were rounder than ever before.',
].join('\n');

export interface TinyOptions extends Partial<Omit<TextDemoOptions, 'family'>> {
  /** Each of `demoFamilies`. Default: `llama`. */
  readonly family?: string;
}

/** A model that was never trained, of any family, with a real tokenizer: 2 layers of 64 values, about 60,000 parameters. */
export function tinyModel(options: TinyOptions = {}): DemoModel {
  return demoFromText({
    family: 'llama',
    text: tinyText,
    maxVocabularySize: 320,
    layerCount: 2,
    embeddingLength: 64,
    headCount: 4,
    headCountKv: 2,
    feedForwardLength: 96,
    contextLength: 128,
    tiedEmbeddings: true,
    dtype: 'BF16',
    seed: 1,
    ...options,
  });
}

/** Write a tiny model's Hugging Face folder into a new temporary folder; the caller removes it. Gives the folder's path. */
export async function tinyFolder(options: TinyOptions & { readonly name?: string } = {}): Promise<string> {
  const { name = 'tiny', ...shape } = options;
  const folder = join(mkdtempSync(join(tmpdir(), 'lathe-tiny-')), name);
  await writeHfFolder(tinyModel(shape), folder);
  return folder;
}
