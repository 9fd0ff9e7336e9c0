// Pictures of every screen for the README, with a library that is made for them by the program itself: `npm run pictures`. With
// `-- --library FOLDER` that library is kept there, and used again.
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { launchBrowser } from '../test/e2e/browser.ts';
import { makeLibrary, type Made } from './pictures/library.ts';
import { takePictures } from './pictures/take.ts';
import { startServing } from './serving.ts';
import { builtEntry } from './setup/paths.mjs';

const { values } = parseArgs({ options: { library: { type: 'string' }, only: { type: 'string' } } });
const output = fileURLToPath(new URL('../docs/pictures', import.meta.url));
const say = (text: string): void => void process.stdout.write(`${text}\n`);

const folder = values.library ?? (await mkdtemp(join(tmpdir(), 'lathe-')));
const [home, models, record] = [join(folder, 'home'), join(folder, 'models'), join(folder, 'made.json')];
for (const path of [home, models, output]) await mkdir(path, { recursive: true });
const server = await startServing({ command: process.execPath, entry: builtEntry('serve'), home });
const browser = await launchBrowser();
try {
  const { client, leave } = await server.enter();
  if (!existsSync(record)) await writeFile(record, JSON.stringify(await makeLibrary(client, models, (what) => say(`Making ${what}…`))));
  const made = JSON.parse(await readFile(record, 'utf8')) as Made;
  for await (const path of takePictures({ browser, address: server.address, client, made, output, only: values.only })) say(path);
  leave();
} finally {
  await browser.close();
  await server.stop();
  if (values.library === undefined) await rm(folder, { recursive: true, force: true });
}
