// Mixed work for an hour, as a user's day: chats, searches, quantizations, models that come and go. After each round
// the program rests, and what it holds is written down. `npm run soak`, or shorter: `npm run soak -- --minutes 5`. Ends with code 1
// where it holds more and more.
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { AppClient } from '#contract/index.ts';
import type { JobSpec } from '#contract/jobs.ts';
import { quantizeOptions } from '#contract/quantize.ts';
import { MiB } from '#core/bytes.ts';
import { median } from './bench/row.ts';
import { printTable } from './bench/table.ts';
import { heldBy, type Held } from './processes.ts';
import { startServing } from './serving.ts';
import { builtEntry } from './setup/paths.mjs';

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '60' } } });
const durationMs = Number(values.minutes) * 60_000;
/** Until collected garbage is given back. */
const REST_MS = 1500;
/** More than this, from the second quarter to the last, is a leak: heaps breathe by a few MiB. */
const MOST_GROWTH = 0.1;
const TARGETS = ['Q8_0', 'Q4_K_M', 'nf4', 'F16', 'gptq-4'];

async function runJob(client: AppClient, spec: JobSpec): Promise<string> {
  const { id: jobId } = await client.jobs.start({ spec });
  let last;
  for await (const job of client.jobs.watch({ jobId })) last = job;
  if (last?.state !== 'done' || last.result === null || !('modelId' in last.result))
    throw new Error(`${spec.kind}: ${JSON.stringify(last?.error)}`);
  await client.jobs.clear({ jobId });
  return last.result.modelId;
}

/** One round. `sourceId` is a folder, `chatId` a GGUF file, both of which stay. */
async function round(
  client: AppClient,
  { index, folder, sourceId, chatId }: { index: number; folder: string; sourceId: string; chatId: string },
) {
  const target = TARGETS[index % TARGETS.length] ?? 'Q8_0';
  const made = await runJob(client, {
    kind: 'quantize',
    modelId: sourceId,
    target,
    outputPath: join(folder, `round ${index} ${target}${target.startsWith('nf4') || target.startsWith('gptq') ? '' : '.gguf'}`),
    options: quantizeOptions.parse({}),
    quality: null,
  });
  await client.library.tensors({ modelId: made });
  const thread = await client.chat.create({ modelId: chatId });
  for (const text of ['Tell me a story.', 'And then?']) {
    const { messages } = await client.chat.thread({ threadId: thread.id });
    const parentId = messages.at(-1)?.id ?? null;
    for await (const event of client.chat.send({ threadId: thread.id, parentId, text }))
      if (event.type === 'finished' && event.message.error !== null) throw new Error(JSON.stringify(event.message.error));
  }
  await client.chat.search({ query: 'story' });
  // Left in the middle, as whoever closes a page does.
  for await (const event of client.chat.generate({ modelId: chatId, prompt: 'The ', sampling: { maxTokens: 200 } }))
    if (event.type === 'text') break;
  if (index % 3 === 0) await client.chat.unload({});
  await client.chat.remove({ threadId: thread.id });
  await client.library.remove({ modelId: made, files: 'delete' });
}

const quarter = (all: readonly Held[], which: number, pick: (held: Held) => number): number =>
  median(all.slice((all.length * which) / 4, (all.length * (which + 1)) / 4).map(pick));

const work = await mkdtemp(join(tmpdir(), 'lathe-soak-'));
const home = join(work, 'home');
await mkdir(home);
const server = await startServing({ command: process.execPath, entry: builtEntry('serve'), home });
try {
  const setup = await server.enter();
  const chatId = await runJob(setup.client, { kind: 'demo', name: 'Soak' });
  const { lineage } = await setup.client.library.get({ modelId: chatId });
  const sourceId = lineage.parents[0]?.modelId ?? '';
  setup.leave();
  const all: Held[] = [];
  const endMs = performance.now() + durationMs;
  for (let index = 0; performance.now() < endMs || all.length < 8; index += 1) {
    // A page of its own for each round: connections come and go too.
    const page = await server.enter();
    await round(page.client, { index, folder: work, sourceId, chatId });
    page.leave();
    await sleep(REST_MS);
    const held = await heldBy(server.pid);
    all.push(held);
    process.stderr.write(
      `round ${index + 1}: ${(held.residentBytes / MiB).toFixed(0)} MiB, ${held.handles} handles, ${held.threads} threads, ${held.processes} processes\n`,
    );
  }
  const rows = (
    [
      ['memory', 'MiB', ({ residentBytes }: Held) => residentBytes / MiB],
      ['open handles', '', ({ handles }: Held) => handles],
      ['threads', '', ({ threads }: Held) => threads],
      ['processes', '', ({ processes }: Held) => processes],
    ] as const
  ).map(([name, unit, pick]) => ({ name, unit, early: quarter(all, 1, pick), late: quarter(all, 3, pick) }));
  await printTable(
    rows.map(({ name, unit, early, late }) => ({
      name: `${name} at rest, in the last quarter of ${all.length} rounds`,
      value: late,
      unit,
      goal: `≤ ${((1 + MOST_GROWTH) * early).toFixed(0)}`,
      note: `in the second quarter ${early.toFixed(0)}`,
    })),
  );
  const grown = rows.filter(({ early, late }) => late > (1 + MOST_GROWTH) * early);
  for (const { name } of grown) process.stderr.write(`FAILED: more and more ${name}\n`);
  if (grown.length > 0) process.exitCode = 1;
} finally {
  await server.stop();
  await rm(work, { recursive: true, force: true });
}
