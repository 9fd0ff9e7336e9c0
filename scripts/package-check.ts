// Packs the app as a release would be, and uses it from inside the package. Electron's binary is replaced by our own Node
// under its name, so this needs no download; docs/packages.md says what that proves and what it does not, and keeps the table that `--sizes` prints.
// `npm run package:check -- cpu` and `-- cuda` do it for the packages of these names.
import { spawnSync } from 'node:child_process';
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { AppClient } from '#contract/index.ts';
import type { JobSpec } from '#contract/jobs.ts';
import { quantizeOptions } from '#contract/quantize.ts';
import { writeNotices } from './notices.ts';
import { listArchive, unfold } from './package/archive.ts';
import { packageSizes } from './package/sizes.ts';
import { startServing, type Serving } from './serving.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
/** Which libraries of llama.cpp a package carries, by its name; all have the processor's. */
const VARIANTS = { standard: ['vulkan'], cpu: [], cuda: ['vulkan', 'cuda'] } as const;
const variantNames = Object.keys(VARIANTS) as readonly (keyof typeof VARIANTS)[];
const say = (text: string): void => void process.stdout.write(`${text}\n`);

function check(holds: boolean, claim: string): void {
  say(`${holds ? 'ok' : 'FAILED'}: ${claim}`);
  if (!holds) throw new Error(claim);
}

/** A folder that electron-builder takes for an unpacked Electron. */
async function makeStandIn(folder: string): Promise<void> {
  await mkdir(join(folder, 'resources'), { recursive: true });
  await copyFile(process.execPath, join(folder, 'electron'));
  await chmod(join(folder, 'electron'), 0o755);
  const { version } = JSON.parse(await readFile(join(root, 'node_modules', 'electron', 'package.json'), 'utf8')) as { version: string };
  await writeFile(join(folder, 'version'), version);
  for (const name of ['LICENSE', 'LICENSES.chromium.html']) await writeFile(join(folder, name), '');
}

function pack(standIn: string, output: string, variant: keyof typeof VARIANTS): void {
  const builder = join(root, 'node_modules', 'electron-builder', 'cli.js');
  const config = variant === 'standard' ? 'electron-builder.yml' : join('packaging', `${variant}.yml`);
  const args = [builder, '--dir', '--linux', '--config', config, `-c.electronDist=${standIn}`, `-c.directories.output=${output}`];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
  if (status !== 0) throw new Error(`electron-builder failed:\n${stdout}${stderr}`);
}

function checkArchive(archive: string, variant: keyof typeof VARIANTS): void {
  const files = listArchive(archive);
  const has = (path: string): boolean => files.some((file) => file.path === path);
  for (const entry of [
    'main/index.js',
    'main/serve.js',
    'main/cli.js',
    'main/engine.js',
    'preload/index.cjs',
    'renderer/index.html',
    'THIRD-PARTY.md',
  ])
    check(has(`out/${entry}`), `the archive holds out/${entry}`);
  const foreign = files.filter(({ path }) => /^(src|test|scripts|docs|build)\//.test(path));
  check(foreign.length === 0, 'the archive holds no sources and no tests');
  const native = files.filter(({ path }) => /\.(node|so|dylib|dll)(\.\d+)*$/.test(path));
  check(native.length > 0 && native.every(({ unpacked }) => unpacked), `all ${native.length} native files lie outside the archive`);
  check(has('out/native/lathe.node'), 'the native addon is among them');
  const libraries = native.filter(({ path }) => path.startsWith('node_modules/@node-llama-cpp/'));
  check(libraries.length > 0, `so are llama.cpp’s libraries (${libraries.length})`);
  const packages = new Set(libraries.map(({ path }) => path.split('/')[2] ?? ''));
  const expected = ['', ...VARIANTS[variant]].map((name) => (name === '' ? '' : `-${name}`));
  const known = new Set(expected.flatMap((name) => [name, `${name}-ext`]).map((name) => `linux-${process.arch}${name}`));
  check(
    [...packages].every((name) => known.has(name)),
    `for this system alone: ${[...packages].join(', ')}`,
  );
  check(
    VARIANTS[variant].every((name) => packages.has(`linux-${process.arch}-${name}`)),
    `with all that ${variant} promises`,
  );
}

/** Start the packaged server far from the checkout; nothing of it must be found by accident. */
const startPackaged = (app: string, home: string): Promise<Serving> =>
  startServing({
    command: join(app, 'lathe'),
    entry: join(app, 'resources', 'app.asar', 'out', 'main', 'serve.js'),
    home,
    cwd: '/',
    env: { PATH: '/usr/bin:/bin', HOME: home },
  });

async function runJob(client: AppClient, spec: JobSpec): Promise<string> {
  const { id: jobId } = await client.jobs.start({ spec });
  let last;
  for await (const job of client.jobs.watch({ jobId })) last = job;
  if (last?.state !== 'done' || last.result === null || !('modelId' in last.result))
    throw new Error(`${spec.kind}: ${JSON.stringify(last?.error)}`);
  return last.result.modelId;
}

async function useIt(client: AppClient, home: string): Promise<void> {
  const demo = await runJob(client, { kind: 'demo', name: 'Packaged' });
  const { lineage } = await client.library.get({ modelId: demo });
  check(true, 'the tensor engine makes a demo model');
  const source = lineage.parents[0]?.modelId ?? '';
  const modelId = await runJob(client, {
    kind: 'quantize',
    modelId: source,
    target: 'F32',
    outputPath: join(home, 'packaged.gguf'),
    options: quantizeOptions.parse({}),
    quality: null,
  });
  check(true, 'the tensor engine converts it');
  let text = '';
  for await (const event of client.chat.generate({ modelId, prompt: 'The ', sampling: { maxTokens: 8, temperature: 0 } }))
    if (event.type === 'finished') ({ text } = event);
  check(text.length > 0, 'the inference engine generates with llama.cpp’s packaged libraries');
}

const { positionals, values } = parseArgs({ allowPositionals: true, options: { sizes: { type: 'boolean', default: false } } });
const variant = variantNames.find((name) => name === (positionals[0] ?? 'standard'));
if (variant === undefined) {
  say(`There are the packages ${variantNames.join(', ')}.`);
  process.exit(1);
}
if (process.platform !== 'linux') {
  say('The stand-in is made for Linux; on this system use electron-builder --dir with the real Electron.');
  process.exit(1);
}

// Outside the checkout: in a folder below it, Node would find its node_modules.
const work = await mkdtemp(join(tmpdir(), 'lathe-package-'));
try {
  await makeStandIn(join(work, 'standin'));
  await writeNotices();
  say('Packing…');
  pack(join(work, 'standin'), join(work, 'dist'), variant);
  const app = join(work, 'dist', 'linux-unpacked');
  const archive = join(app, 'resources', 'app.asar');
  checkArchive(archive, variant);
  // Compressing takes longer than all the rest.
  if (values.sizes) say(await packageSizes(app));
  await unfold(archive);
  const server = await startPackaged(app, join(work, 'home'));
  try {
    const page = await fetch(server.address.origin);
    check(page.status === 200 && (await page.text()).includes('<div id="root">'), 'the packaged server serves the page');
    await useIt((await server.enter()).client, work);
  } finally {
    await server.stop();
  }
  say('The package works.');
} finally {
  await rm(work, { recursive: true, force: true });
}
