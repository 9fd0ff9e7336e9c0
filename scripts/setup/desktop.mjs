// @ts-check
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runQuietly } from './child.mjs';
import { modulesStamp } from './dependencies.mjs';
import { modules, pinnedNode, say } from './paths.mjs';
import { readStamp, writeStamp } from './stamp.mjs';

const DAY_MS = 24 * 3600 * 1000;
/** How long the download's address may take to answer before Electron counts as out of reach. */
const REACH_MS = 5000;
/** About 100 MB at 0.5 MB/s. */
const DOWNLOAD_MS = 200_000;

const folder = join(modules, 'electron');

/** @returns {string | null} the path of Electron's binary, null when it is not here */
export function electronBinary() {
  try {
    const dist = process.env['ELECTRON_OVERRIDE_DIST_PATH'] ?? join(folder, 'dist');
    const path = join(dist, readFileSync(join(folder, 'path.txt'), 'utf8'));
    return existsSync(path) ? path : null;
  } catch {
    return null;
  }
}

/**
 * Why no window can open on this machine, whatever is installed.
 * @param {{ platform: string, env: Record<string, string | undefined>, uid: number | undefined }} machine
 * @returns {string | null} null when one can
 */
export function noWindowReason({ platform, env, uid }) {
  if (platform !== 'linux') return null;
  if (!env['DISPLAY'] && !env['WAYLAND_DISPLAY']) return 'there is no display';
  // Chromium's sandbox refuses root, and Lathe does not run without its sandbox.
  if (uid === 0) return 'Electron does not run as root';
  return null;
}

/**
 * Electron's binary, fetched when it is missing. A failure is remembered for a day: the next start must not wait for it again.
 * @returns {Promise<string | null>} null when it cannot be had
 */
export async function ensureElectron() {
  const present = electronBinary();
  if (present !== null) return present;
  const failedMs = Number(readStamp(modulesStamp)['electronFailedMs'] ?? 0);
  if (Date.now() - failedMs < DAY_MS) return null;
  if (await isReachable()) {
    say('Fetching Electron (once, about 100 MB)…');
    await runQuietly(pinnedNode, [join(folder, 'install.js')], { timeoutMs: DOWNLOAD_MS });
  }
  const fetched = electronBinary();
  if (fetched === null) remember({ electronFailedMs: Date.now() });
  return fetched;
}

/** Where the packages belong to somebody else, the next start tries again. @param {Record<string, number>} fields */
function remember(fields) {
  try {
    writeStamp(modulesStamp, fields);
  } catch {
    // Nothing is lost but a few seconds.
  }
}

async function isReachable() {
  const { env } = process;
  // Electron's installer knows these ways round; the plain request below does not.
  if (['HTTPS_PROXY', 'https_proxy', 'ELECTRON_MIRROR', 'npm_config_electron_mirror'].some((name) => env[name])) return true;
  const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const name = `electron-v${version}-${process.platform}-${process.arch}.zip`;
  try {
    const url = `https://github.com/electron/electron/releases/download/v${version}/${name}`;
    return (await fetch(url, { method: 'HEAD', signal: AbortSignal.timeout(REACH_MS) })).ok;
  } catch {
    return false;
  }
}
