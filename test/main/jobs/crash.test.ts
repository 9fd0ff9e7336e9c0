import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { isAlive, processStart } from '#main/jobs/owner.ts';
import { writeHfFolder } from '#engine/demo.ts';
import { tinyModel } from '../../fixtures.ts';
import { all, eventually, openTest, temporaryFolder } from '../support/open.ts';

/** A program of its own that begins a work which never ends. Resolves when the job runs. */
async function startProgram(home: string, model: string, outputPath: string, finished = 0) {
  const child = spawn(
    process.execPath,
    [fileURLToPath(new URL('./program.ts', import.meta.url)), home, model, outputPath, String(finished)],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  onTestFinished(() => void child.kill('SIGKILL'));
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  for await (const line of createInterface({ input: child.stdout })) return { jobId: line, kill: () => (child.kill('SIGKILL'), exited) };
  throw new Error('The program ended without a word.');
}

test('a job of a killed program is interrupted, its file without a finished tensor is removed, and it can be run again', async () => {
  const home = join(temporaryFolder(), 'home');
  const folder = temporaryFolder();
  await writeHfFolder(tinyModel(), join(folder, 'tiny'));
  const outputPath = join(folder, 'out.gguf');
  const program = await startProgram(home, join(folder, 'tiny'), outputPath);
  expect(existsSync(`${outputPath}.partial`)).toBe(true);

  // While it lives it is another program's job: seen, and left alone.
  const { client } = await openTest({ home });
  const [seen] = await eventually(
    () => client.jobs.list({}),
    ([job]) => job?.phase === 'quantize.writing',
  );
  expect(seen).toMatchObject({ id: program.jobId, state: 'running', done: { amount: 40, total: 100 } });
  expect(existsSync(`${outputPath}.partial`)).toBe(true);

  await program.kill();
  // The program that goes on notices by itself within seconds; a new one at its start.
  const next = await openTest({ home });
  expect(await next.client.jobs.list({})).toMatchObject([{ id: program.jobId, state: 'interrupted', error: null }]);
  expect(existsSync(`${outputPath}.partial`)).toBe(false);
  await eventually(
    () => client.jobs.list({}),
    ([job]) => job?.state === 'interrupted',
  );

  await next.client.jobs.resume({ jobId: program.jobId });
  expect((await all(next.client.jobs.watch({ jobId: program.jobId }))).at(-1)).toMatchObject({ state: 'done' });
  expect(existsSync(outputPath)).toBe(true);
});

test('a quantization of a killed program goes on from the last finished tensor; its working files are gone', async () => {
  const home = join(temporaryFolder(), 'home');
  const folder = temporaryFolder();
  await writeHfFolder(tinyModel(), join(folder, 'tiny'));
  const outputPath = join(folder, 'out.gguf');
  const { jobId, kill } = await startProgram(home, join(folder, 'tiny'), outputPath, 2);
  const working = join(home, 'scratch', jobId, 'working.gguf');
  expect(existsSync(working)).toBe(true);
  await kill();

  const { client } = await openTest({ home });
  expect(await client.jobs.list({})).toMatchObject([{ id: jobId, state: 'interrupted', resumable: true }]);
  expect([existsSync(working), existsSync(`${outputPath}.partial`)]).toEqual([false, true]);
  await client.jobs.resume({ jobId });
  expect((await all(client.jobs.watch({ jobId }))).at(-1)).toMatchObject({ state: 'done', result: { resumedTensors: 2 } });
});

test('a job of another living program can be cancelled from here', async () => {
  const home = join(temporaryFolder(), 'home');
  const folder = temporaryFolder();
  await writeHfFolder(tinyModel(), join(folder, 'tiny'));
  const program = await startProgram(home, join(folder, 'tiny'), join(folder, 'out.gguf'));
  const { client } = await openTest({ home });
  const ending = all(client.jobs.watch({ jobId: program.jobId }));
  expect(await client.jobs.cancel({ jobId: program.jobId })).toMatchObject({ state: 'running' });
  expect((await ending).at(-1)).toMatchObject({ state: 'cancelled' });
  await program.kill();
});

test('a process is told from a later one with its number', async () => {
  const started = await processStart(process.pid);
  expect(started).not.toBeNull();
  expect(await isAlive({ pid: process.pid, started })).toBe(true);
  expect(await isAlive({ pid: process.pid, started: 'at another time' })).toBe(false);
  // Not known when it started: in doubt it lives.
  expect(await isAlive({ pid: process.pid, started: null })).toBe(true);
  const child = spawn(process.execPath, ['-e', '']);
  await new Promise((resolve) => child.once('exit', resolve));
  expect(await isAlive({ pid: child.pid ?? 0, started: null })).toBe(false);
});
