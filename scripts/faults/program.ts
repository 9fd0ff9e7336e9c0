// A program that does one work and tells what it does, one JSON object a line, until it has ended or is killed:
// program.ts WORLD.json WORK OUTPUT
import { readFile } from 'node:fs/promises';
import { openFaultApp } from './app.ts';
import { works } from './works.ts';
import type { World } from './world.ts';

const [, , worldPath = '', name = '', output = ''] = process.argv;
const say = (line: unknown): void => void process.stdout.write(`${JSON.stringify(line)}\n`);
const world = JSON.parse(await readFile(worldPath, 'utf8')) as World;
const work = works[name];
if (work === undefined) throw new Error(`There is no work ${name}.`);
const app = await openFaultApp(world.home, {
  started: (kind, { pid }) => {
    say({ engine: kind, pid });
    return undefined;
  },
});
const { jobId, ended } = await work.begin(app.client, world, output);
say({ jobId });
say({ ended: await ended });
await app.close();
