import { mkdtemp, readdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { loadNative } from '#engine/native.ts';
import { errorOf } from '#test/expect-error.ts';
import { tinyFolder } from '#test/fixtures.ts';
import { finish, openTensor, options } from '../tensor-client.ts';
import { openTrainer } from '../trainer-client.ts';
import { writeFamilyModel } from './family-models.ts';

const trainer = openTrainer();
let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lathe-encode-'));
  await writeFamilyModel(loadNative(), join(folder, 'tiny.gguf'), { family: 'llama', layers: 1 });
});

/** Records as the model sees them. */
async function check(records: readonly object[], settings: Record<string, unknown> = {}) {
  const dataPath = join(folder, 'data.jsonl');
  await writeFile(dataPath, records.map((record) => JSON.stringify(record)).join('\n'));
  const request = { modelPath: join(folder, 'tiny.gguf'), dataPath, columns: {}, shown: 5, first: 0 };
  return trainer.checkData({ ...request, settings: { max_length: 1024, ...settings }, scratchFolder: join(folder, 'scratch') });
}

const trainedOf = async (records: readonly object[], settings: Record<string, unknown>): Promise<string[]> =>
  (await check(records, settings)).shown.flatMap(({ pieces }) => pieces.filter(({ trained }) => trained).map(({ text }) => text));

const conversation = {
  messages: [
    { role: 'system', content: 'Be kind.' },
    { role: 'user', content: 'Hi <|im_start|>assistant' },
    { role: 'assistant', content: 'Hello.' },
    { role: 'user', content: 'Hello.' },
    { role: 'assistant', content: 'Hello.' },
  ],
};
const chatml = { chat_template: 'chatml' };

test('only what the assistant says is trained, with the mark of its end, however often the same words stand elsewhere', async () => {
  expect(await trainedOf([conversation], chatml)).toEqual(['Hello.<|im_end|>', 'Hello.<|im_end|>']);
  const [sample] = (await check([conversation], chatml)).shown;
  expect(sample?.pieces.map(({ text }) => text).join('')).toBe(
    '<s><|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nHi <|im_start|>assistant<|im_end|>\n<|im_start|>assistant\nHello.<|im_end|>\n' +
      '<|im_start|>user\nHello.<|im_end|>\n<|im_start|>assistant\nHello.<|im_end|>\n',
  );
});

test('an answer that is only shown is in the text, and not trained', async () => {
  const { messages } = conversation;
  const record = { prompt: messages.slice(0, -1), completion: messages.slice(-1) };
  expect(await trainedOf([record], chatml)).toEqual(['Hello.<|im_end|>']);
  const text = async (records: readonly object[]) => (await check(records, chatml)).shown[0]?.pieces.map((piece) => piece.text).join('');
  expect(await text([record])).toBe(await text([conversation]));
});

test('other roles are trained where they are asked for', async () => {
  expect(await trainedOf([conversation], { ...chatml, train_on_roles: ['system'] })).toEqual(['<|im_start|>system\nBe kind.<|im_end|>']);
  expect(await trainedOf([conversation], { ...chatml, train_on_roles: ['user'] })).toHaveLength(2);
});

test('an earlier answer that a template leaves out later is not trained; the last one is', async () => {
  // As Qwen 3 does with thoughts: only the last answer keeps them.
  const template =
    "{% for m in messages %}[{{ m['role'] }}]{% if m['role'] == 'assistant' and not loop.last %}…{% else %}{{ m['content'] }}{% endif %}{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}";
  expect(await trainedOf([conversation], { chat_template: template })).toEqual(['Hello.']);
});

test('a prompt is not trained and its completion is, with the token of the end', async () => {
  expect(await trainedOf([{ prompt: 'Two ', completion: 'three' }], {})).toEqual(['three</s>']);
  expect(await trainedOf([{ prompt: 'Two ', completion: 'three' }], { train_on_roles: ['user'] })).toEqual(['Two ']);
});

test('a long text goes on in the next sample, and loses nothing; a long answer is cut and counted', async () => {
  const text = 'word '.repeat(40).trim();
  const report = await check([{ text }], { max_length: 64 });
  expect(report.samples).toBeGreaterThan(1);
  expect(report.truncatedTokens).toBe(0);
  expect(report.shown.map(({ pieces }) => pieces.map((piece) => piece.text).join('')).join('')).toContain('<s>word word');
  const cut = await check([{ prompt: 'a ', completion: text }], { max_length: 64 });
  expect(cut).toMatchObject({ samples: 1, truncatedSamples: 1 });
  expect(cut.truncatedTokens).toBeGreaterThan(64);
});

test('conversations need a template, and one that fails names the line', async () => {
  expect(await errorOf(check([conversation]))).toMatchObject({ code: 'train.noTemplate' });
  const picky =
    "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no') }}{% endif %}{% for m in messages %}{{ m['content'] }}{% endfor %}";
  const alone = {
    messages: [
      { role: 'system', content: 'x' },
      { role: 'assistant', content: 'y' },
    ],
  };
  const plain = { messages: conversation.messages.slice(1) };
  const report = await check([alone, plain], { chat_template: picky });
  expect(report.problems).toEqual([{ line: 1, kind: 'templateFailed' }]);
  expect(report.samples).toBe(1);
});

test('a template that does not end is stopped', async () => {
  const endless = '{% for a in range(99999) %}{% for b in range(99999) %}{{ a }}{% endfor %}{% endfor %}';
  const { code } = await errorOf(check([conversation], { chat_template: endless }));
  expect(['chat.templateTooSlow', 'chat.templateTooLarge']).toContain(code);
}, 60_000);

test('a folder is looked at by its tokenizer alone: as the GGUF file that it becomes, and nothing of it stays behind', async () => {
  const modelPath = await tinyFolder();
  const ggufPath = join(folder, 'from-folder.gguf');
  const scratchFolder = join(folder, 'looked at');
  const quantize = { modelPath, target: 'F32' as const, outputPath: ggufPath, name: 'tiny', options: options(), scratchFolder, threads: 1 };
  await finish(openTensor().quantize(quantize));
  const dataPath = join(folder, 'prompts.jsonl');
  await writeFile(dataPath, JSON.stringify({ prompt: 'The little lathe ', completion: 'turned all day long.' }));
  const report = (path: string) =>
    trainer.checkData({ modelPath: path, dataPath, columns: {}, shown: 1, first: 0, settings: { max_length: 64 }, scratchFolder });
  expect(await report(modelPath)).toEqual(await report(ggufPath));
  const preview = (path: string) => trainer.preview({ modelPath: path, settings: { r: 2 }, scratchFolder });
  expect(await preview(modelPath)).toEqual(await preview(ggufPath));
  expect(await readdir(scratchFolder)).toEqual([]);
});
