// What full, read-only and vanished disks do, on real ones: disk-program.ts FOLDER, as root of a mount namespace of its own
// (`unshare -rm`), so that nobody else sees the disks. Prints one JSON object for each case.
import { execFileSync } from 'node:child_process';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { cp, mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '#core/errors/index.ts';
import type { AppClient } from '#contract/index.ts';
import type { Job } from '#contract/jobs.ts';
import { openFaultApp, type FaultApp } from './app.ts';
import { databaseProblems, keptProblems, leftoverProblems } from './check.ts';
import { makeWorld, type World } from './world.ts';

const mount = (folder: string, options: string): void => void execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', folder]);
const remount = (folder: string, how: 'ro' | 'rw'): void => void execFileSync('mount', ['-o', `remount,${how}`, folder]);

/** Take all that is free. */
function fill(folder: string): void {
  const file = openSync(join(folder, 'filler'), 'a');
  try {
    for (let size = 2 ** 20; size >= 1;)
      try {
        writeSync(file, Buffer.alloc(size));
      } catch {
        size = Math.floor(size / 2);
      }
  } finally {
    closeSync(file);
  }
}
const empty = (folder: string): void => rmSync(join(folder, 'filler'), { force: true });

/** The code of the error that work ends with, or `none`. */
async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'none';
  } catch (error) {
    if (error instanceof AppError) return error.code;
    throw error;
  }
}

/** A job at its end; `moved` is called once, when it first tells of bytes. */
async function endOf(client: AppClient, jobId: string, moved: () => void = () => undefined): Promise<Job> {
  let last: Job | undefined;
  let hasMoved = false;
  for await (last of client.jobs.watch({ jobId }))
    if (!hasMoved && last.phase === 'quantize.writing') {
      hasMoved = true;
      moved();
    }
  if (last === undefined) throw new Error('The job told nothing.');
  return last;
}

interface Case {
  readonly world: World;
  readonly app: FaultApp;
  /** Note what is not as it should be. */
  expect(what: string, found: string, ...allowed: readonly string[]): void;
}

const spec = ({ baseId: modelId, outputs }: World) => ({
  ...({ kind: 'quantize', target: 'F32', format: 'gguf', quality: null } as const),
  modelId,
  outputPath: join(outputs, 'made.gguf'),
});

const cases: Readonly<Record<string, (it: Case) => Promise<void>>> = {
  'the disk of the outputs is full before a job': async ({ world, app: { client }, expect }) => {
    fill(world.outputs);
    expect('the refusal', await codeOf(client.jobs.start({ spec: spec(world) })), 'disk.tooSmall');
    empty(world.outputs);
  },
  'the disk of the outputs fills up while a job writes': async ({ world, app: { client }, expect }) => {
    const { id } = await client.jobs.start({ spec: spec(world) });
    const { state, error } = await endOf(client, id, () => fill(world.outputs));
    expect('the job', `${state} ${error?.code ?? ''}`, 'failed disk.full', 'done ');
    for (const problem of await leftoverProblems(client, world)) if (!problem.startsWith('filler')) expect('what is left', problem);
    empty(world.outputs);
    if (state !== 'done') {
      await client.jobs.resume({ jobId: id });
      expect('the job, gone on with', (await endOf(client, id)).state, 'done');
    }
  },
  'the disk of the library is full': async ({ world, app: { client }, expect }) => {
    const large = 'x'.repeat(1_900_000);
    const { id: threadId } = await client.chat.create({ title: 'before' });
    fill(world.home);
    expect('a long message', await codeOf(client.chat.update({ threadId, systemPrompt: large })), 'disk.full');
    expect('a setting', await codeOf(client.library.update({ modelId: world.baseId, note: large.slice(0, 90_000) })), 'disk.full', 'none');
    expect('reading', await codeOf(client.library.list({})), 'none');
    empty(world.home);
    expect('a long message, with room', await codeOf(client.chat.update({ threadId, systemPrompt: large })), 'none');
    expect('the note, with room', await codeOf(client.library.update({ modelId: world.baseId, note: '' })), 'none');
    await client.chat.remove({ threadId });
  },
  'the folder of the outputs is read-only': async ({ world, app: { client }, expect }) => {
    remount(world.outputs, 'ro');
    const refused = await codeOf(
      client.jobs.start({ spec: spec(world) }).then(async ({ id }) => {
        const { error } = await endOf(client, id);
        if (error !== null) throw new AppError('disk.notAllowed', { path: error.code });
      }),
    );
    expect('the job', refused, 'disk.notAllowed');
    remount(world.outputs, 'rw');
  },
  'the sources are renamed while a job reads them, and come back': async ({ world, app: { client }, expect }) => {
    const away = `${world.sources}-away`;
    const { id } = await client.jobs.start({ spec: spec(world) });
    await rename(world.sources, away);
    const { state, error } = await endOf(client, id);
    const ending = error === null ? state : `${state} ${error.code}`;
    expect('the job', ending, 'done', 'failed library.fileMissing', 'failed disk.missing');
    const again = { ...spec(world), outputPath: join(world.outputs, 'again.gguf') };
    expect('a new job', await codeOf(client.jobs.start({ spec: again })), 'library.fileMissing');
    await rename(away, world.sources);
    const found = await client.library.find({ reference: world.basePath });
    expect('the model', `${found.id === world.baseId} ${found.state.status}`, 'true ready');
    const { id: last } = await client.jobs.start({ spec: again });
    expect('the job, with its sources', (await endOf(client, last)).state, 'done');
  },
};

const [, , folder = ''] = process.argv;
await mkdir(folder, { recursive: true });
mount(folder, 'size=256m');
const made = await makeWorld(join(folder, 'made'));
for (const [name, run] of Object.entries(cases)) {
  // Each case has the library on one small disk, and the outputs on another.
  const problems: string[] = [];
  const disks = { home: join(folder, 'home'), outputs: join(folder, 'outputs') };
  for (const [disk, path] of Object.entries(disks)) {
    await mkdir(path, { recursive: true });
    mount(path, disk === 'home' ? 'size=12m' : 'size=24m');
  }
  // The models of the library stay where they are; only the library itself is copied.
  await cp(made.home, disks.home, { recursive: true, filter: (path) => path !== join(made.home, 'models') });
  const world: World = { ...made, ...disks };
  const app = await openFaultApp(disks.home);
  try {
    const expect = (what: string, found: string, ...allowed: readonly string[]): void => {
      if (!allowed.includes(found)) problems.push(`${what}: ${found}`);
    };
    await run({ world, app, expect });
    problems.push(...(await keptProblems(app.client, world)), ...(await leftoverProblems(app.client, world)));
  } catch (error) {
    problems.push(String(error));
  } finally {
    await app.close();
  }
  problems.push(...databaseProblems(disks.home));
  process.stdout.write(`${JSON.stringify({ name, problems })}\n`);
  for (const path of Object.values(disks)) execFileSync('umount', [path]);
}
