import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { existsSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import { getLlama, LlamaLogLevel } from 'node-llama-cpp';
import type { Llama, LlamaModel, LlamaModelOptions, Token } from 'node-llama-cpp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { str, u32, f32 } from '#core/gguf/values.ts';
import type { GgufValue } from '#core/gguf/values.ts';
import { planGguf } from '#core/gguf/write.ts';
import { vocabularyMetadata } from '#core/tokenizer/metadata.ts';
import { tokenizerFileNames } from '#core/tokenizer/files.ts';
import type { TokenizerFiles } from '#core/tokenizer/files.ts';
import { readVocabulary } from '#core/tokenizer/read.ts';
import { trainTokenizer } from '#core/tokenizer/train.ts';
import { findPreTokenizer } from '#engine/convert/pre-tokenizer.ts';
import { readTestFile } from '#test/byte-source.ts';
import { realModelPath, realModels, realModelsNote } from '#test/real-models.ts';
import { byteLevelJson, spaceMarkJson } from '../core/tokenizer/fixtures.ts';

interface Encoded {
  readonly text: string;
  readonly ids: number[];
}
const text = (path: string): string => new TextDecoder().decode(readTestFile(path));
const golden = (name: string) => JSON.parse(text(`golden/tokenizer/${name}.json`)) as { encoded: Encoded[] };

/** What llama.cpp wants to know of a model before it reads the vocabulary. */
const model: [string, GgufValue][] = [
  ['general.architecture', str('llama')],
  ['llama.context_length', u32(64)],
  ['llama.embedding_length', u32(32)],
  ['llama.block_count', u32(1)],
  ['llama.feed_forward_length', u32(32)],
  ['llama.attention.head_count', u32(1)],
  ['llama.attention.layer_norm_rms_epsilon', f32(1e-5)],
];

let folder: string;
let llama: Llama;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lathe-vocabulary-'));
  llama = await getLlama({ gpu: false, build: 'never', skipDownload: true, logLevel: LlamaLogLevel.disabled });
});
afterAll(async () => {
  await llama.dispose();
  await rm(folder, { recursive: true });
});

// The option is of the class that reads the model, and missing from its published type.
const load = (modelPath: string): Promise<LlamaModel> => {
  const options: LlamaModelOptions & { readonly vocabOnly: true } = { modelPath, vocabOnly: true };
  return llama.loadModel(options);
};

let count = 0;
async function loadVocabulary(metadata: [string, GgufValue][]): Promise<LlamaModel> {
  count += 1;
  const file = join(folder, `${count}.gguf`);
  await writeFile(file, planGguf({ metadata: new Map([...model, ...metadata]), tensors: [] }).header);
  return load(file);
}
const convert = (files: TokenizerFiles, config: Record<string, unknown> = {}): [string, GgufValue][] =>
  vocabularyMetadata(readVocabulary(files, { config, architecture: 'llama', preTokenizer: findPreTokenizer }));

function realFiles(name: string): TokenizerFiles {
  const present = Object.entries(tokenizerFileNames).filter(([, file]) => existsSync(realModelPath(name, file)));
  return Object.fromEntries(
    present.map(([key, file]) => {
      const bytes = readFileSync(realModelPath(name, file));
      return [key, key === 'tokenizerModel' ? bytes : bytes.toString('utf8')];
    }),
  );
}

describe('llama.cpp with our vocabularies', () => {
  const trained = trainTokenizer(text('../resources/demo/stories.txt'), 1024);

  it('encodes with a trained one as Hugging Face does', async () => {
    const loaded = await loadVocabulary(convert(trained.files));
    const library = new Tokenizer(JSON.parse(trained.files.tokenizerJson) as object, JSON.parse(trained.files.tokenizerConfig) as object);
    for (const encoded of golden('byte-level').encoded) expect(loaded.tokenize(encoded.text)).toEqual(encoded.ids);
    const chat = '<|im_start|>user\nWhat is 2 + 2?<|im_end|>\n<|im_start|>assistant\n';
    expect(loaded.tokenize(chat, true)).toEqual(library.encode(chat, { add_special_tokens: false }).ids);
    expect([loaded.tokens.bos, loaded.tokens.eos, loaded.tokens.shouldPrependBosToken]).toEqual([0, 1, true]);
    expect(loaded.isEogToken(trained.specialIds.turnEnd as Token)).toBe(true);
    await loaded.dispose();
  });

  it.each([
    ['tokenizer.model', { tokenizerModel: readTestFile('golden/tokenizer/stories.model') }],
    ['tokenizer.json', { tokenizerJson: text('golden/tokenizer/sentencepiece-tokenizer.json') }],
  ])('encodes with a SentencePiece one from %s as SentencePiece does', async (_, files) => {
    const loaded = await loadVocabulary(convert(files));
    for (const encoded of golden('sentencepiece').encoded)
      expect([encoded.text, loaded.tokenize(encoded.text)]).toEqual([encoded.text, encoded.ids]);
    await loaded.dispose();
  });

  it('loads vocabularies with padding, odd, empty and doubled tokens, which would stop the process if they stayed', async () => {
    const odd = { a: 0, b: 1, ab: 2, '[PAD3]': 4, '': 5, 'x\0y': 6, 'x\0z': 7, '\ud800': 8, '\ufffd': 9 };
    const byteLevel = await loadVocabulary(convert({ tokenizerJson: byteLevelJson({ vocab: { ...odd, Ċ: 10 } }) }, { vocab_size: 16 }));
    expect(byteLevel.tokenize('ab')).toEqual([2]);
    await byteLevel.dispose();
    const hex = (byte: number) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`;
    const bytes = Object.fromEntries(Array.from({ length: 256 }, (_, byte) => [hex(byte), 12 + byte]));
    const spaceMark = await loadVocabulary(convert({ tokenizerJson: spaceMarkJson({ vocab: { ...odd, '▁': 10, '▁ab': 11, ...bytes } }) }));
    expect(spaceMark.tokenize('ab')).toEqual([11]);
    await spaceMark.dispose();
  });

  it.skipIf(realModels === null).each([
    ['story656k', 'story656K-f32.gguf'],
    ['stories260k', 'stories260K-f32.gguf'],
  ])(`encodes with that of %s as with its reference${realModelsNote}`, async (name, reference) => {
    const config = JSON.parse(readFileSync(realModelPath(name, 'config.json'), 'utf8')) as Record<string, unknown>;
    const ours = await loadVocabulary(convert(realFiles(name), config));
    const theirs = await load(realModelPath(name, reference));
    const corpus = readFileSync(realModelPath('corpora', 'tinystories-recased-60k.txt'), 'utf8');
    expect(ours.tokenize(corpus)).toEqual(theirs.tokenize(corpus));
    expect(ours.tokenize('a <s> b <unk> c', true)).toEqual(theirs.tokenize('a <s> b <unk> c', true));
    expect([ours.tokens.bos, ours.tokens.eos, ours.tokens.shouldPrependBosToken]).toEqual([1, 2, true]);
    await ours.dispose();
    await theirs.dispose();
  });
});
