// Kills the program and its engines at random instants in the middle of every kind of work, fills disks and takes them away, damages
// and stalls engines' messages, and says what was found afterwards: `npm run faults [KILLS] [SEED] [WORK…]`. Prints Markdown tables; ends
// with 1 where anything was wrong.
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { XorShift32 } from '#core/demo/random.ts';
import { canMount, diskCases, type DiskCase } from './faults/disk.ts';
import { killOnce, referencesOf, victims, type Round } from './faults/kill.ts';
import { disturbOnce, faults, type MessageRound } from './faults/messages.ts';
import { works } from './faults/works.ts';
import { makeWorld } from './faults/world.ts';

const { positionals } = parseArgs({ allowPositionals: true });
const [kills, seed] = [Number(positionals[0] ?? 200), Number(positionals[1] ?? 1)];
const only = positionals.slice(2);
const names = Object.keys(works).filter((name) => only.length === 0 || only.includes(name));
const folder = await mkdtemp(join(tmpdir(), 'lathe-faults-'));
const random = new XorShift32(seed);
const uniform = (): number => random.next() / 2 ** 32;
const rounds: Round[] = [];
const messages: MessageRound[] = [];
/** Messages of an engine for one work, from its greeting to its last word. */
const MESSAGES = 12;
const startedMs = performance.now();
try {
  const world = await makeWorld(folder);
  const worldPath = join(folder, 'world.json');
  const references = await referencesOf(world, worldPath, names);
  process.stderr.write(`${[...references].map(([name, { durationMs }]) => `${name} ${Math.round(durationMs)} ms`).join(', ')}\n`);
  for (let number = 0, hits = 0; hits < kills && number < 3 * kills; number += 1) {
    const name = names[number % names.length] ?? '';
    const victim = victims[Math.floor(number / names.length) % victims.length] ?? 'main';
    const reference = references.get(name);
    if (reference === undefined) throw new Error(`${name} has no reference.`);
    const output = join(world.outputs, `round-${number}`);
    const round = await killOnce(world, worldPath, { name, victim, afterMs: uniform() * reference.durationMs, output, reference });
    rounds.push(round);
    if (round.wasHit) hits += 1;
    process.stderr.write(
      `${hits}/${kills} ${name} ${victim} ${Math.round(round.killedAfterMs)} ms: ${round.left} ${round.problems.join('; ')}\n`,
    );
  }
  for (let message = 0; message < MESSAGES; message += 1)
    for (const fault of faults) {
      const round = await disturbOnce(world, fault, message, seed + message);
      messages.push(round);
      process.stderr.write(`message ${message} ${fault}: ${round.left} ${round.problems.join('; ')}\n`);
    }
} finally {
  await rm(folder, { recursive: true, force: true });
}

const disks: readonly DiskCase[] | null = canMount() ? await diskCases() : null;

const hit = rounds.filter(({ wasHit }) => wasHit);
const bad = rounds.filter(({ problems }) => problems.length > 0);
const counted = (values: readonly string[]): string =>
  [...Map.groupBy(values, (value) => value)].map(([value, { length }]) => `${length} ${value}`).join(', ');
const lines = names.flatMap((name) =>
  victims.map((victim) => {
    const own = hit.filter((round) => round.work === name && round.victim === victim);
    const wrong = own.filter(({ problems }) => problems.length > 0).length;
    return `| ${name} | ${victim} | ${own.length} | ${counted(own.map(({ left }) => left))} | ${wrong} |`;
  }),
);
process.stdout.write(
  [
    `${cpus()[0]?.model.trim() ?? 'unknown CPU'} × ${cpus().length}, node ${process.versions.node}, seed ${seed}, ${Math.round((performance.now() - startedMs) / 1000)} s`,
    '',
    '| work | killed | kills | what was left | with problems |',
    '| --- | --- | ---: | --- | ---: |',
    ...lines,
    '',
    `${hit.length} kills, ${rounds.length - hit.length} that came too late, ${bad.length} rounds with problems.`,
    ...bad.map(
      ({ work, victim, killedAfterMs, problems }) => `- ${work}, ${victim} after ${Math.round(killedAfterMs)} ms: ${problems.join('; ')}`,
    ),
    '',
    "| an engine's messages | how often | how the work ended; then it was gone on with | with problems |",
    '| --- | ---: | --- | ---: |',
    ...faults.map((fault) => {
      const own = messages.filter((round) => round.fault === fault);
      return `| ${fault} | ${own.length} | ${counted(own.map(({ left }) => left))} | ${own.filter(({ problems }) => problems.length > 0).length} |`;
    }),
    ...messages.flatMap(({ fault, message, problems }) => problems.map((problem) => `- message ${message} ${fault}: ${problem}`)),
    '',
    ...(disks === null
      ? ['Disks were not tried: this system lets no program have its own.']
      : [
          '| disks | found |',
          '| --- | --- |',
          ...disks.map(({ name, problems }) => `| ${name} | ${problems.join('; ') || 'as it should be'} |`),
        ]),
    '',
  ].join('\n'),
);
const isBad = [...rounds, ...messages, ...(disks ?? [])].some(({ problems }) => problems.length > 0);
process.exitCode = isBad ? 1 : 0;
