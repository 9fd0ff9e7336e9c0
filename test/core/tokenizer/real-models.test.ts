import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { memorySource } from '#core/byte-source.ts';
import { readGguf } from '#core/gguf/read.ts';
import type { GgufMetadata, GgufValue } from '#core/gguf/values.ts';
import type { TokenizerFiles } from '#core/tokenizer/files.ts';
import { vocabularyMetadata } from '#core/tokenizer/metadata.ts';
import { realModelPath, realModels, realModelsNote } from '#test/real-models.ts';
import { vocabularyOf } from './fixtures.ts';

const text = (...path: string[]): string => readFileSync(realModelPath(...path), 'utf8');

async function reference(...path: string[]): Promise<GgufMetadata> {
  return (await readGguf(memorySource(readFileSync(realModelPath(...path))))).metadata;
}

function convert(model: string, files: TokenizerFiles): Map<string, GgufValue> {
  return new Map(vocabularyMetadata(vocabularyOf(files, JSON.parse(text(model, 'config.json')) as Record<string, unknown>)));
}

const tokenizerKeys = (metadata: GgufMetadata): string[] => [...metadata.keys()].filter((key) => key.startsWith('tokenizer.'));
const added = (ours: GgufMetadata, theirs: GgufMetadata) =>
  Object.fromEntries([...ours].filter(([key]) => !theirs.has(key)).map(([key, { value }]) => [key, value]));
const numbers = (value: GgufValue | undefined): number[] => (value?.type === 'arr' && value.elementType === 'f32' ? [...value.value] : []);

/** What the conversions that the references come from did not write: llama.cpp's defaults said aloud, and one id. */
const SAID_ALOUD = {
  'tokenizer.ggml.pre': 'default',
  'tokenizer.ggml.add_sep_token': false,
  'tokenizer.ggml.add_space_prefix': true,
};

describe.skipIf(realModels === null)(`real vocabularies${realModelsNote}`, () => {
  it('story656K, which has merges and no bytes, equals its reference', async () => {
    const theirs = await reference('story656k', 'story656K-f32.gguf');
    const ours = convert('story656k', {
      tokenizerJson: text('story656k', 'tokenizer.json'),
      tokenizerConfig: text('story656k', 'tokenizer_config.json'),
      specialTokensMap: text('story656k', 'special_tokens_map.json'),
    });
    for (const key of tokenizerKeys(theirs)) expect([key, ours.get(key)]).toEqual([key, theirs.get(key)]);
    expect(added(ours, theirs)).toEqual({ ...SAID_ALOUD, 'tokenizer.ggml.padding_token_id': 0 });
  });

  it('stories260K from its SentencePiece model equals its reference', async () => {
    const theirs = await reference('stories260k', 'stories260K-f32.gguf');
    const ours = convert('stories260k', {
      tokenizerModel: new Uint8Array(readFileSync(realModelPath('stories260k', 'tokenizer.model'))),
      tokenizerConfig: text('stories260k', 'tokenizer_config.json'),
    });
    for (const key of tokenizerKeys(theirs)) expect([key, ours.get(key)]).toEqual([key, theirs.get(key)]);
    expect(added(ours, theirs)).toEqual({ 'tokenizer.ggml.pre': 'default', 'tokenizer.ggml.add_space_prefix': true });
  });

  it('stories260K from its tokenizer.json merges in the same order', async () => {
    const theirs = await reference('stories260k', 'stories260K-f32.gguf');
    const ours = convert('stories260k', {
      tokenizerJson: text('stories260k', 'tokenizer.json'),
      tokenizerConfig: text('stories260k', 'tokenizer_config.json'),
    });
    const scores = 'tokenizer.ggml.scores';
    for (const key of tokenizerKeys(theirs)) if (key !== scores) expect([key, ours.get(key)]).toEqual([key, theirs.get(key)]);
    expect(added(ours, theirs)).toEqual(SAID_ALOUD);
    // Ranks are not scores, and single characters need none, but the order in which tokens are merged is the same.
    const [mine, other] = [numbers(ours.get(scores)), numbers(theirs.get(scores))];
    const merged = mine.flatMap((score, id) => (score < 0 ? [id] : []));
    expect(merged.length).toBe(151);
    const order = (list: number[]) => merged.toSorted((a, b) => (list[b] ?? 0) - (list[a] ?? 0));
    expect(order(mine)).toEqual(order(other));
  });
});
