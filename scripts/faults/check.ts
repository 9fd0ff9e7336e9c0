import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import type { AppClient } from '#contract/index.ts';
import { contentHash, type World } from './world.ts';

/** What may be wrong after a fault. Everything here says it in words; an empty list is a sound state. */

/** What SQLite itself says of the database, and of the references in it. */
export function databaseProblems(home: string): string[] {
  const database = new BetterSqlite3(join(home, 'lathe.db'), { readonly: true });
  try {
    const integrity = database.pragma('integrity_check', { simple: true });
    const foreign = database.pragma('foreign_key_check') as unknown[];
    return [
      ...(integrity === 'ok' ? [] : [`integrity_check: ${String(integrity)}`]),
      ...(foreign.length === 0 ? [] : [`foreign_key_check: ${JSON.stringify(foreign)}`]),
    ];
  } finally {
    database.close();
  }
}

const namesIn = (folder: string): Promise<string[]> => readdir(folder).catch(() => []);
const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

/** The conversation, the sources and their entries in the library are what they were. */
export async function keptProblems(client: AppClient, world: World): Promise<string[]> {
  const problems: string[] = [];
  if (JSON.stringify(await client.chat.thread({ threadId: world.threadId })) !== world.thread) problems.push('the conversation changed');
  if ((await contentHash(world.sources)) !== world.sourcesSha256) problems.push('the sources changed');
  for (const id of [world.baseId, world.tunedId, world.adapterId, ...world.plainIds, world.ggufId, world.mergedId]) {
    const { state, name } = (await client.library.get({ modelId: id })).model;
    if (state.status !== 'ready') problems.push(`${name} is ${state.status}`);
  }
  return problems;
}

/**
 * Nothing half-made is seen: each model of the library is whole, each job has one of its states, what a job left is there only where the
 * job can go on from it, and no working file outlives its job.
 */
export async function leftoverProblems(client: AppClient, world: World): Promise<string[]> {
  const problems: string[] = [];
  const jobs = await client.jobs.list({});
  const active = jobs.filter(({ state }) => state === 'running' || state === 'queued');
  for (const { spec, state } of active) problems.push(`${spec.kind} is still ${state}`);
  const resumable = new Set(jobs.flatMap(({ spec, resumable: can }) => (can && 'outputPath' in spec ? [spec.outputPath] : [])));
  for (const name of await namesIn(world.outputs)) {
    const owner = join(world.outputs, name.replace(/\.partial(\.journal)?$/, ''));
    if (name.includes('.partial') && !resumable.has(owner)) problems.push(`${name} was left, and no job can go on from it`);
  }
  const models = await client.library.list({});
  for (const { path, state, name } of models) {
    if (state.status !== 'ready') problems.push(`${name} is ${state.status}`);
    else if (!(await isThere(path))) problems.push(`${name} is listed, and not there`);
  }
  const running = new Set(jobs.map(({ id }) => id));
  for (const name of await namesIn(join(world.home, 'scratch')))
    if (running.has(name)) problems.push(`the working files of ${name} were left`);
  // An unfinished copy is nobody's model; a later start removes it.
  const listed = new Set(models.map(({ path }) => path));
  for (const name of await namesIn(join(world.home, 'models'))) {
    const path = join(world.home, 'models', name);
    const isOfModel = [...listed].some((other) => other === path || other.startsWith(`${path}/`));
    if (!name.endsWith('.partial') && !isOfModel) problems.push(`models/${name} is in no entry of the library`);
  }
  return problems;
}
