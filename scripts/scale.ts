// What Lathe does with much: a library of ten thousand models and a thousand conversations in the page, and a model of 70 billion
// parameters. `npm run scale`, or with other counts: `npm run scale -- --models 2000 --threads 200`. Prints one Markdown table. A type
// is refused where the disk has no room for all of it: `--target Q3_K_M` wants 31 GiB instead of 38.
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { launchBrowser } from '#test/e2e/browser.ts';
import type { BenchRow } from './bench/row.ts';
import { printTable } from './bench/table.ts';
import { writeModels } from './scale/models.ts';
import { measurePage } from './scale/page.ts';
import { measureSeventy } from './scale/seventy.ts';
import { writeThreads } from './scale/threads.ts';
import { startServing, type Serving } from './serving.ts';
import { builtEntry } from './setup/paths.mjs';

const { values } = parseArgs({
  options: {
    models: { type: 'string', default: '10000' },
    threads: { type: 'string', default: '1000' },
    target: { type: 'string', default: 'Q4_K_M' },
  },
});
const [models, threads] = [Number(values.models), Number(values.threads)];
const say = (text: string): void => void process.stderr.write(`${text}\n`);

const serve = (home: string): Promise<Serving> => startServing({ command: process.execPath, entry: builtEntry('serve'), home });

async function importAll(home: string, folder: string): Promise<BenchRow[]> {
  const server = await serve(home);
  try {
    const { client } = await server.enter();
    const startMs = performance.now();
    let added = 0;
    for await (const event of client.library.import({ path: folder })) {
      if (event.type === 'problem') throw new Error(JSON.stringify(event.problem));
      if (event.type === 'added') added += 1;
    }
    const importMs = performance.now() - startMs;
    const listMs = performance.now();
    const listed = await client.library.list({});
    if (listed.length !== models || added !== models) throw new Error(`${added} were added and ${listed.length} listed of ${models}`);
    return [
      { name: `import of ${models} models`, value: importMs / 1000, unit: 's', note: 'while they are hashed' },
      { name: 'the list of them', value: performance.now() - listMs, unit: 'ms' },
    ];
  } finally {
    await server.stop();
  }
}

async function measureLibrary(home: string): Promise<BenchRow[]> {
  const browser = await launchBrowser();
  const startedMs = performance.now();
  const server = await serve(home);
  try {
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    return await measurePage(page, server.address, startedMs);
  } finally {
    await browser.close();
    await server.stop();
  }
}

async function measureLarge(home: string, work: string): Promise<BenchRow[]> {
  const server = await serve(home);
  try {
    return await measureSeventy((await server.enter()).client, server.pid, work, values.target);
  } finally {
    await server.stop();
  }
}

const work = await mkdtemp(join(tmpdir(), 'lathe-scale-'));
const rows: BenchRow[] = [];
try {
  const [home, emptyHome, folder] = [join(work, 'home'), join(work, 'empty'), join(work, 'models')];
  await mkdir(home);
  await mkdir(emptyHome);
  say(`Writing ${models} models…`);
  await writeModels(folder, models);
  say('Importing them…');
  rows.push(...(await importAll(home, folder)));
  say(`Writing ${threads} conversations…`);
  writeThreads(join(home, 'lathe.db'), threads);
  say('Using them…');
  rows.push(...(await measureLibrary(home)));
  say('70B…');
  rows.push(...(await measureLarge(emptyHome, work)));
} finally {
  // What was measured before something failed is a figure too.
  await printTable(rows);
  await rm(work, { recursive: true, force: true });
}
