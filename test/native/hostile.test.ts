import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import type { AppErrorData } from '#core/errors/index.ts';
import { arr, str, u32, type GgufValue } from '#core/gguf/values.ts';
import { loadNative } from '#engine/native.ts';
import { errorOf } from '#test/expect-error.ts';
import { randomText, writeBigramModel } from './bigram-model.ts';

/** llama.cpp ends the process where it meets what it did not expect: each of these files must be refused before that. */
const native = loadNative();
const sound = writeBigramModel();
const bytes = readFileSync(sound.path);

const measure = (modelPath: string): Promise<AppErrorData> =>
  errorOf(native.perplexity({ modelPath, text: randomText(100, 1), contextLength: 16, threads: 1 }));

const withMetadata = (changes: Readonly<Record<string, GgufValue | null>>): Promise<AppErrorData> =>
  measure(writeBigramModel(changes).path);

function written(name: string, content: Uint8Array | string): string {
  const path = join(dirname(sound.path), name);
  writeFileSync(path, content);
  return path;
}

test('a file that is not there, a folder, an empty file and a text are told apart from a model', async () => {
  const problems = [
    join(dirname(sound.path), 'nowhere.gguf'),
    dirname(sound.path),
    written('empty.gguf', ''),
    written('text.gguf', 'GGUF? No.'),
  ];
  for (const path of problems) expect((await measure(path)).code).toBe('engine.loadFailed');
});

test('a truncated file is refused wherever it ends', async () => {
  for (const fraction of [0.1, 0.3, 0.5, 0.9, 0.999]) {
    const path = written('short.gguf', bytes.subarray(0, Math.floor(bytes.length * fraction)));
    expect(await measure(path)).toMatchObject({ code: 'engine.loadFailed', params: { file: 'short.gguf' } });
  }
});

test('the reason is llama.cpp’s own, without the names of its functions', async () => {
  const { params, detail } = await measure(written('short.gguf', bytes.subarray(0, bytes.length - 64)));
  expect(params['problem']).toMatch(/not within the file bounds|corrupted or incomplete/);
  expect(params['problem']).not.toMatch(/_|\n/);
  expect(detail).toContain('llama_model_load');
});

test('a model without tokenizer is named as such', async () => {
  expect((await withMetadata({ 'tokenizer.ggml.model': null })).code).toBe('evaluate.noTokenizer');
  expect((await withMetadata({ 'tokenizer.ggml.model': str('none') })).code).toBe('evaluate.noTokenizer');
  expect((await withMetadata({ 'tokenizer.ggml.model': str('no_vocab') })).code).toBe('evaluate.noTokenizer');
  expect((await withMetadata({ 'tokenizer.ggml.model': u32(1) })).code).toBe('evaluate.noTokenizer');
});

test.each<[string, Record<string, GgufValue | null>]>([
  ['two tokens that are the same', { 'tokenizer.ggml.tokens': arr('str', [...'abcdefghijka']) }],
  ['an empty token beside the name that it would be given', { 'tokenizer.ggml.tokens': arr('str', ['', '[EMPTY_0]', ...'abcdefghij']) }],
  ['no tokens', { 'tokenizer.ggml.tokens': null }],
  ['tokens that are numbers', { 'tokenizer.ggml.tokens': arr('i32', [1, 2, 3]) }],
  ['fewer scores than tokens', { 'tokenizer.ggml.scores': arr('f32', [1, 2, 3]) }],
  ['a tokenizer that is not known', { 'tokenizer.ggml.model': str('latin') }],
  ['an architecture that is not known', { 'general.architecture': str('lathe') }],
  ['no architecture', { 'general.architecture': null }],
  ['no layers', { 'llama.block_count': u32(0) }],
  ['more layers than llama.cpp has room for', { 'llama.block_count': u32(513) }],
  ['a layer that is not in the file', { 'llama.block_count': u32(2) }],
  ['more experts than llama.cpp has room for', { 'llama.expert_count': u32(5000), 'llama.expert_used_count': u32(2) }],
  ['more experts in use than there are', { 'llama.expert_count': u32(2), 'llama.expert_used_count': u32(3) }],
  ['a rope scaling that is not known', { 'llama.rope.scaling.type': str('elastic') }],
  ['a width that the tensors do not have', { 'llama.embedding_length': u32(16) }],
  ['no heads', { 'llama.attention.head_count': u32(0) }],
  ['a key of another type', { 'llama.block_count': str('1') }],
])('%s', async (_, changes) => {
  expect((await withMetadata(changes)).code).toBe('engine.loadFailed');
});

test('a norm in another type than F32', async () => {
  const { code, params } = await measure(writeBigramModel({}, { normType: 'F16' }).path);
  expect([code, params['problem']]).toEqual(['engine.loadFailed', 'its tensor output_norm.weight is not F32']);
});

test('a beginning-of-text token that is not in the vocabulary is refused or left out, but never looked up', async () => {
  const path = writeBigramModel({ 'tokenizer.ggml.bos_token_id': u32(4_000_000_000) }).path;
  const outcome = await native.tokenize({ modelPath: path, text: 'abc', addSpecial: true }).catch((error: unknown) => error);
  // llama.cpp falls back to the usual number, which is a token here.
  expect(outcome).toEqual(Int32Array.of(1, 4, 5, 6));
});

test('after all that, a sound model still runs', async () => {
  const { windows } = await native.perplexity({ modelPath: sound.path, text: randomText(100, 1), contextLength: 16 });
  expect(windows).toBe(6);
});
