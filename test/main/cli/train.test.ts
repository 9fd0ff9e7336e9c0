import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadNative } from '#engine/native.ts';
import { writeFamilyModel } from '../../engine/train/family-models.ts';
import { tales } from '../../engine/train/story-data.ts';
import { openTest, temporaryFolder } from '../support/open.ts';
import { lathe } from './fixture.ts';

/** The command line over real services, in a folder with a model and a dataset. */
async function withFiles() {
  const { client } = await openTest();
  const cwd = temporaryFolder();
  await writeFamilyModel(loadNative(), join(cwd, 'tiny.gguf'), { family: 'llama', layers: 2 });
  await writeFile(join(cwd, 'tales.jsonl'), tales(12));
  const run = (...args: string[]) => lathe(args, {}, { cwd, open: async () => ({ client, close: async () => undefined }) });
  return { cwd, client, run };
}

const quick = ['--set', 'max_steps=3', '--set', 'max_length=128', '--set', 'r=2', '--set', 'target_modules=q_proj,v_proj'];

test('train prints a line for each step, and leaves the adapter where it was asked for', async () => {
  const { cwd, run } = await withFiles();
  const { code, stdout, stderr } = await run('train', 'tiny.gguf', '--data', 'tales.jsonl', '--out', 'style', ...quick);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/^step 1\/3 {2}loss \d/m);
  expect(stdout).toMatch(/^step 3\/3/m);
  expect((await stat(join(cwd, 'style.gguf'))).isFile()).toBe(true);
  expect((await stat(join(cwd, 'style', 'adapter_config.json'))).isFile()).toBe(true);
}, 60_000);

test('its JSON holds the log under TRL’s names', async () => {
  const { run } = await withFiles();
  const { code, stdout } = await run('train', 'tiny.gguf', '--data', 'tales.jsonl', '--out', 'style', ...quick, '--json');
  const answer = JSON.parse(stdout) as { runId: string; log: Record<string, unknown>[]; reason: string };
  expect(code).toBe(0);
  expect(answer.reason).toBe('completed');
  expect(answer.log).toHaveLength(3);
  for (const name of ['step', 'loss', 'grad_norm', 'learning_rate', 'num_tokens', 'mean_token_accuracy', 'entropy'])
    expect(answer.log[0]).toHaveProperty(name);
}, 60_000);

test('Ctrl+C saves a checkpoint, and --resume goes on from there', async () => {
  const { cwd, client, run } = await withFiles();
  const abort = new AbortController();
  let written = '';
  const stdout = {
    write: (text: string) => {
      written += text;
      if (text.startsWith('step 2/')) abort.abort();
    },
  };
  const args = ['train', 'tiny.gguf', '--data', 'tales.jsonl', '--out', 'style', ...quick, '--set', 'max_steps=12'];
  const open = async () => ({ client, close: async () => undefined });
  const { code } = await lathe(args, {}, { cwd, open, stdout, signal: abort.signal });
  expect(code).toBe(130);
  const runId = /^run (\w+)/.exec(written)?.[1] ?? '';
  const [paused] = await client.training.runs({});
  expect(paused).toMatchObject({ id: runId, state: 'paused' });
  const step = paused?.checkpoints.at(-1)?.step ?? 0;
  expect(step).toBeGreaterThanOrEqual(2);
  const resumed = await run('train', '--resume', runId);
  expect(resumed.code).toBe(0);
  expect(resumed.stdout).toContain(`step ${step + 1}/12`);
  expect(resumed.stdout).not.toContain(`step ${step}/12`);
}, 60_000);

test('dataset check prints samples as the model sees them, with what is trained', async () => {
  const { cwd, run } = await withFiles();
  await writeFile(join(cwd, 'odd.csv'), 'q,a\nWhat?,That.\n');
  const { stdout } = await run('dataset', 'check', 'tales.jsonl', '--model', 'tiny.gguf', '--samples', '1');
  expect(stdout).toContain('ball in the park. »Then Lily said');
  const odd = await run(
    'dataset',
    'check',
    'odd.csv',
    '--model',
    'tiny.gguf',
    '--column',
    'prompt=q',
    '--column',
    'completion=a',
    '--set',
    'chat_template=alpaca',
  );
  expect(odd.stdout).toContain('### Instruction:\nWhat?\n\n### Response:\n»That.</s>«');
}, 60_000);

test('what cannot be meant is refused with the reason', async () => {
  const { run } = await withFiles();
  const data = ['--data', 'tales.jsonl'];
  expect((await run('train', ...data, '--out', 'x')).stderr).toContain('BASE is missing');
  expect((await run('train', 'tiny.gguf', '--out', 'x')).stderr).toContain('--data is missing');
  expect((await run('train', 'tiny.gguf', ...data, '--out', 'x', '--set', 'r')).stderr).toContain("not 'r'");
  expect((await run('train', 'tiny.gguf', ...data, '--out', 'x', '--set', 'rank=4')).stderr).toContain('rank');
  expect((await run('train', 'tiny.gguf', '--resume', 'abc')).stderr).toContain('--resume');
  expect((await run('dataset', 'fly', 'tales.jsonl', '--model', 'tiny.gguf')).code).toBe(1);
}, 60_000);
