import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Job } from '#contract/jobs.ts';
import { openFaultApp, type FaultApp } from './app.ts';
import { databaseProblems, keptProblems, leftoverProblems } from './check.ts';
import { works } from './works.ts';
import { contentHash, type World } from './world.ts';

/** SIGKILL at random instants of every kind of work: of the program itself, or of the engine that does the work. */

export const victims = ['main', 'engine'] as const;
export type Victim = (typeof victims)[number];

export interface Round {
  readonly work: string;
  readonly victim: Victim;
  /** From the moment the work had begun (the engine had started). */
  readonly killedAfterMs: number;
  /** Whether it was alive, and at work, when the signal came. */
  readonly wasHit: boolean;
  /** What became of the work, as the program that came next, or went on, tells it. */
  readonly left: string;
  readonly problems: readonly string[];
}

/** An uninterrupted run: how long it takes, and what it makes. */
export interface Reference {
  readonly durationMs: number;
  readonly sha256: string | null;
}

const program = fileURLToPath(new URL('./program.ts', import.meta.url));

interface Life {
  readonly jobId: string | null;
  /** What the program told of the work's end; null where it did not live to tell. */
  readonly ended: string | null;
  readonly wasHit: boolean;
  readonly durationMs: number;
  readonly enginePids: readonly number[];
}

/** Run a work in a program of its own; kill the victim so many milliseconds after it has begun. */
async function live(worldPath: string, name: string, output: string, kill: { victim: Victim; afterMs: number } | null): Promise<Life> {
  const child = spawn(process.execPath, [program, worldPath, name, output], { stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
  let jobId: string | null = null;
  let ended: string | null = null;
  let timer: NodeJS.Timeout | undefined;
  let [wasHit, isWorking, beganMs, endedMs] = [false, false, 0, 0];
  const enginePids: number[] = [];
  const strike = (pid: number | undefined): void => {
    if (!isWorking || pid === undefined) return;
    try {
      wasHit = process.kill(pid, 'SIGKILL');
    } catch {
      // It had ended by itself.
    }
  };
  const start = (pid: number | undefined): void => {
    if (kill !== null) timer ??= setTimeout(() => strike(pid), kill.afterMs);
  };
  for await (const line of createInterface({ input: child.stdout })) {
    const told = JSON.parse(line) as { engine?: string; pid?: number; jobId?: string | null; ended?: string };
    if (told.pid !== undefined) {
      enginePids.push(told.pid);
      isWorking = true;
      beganMs ||= performance.now();
      if (kill?.victim === 'engine' && told.engine === works[name]?.engine) start(told.pid);
    }
    if (told.jobId !== undefined) {
      jobId = told.jobId;
      isWorking = true;
      beganMs ||= performance.now();
      if (kill?.victim === 'main') start(child.pid);
    }
    if (told.ended !== undefined) {
      ended = told.ended;
      isWorking = false;
      endedMs = performance.now();
    }
  }
  await exited;
  clearTimeout(timer);
  if (beganMs === 0) throw new Error(`${name} did not begin: ${errors}`);
  return { jobId, ended, wasHit, durationMs: endedMs - beganMs, enginePids };
}

/** Run every work once, undisturbed. Throws where one does not end well. */
export async function referencesOf(world: World, worldPath: string, names: readonly string[]): Promise<Map<string, Reference>> {
  await writeFile(worldPath, JSON.stringify(world));
  const references = new Map<string, Reference>();
  for (const name of names) {
    const output = join(world.outputs, `reference-${name}`);
    const { ended, durationMs } = await live(worldPath, name, output, null);
    if (ended !== 'done') throw new Error(`${name} ended undisturbed with ${ended}`);
    references.set(name, { durationMs, sha256: works[name]?.isExact === true ? await resultHash(output) : null });
  }
  return references;
}

const resultPath = (output: string): string => (existsSync(`${output}.gguf`) ? `${output}.gguf` : output);
const resultHash = (output: string): Promise<string> => contentHash(resultPath(output));

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

/** An engine notices that its parent is gone by its closed channel; a native step may hold it up. */
async function orphanProblems(pids: readonly number[]): Promise<string[]> {
  for (let waitedMs = 0; waitedMs < 10_000; waitedMs += 100) {
    if (!pids.some(isAlive)) return [];
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return ['an engine outlived the program'];
}

/** Begin a work, kill the victim, look at what is left, and go on with the work to its end. */
export async function killOnce(
  world: World,
  worldPath: string,
  { name, victim, afterMs, output, reference }: { name: string; victim: Victim; afterMs: number; output: string; reference: Reference },
): Promise<Round> {
  const life = await live(worldPath, name, output, { victim, afterMs });
  const problems = [...(await orphanProblems(life.enginePids)), ...databaseProblems(world.home)];
  const app = await openFaultApp(world.home);
  let left = life.ended ?? 'killed';
  try {
    // The list comes when the jobs of dead programs have been seen to.
    const found = (await app.client.jobs.list({})).find(({ id }) => id === life.jobId);
    if (found !== undefined)
      left = found.state === 'failed' ? `failed ${found.error?.code}` : `${found.state}${found.resumable ? ', resumable' : ''}`;
    problems.push(...jobProblems(life, found), ...(await keptProblems(app.client, world)), ...(await leftoverProblems(app.client, world)));
    problems.push(...(await goOn(app, name, found, output, reference)), ...(await leftoverProblems(app.client, world)));
    if (life.jobId !== null) await app.client.jobs.clear({ jobId: life.jobId });
    if (works[name]?.isExact === true) await forget(app, resultPath(output));
  } finally {
    await app.close();
  }
  problems.push(...databaseProblems(world.home));
  return { work: name, victim, killedAfterMs: afterMs, wasHit: life.wasHit, left, problems };
}

/** The job's state fits what happened to it. */
function jobProblems({ jobId, ended, wasHit }: Life, found: Job | undefined): string[] {
  if (jobId === null) return [];
  if (found === undefined) return ['the job is gone'];
  const told = ended?.split(' ')[0];
  if (told !== undefined && told !== found.state) return [`the job was told to be ${told} and is ${found.state}`];
  const allowed = wasHit ? ['done', 'interrupted', 'failed'] : ['done'];
  const crash = /^(engine\.(crashed|stopped|startFailed))$/;
  if (found.state === 'failed' && !crash.test(found.error?.code ?? '')) return [`the job failed of ${JSON.stringify(found.error)}`];
  return allowed.includes(found.state) ? [] : [`the job is ${found.state}`];
}

/** Go on with what was interrupted: it ends well, with the bytes of a run that was never disturbed. */
async function goOn({ client }: FaultApp, name: string, found: Job | undefined, output: string, { sha256 }: Reference): Promise<string[]> {
  if (found === undefined) return [];
  if (found.state !== 'done') {
    const { spec } = found;
    if (spec.kind === 'train') await client.training.resume({ runId: spec.runId });
    else if (spec.kind === 'benchmark') await client.benchmark.resume({ runId: spec.runId });
    else await client.jobs.resume({ jobId: found.id });
    const ended = await endOf(client, spec);
    if (ended !== 'done') return [`${name} was gone on with and ended with ${ended}`];
  }
  return sha256 === null || (await resultHash(output)) === sha256 ? [] : ['the result has other bytes than that of an undisturbed run'];
}

/** The newest job of a spec, at its end. */
async function endOf(client: FaultApp['client'], spec: Job['spec']): Promise<string> {
  const same = (await client.jobs.list({})).filter((job) => JSON.stringify(job.spec) === JSON.stringify(spec));
  const newest = same.toSorted((a, b) => (b.startedMs ?? Infinity) - (a.startedMs ?? Infinity))[0];
  let last = 'no job';
  if (newest !== undefined)
    for await (const { state, error } of client.jobs.watch({ jobId: newest.id })) last = error === null ? state : `${state} ${error.code}`;
  return last;
}

/** Take a result out of the library and off the disk: hundreds of rounds make one each. */
async function forget({ client }: FaultApp, path: string): Promise<void> {
  const made = (await client.library.list({})).find((model) => model.path === path);
  if (made !== undefined) await client.library.remove({ modelId: made.id, files: 'keep' });
  await rm(path, { recursive: true, force: true });
}
