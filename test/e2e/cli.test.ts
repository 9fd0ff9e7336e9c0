import { existsSync } from 'node:fs';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { emptyHome, lathe, latheJson } from './program.ts';

const byKind = ([a]: readonly unknown[], [b]: readonly unknown[]): number => String(a).localeCompare(String(b));

/** The command line on a model that it makes itself, in one data folder: each step stands on the one before. */
describe('the command line, from nothing to an answer', () => {
  let home: string;
  let folder: string;
  let modelId: string;

  beforeAll(async () => {
    home = await emptyHome(afterAll);
    folder = join(home, 'a folder ü 中文');
    await mkdir(folder);
    ({ id: modelId } = (await latheJson(home, ['demo', 'Demo'])) as { id: string });
  });

  test('demo makes a model that can chat, and models lists it with the folder that it was made from', async () => {
    const models = (await latheJson(home, ['models'])) as { id: string; kind: string; name: string; state: unknown }[];
    expect(models.map(({ kind, name, state }) => [kind, name, state]).toSorted(byKind)).toEqual([
      ['gguf', 'Demo-F16', { status: 'ready' }],
      ['hf', 'Demo', { status: 'ready' }],
    ]);
    expect(models.find(({ id }) => id === modelId)?.kind).toBe('gguf');
    expect((await lathe(home, ['models'])).stdout).toContain('Demo-F16');
  });

  test('inspect finds it by id and by name', async () => {
    const byName = await latheJson(home, ['inspect', 'Demo-F16']);
    expect(await latheJson(home, ['inspect', modelId])).toEqual(byName);
    expect(byName).toMatchObject({ model: { id: modelId, facts: { architecture: 'llama' } } });
  });

  test('convert writes a GGUF file where it was asked to, relative to where the user is', async () => {
    const answer = await latheJson(home, ['convert', 'Demo', '--to', 'f16', '--out', 'demo f16.gguf'], folder);
    expect(answer).toMatchObject({ kind: 'quantize', path: join(folder, 'demo f16.gguf') });
    expect(await readdir(folder)).toEqual(['demo f16.gguf']);
  });

  test('generate is the same every time when it is greedy', async () => {
    const args = ['generate', 'demo f16.gguf', '--prompt', 'Once upon a time', '--tokens', '12', '--greedy'];
    const first = (await latheJson(home, args, folder)) as { text: string; answerTokens: number };
    expect(first.answerTokens).toBe(12);
    expect(await latheJson(home, args, folder)).toMatchObject({ text: first.text });
  });

  test('perplexity answers with the value, the count and the method', async () => {
    await writeFile(join(folder, 'text.txt'), 'The cat sat on the mat. '.repeat(200));
    const answer = await latheJson(home, ['perplexity', 'demo f16.gguf', '--text', 'text.txt', '--context', '64'], folder);
    expect(answer).toMatchObject({ contextLength: 64 });
    const { perplexity, tokens, method } = answer as { perplexity: number; tokens: number; method: string };
    expect(perplexity).toBeGreaterThan(1);
    expect(tokens).toBeGreaterThan(0);
    expect(method.length).toBeGreaterThan(10);
  });

  test('verify finds it unchanged', async () => {
    expect(await latheJson(home, ['verify', 'Demo'])).toMatchObject({ matches: true });
  });

  test('jobs lists what was done', async () => {
    const jobs = (await latheJson(home, ['jobs'])) as { spec: { kind: string }; state: string }[];
    expect(new Set(jobs.filter(({ state }) => state === 'done').map(({ spec }) => spec.kind))).toEqual(
      new Set(['demo', 'quantize', 'perplexity', 'verify']),
    );
  });

  test('a model that is not there is a coded error, with nothing on stdout', async () => {
    const { code, stdout, stderr } = await lathe(home, ['inspect', 'no such model', '--json']);
    expect([code, stdout]).toEqual([1, '']);
    expect(JSON.parse(stderr)).toMatchObject({ code: expect.stringMatching(/^library\./) as unknown });
  });

  test('a file that is no model is refused, and nothing of it stays', async () => {
    await writeFile(join(folder, 'broken.gguf'), 'GGUF and then nothing of the kind');
    const { code, stderr } = await lathe(home, ['import', 'broken.gguf', '--json'], { cwd: folder });
    expect(code).toBe(1);
    expect(JSON.parse(stderr)).toHaveProperty('code');
  });

  test('a reader that leaves early, as `head` does, is no error', async () => {
    const { code, stderr } = await lathe(home, ['models'], { closeOutput: true });
    expect([code, stderr.replace('Building the app…\n', '')]).toEqual([0, '']);
  });
});

test('Ctrl+C in a long job ends it and leaves nothing half-written', async () => {
  const home = await emptyHome();
  await latheJson(home, ['demo', 'Demo']);
  await writeFile(join(home, 'text.txt'), 'The cat sat on the mat. '.repeat(100_000));
  await latheJson(home, ['convert', 'Demo', '--to', 'f32', '--out', join(home, 'demo.gguf')]);
  const ran = await lathe(home, ['perplexity', join(home, 'demo.gguf'), '--text', join(home, 'text.txt')], { interruptAfterMs: 3000 });
  expect([ran.code, ran.stdout]).toEqual([130, '']);
  const jobs = (await latheJson(home, ['jobs'])) as { spec: { kind: string }; state: string }[];
  expect(jobs.find(({ spec }) => spec.kind === 'perplexity')?.state).toBe('cancelled');
  expect(existsSync(join(home, 'demo.gguf'))).toBe(true);
});
