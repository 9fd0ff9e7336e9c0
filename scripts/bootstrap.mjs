// @ts-check
// The one way in: sets up what is missing, then runs what was asked. Plain Node 20 and no packages, because it runs before
// there are any. What it has to say goes to stderr, so that the output of `lathe` stays its own.
import { join } from 'node:path';
import { ensureApp } from './setup/app.mjs';
import { runInPlace } from './setup/child.mjs';
import { ensureDependencies } from './setup/dependencies.mjs';
import { ensureElectron, noWindowReason } from './setup/desktop.mjs';
import { builtEntry, pinnedNode, root, say, SetupError } from './setup/paths.mjs';
import { runTests } from './setup/test.mjs';

const OLDEST_NODE = 20;
/** Electron that ends with an error this soon has not started: a missing library, or a sandbox that the system forbids. */
const ELECTRON_START_MS = 4000;

const [command = '', ...args] = process.argv.slice(2);

/** npm runs scripts in the package's folder; the user's paths are relative to where the user is. */
const userFolder = (process.env['npm_lifecycle_event'] === command ? process.env['INIT_CWD'] : undefined) ?? process.cwd();

/** @returns {Promise<number>} the exit code */
async function main() {
  if (Number.parseInt(process.versions.node) < OLDEST_NODE)
    throw new SetupError(`Lathe needs Node ${OLDEST_NODE} or newer to start; this is ${process.version}. Get it from https://nodejs.org.`);
  const run = commands[command];
  if (run === undefined) throw new SetupError(`Usage: node scripts/bootstrap.mjs ${Object.keys(commands).join(' | ')}`);
  await ensureDependencies();
  return run();
}

async function ensureNative() {
  const { buildNative } = await import('./build-native.mjs');
  await buildNative();
}

async function ensureBuilt() {
  await ensureNative();
  await ensureApp();
}

/** @param {string[]} nodeArgs */
const runNode = async (...nodeArgs) => (await runInPlace(pinnedNode, nodeArgs, { cwd: root })).code;

/** @type {Record<string, () => Promise<number>>} */
const commands = {
  start: async () => {
    await ensureBuilt();
    let reason = noWindowReason({ platform: process.platform, env: process.env, uid: process.getuid?.() });
    const electron = reason === null ? await ensureElectron() : null;
    if (electron !== null) {
      const outcome = await runInPlace(electron, [root, ...args], { cwd: userFolder });
      if (outcome.code === 0 || outcome.durationMs > ELECTRON_START_MS) return outcome.code;
      reason = `Electron ended at once with code ${outcome.code}`;
    }
    say(`No desktop window: ${reason ?? 'Electron could not be fetched'}. Serving the same app to a browser.`);
    return (await runInPlace(pinnedNode, [builtEntry('serve'), ...args], { cwd: userFolder })).code;
  },
  lathe: async () => {
    await ensureBuilt();
    return (await runInPlace(pinnedNode, [builtEntry('cli'), ...args], { cwd: userFolder })).code;
  },
  test: () => runTests(args, ensureNative),
  bench: async () => {
    await ensureBuilt();
    return runNode(join(root, 'scripts', 'bench.ts'), ...args);
  },
  faults: async () => {
    await ensureNative();
    return runNode(join(root, 'scripts', 'faults.ts'), ...args);
  },
  fuzz: () => runNode(join(root, 'scripts', 'fuzz.ts'), ...args),
  'fuzz-native': () => runNode(join(root, 'scripts', 'fuzz-native.ts'), ...args),
  'demo-model': async () => {
    await ensureNative();
    return runNode(join(root, 'scripts', 'train-demo-model.ts'), ...args);
  },
  pictures: async () => {
    await ensureBuilt();
    return runNode(join(root, 'scripts', 'pictures.ts'), ...args);
  },
  scale: async () => {
    await ensureBuilt();
    return runNode(join(root, 'scripts', 'scale.ts'), ...args);
  },
  soak: async () => {
    await ensureBuilt();
    return runNode(join(root, 'scripts', 'soak.ts'), ...args);
  },
  package: async () => {
    await ensureBuilt();
    await runNode(join(root, 'scripts', 'notices.ts'));
    // Whoever publishes does it by hand, after having tried what was built.
    return runNode(join(root, 'node_modules', 'electron-builder', 'cli.js'), '--publish', 'never', ...args);
  },
  'package-check': async () => {
    await ensureBuilt();
    return runNode(join(root, 'scripts', 'package-check.ts'), ...args);
  },
  build: async () => {
    await ensureBuilt();
    return 0;
  },
};

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  say(error.message);
  process.exitCode = 1;
}
