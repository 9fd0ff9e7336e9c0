import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import carried, { inflate } from '@sparticuz/chromium';
import { chromium, type Browser, type LaunchOptions } from 'playwright-core';

/**
 * No sandbox: build machines run tests as root, where Chromium's does not start; the pages are our own. The rest keeps the
 * browser from talking to anyone else and from drawing with a graphics card that is not there.
 */
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

const COMMANDS = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome'];

/** Where installers put it when it is not on the PATH. */
function installedPaths(): string[] {
  if (process.platform === 'darwin') {
    const apps = ['Google Chrome.app/Contents/MacOS/Google Chrome', 'Chromium.app/Contents/MacOS/Chromium'];
    return ['/Applications', join(homedir(), 'Applications')].flatMap((folder) => apps.map((app) => join(folder, app)));
  }
  if (process.platform === 'win32') {
    const folders = ['ProgramFiles', 'ProgramFiles(x86)', 'LOCALAPPDATA'].map((name) => process.env[name]);
    return folders.flatMap((folder) => (folder === undefined ? [] : [join(folder, 'Google', 'Chrome', 'Application', 'chrome.exe')]));
  }
  return ['/usr/lib/chromium/chromium', '/snap/bin/chromium'];
}

/** The machine's own Chromium or Chrome, or null. CHROME_PATH names one that is elsewhere. */
export function systemBrowser(): string | null {
  const onPath = (process.env['PATH'] ?? '').split(delimiter).flatMap((folder) => COMMANDS.map((command) => join(folder, command)));
  const named = process.env['CHROME_PATH'];
  return [...(named === undefined ? [] : [named]), ...onPath, ...installedPaths()].find((path) => existsSync(path)) ?? null;
}

/** Unpacked once for the whole checkout; beside the packages, because a shared temporary folder belongs to everybody. */
const unpacked = fileURLToPath(new URL('../../node_modules/.lathe-chromium', import.meta.url));

/**
 * The Chromium that npm's @sparticuz/chromium carries (Linux on x64), with the libraries that it needs and a bare system
 * lacks. Several processes may come here at once: each unpacks for itself, and the first to finish puts its folder into place.
 */
export async function carriedBrowser(): Promise<LaunchOptions> {
  if (!existsSync(unpacked)) {
    const own = `${unpacked}.${process.pid}`;
    const before = process.env['TMPDIR'];
    await mkdir(own, { recursive: true });
    // The package unpacks into the temporary folder and has no option for another.
    process.env['TMPDIR'] = own;
    try {
      await carried.executablePath();
      await inflate(fileURLToPath(new URL('../bin/al2023.tar.br', import.meta.resolve('@sparticuz/chromium'))));
    } finally {
      if (before === undefined) delete process.env['TMPDIR'];
      else process.env['TMPDIR'] = before;
    }
    await rename(own, unpacked).catch(() => rm(own, { recursive: true, force: true }));
  }
  const libraries = [join(unpacked, 'al2023', 'lib'), process.env['LD_LIBRARY_PATH'] ?? ''].filter((path) => path !== '').join(':');
  return { executablePath: join(unpacked, 'chromium'), env: { ...process.env, LD_LIBRARY_PATH: libraries } };
}

/** Start a headless browser: the machine's own, else the carried one. The caller closes it. `flags`: more of Chromium's. */
export async function launchBrowser(options?: LaunchOptions, flags: readonly string[] = []): Promise<Browser> {
  const system = systemBrowser();
  const found = options ?? (system === null ? await carriedBrowser() : { executablePath: system });
  return chromium.launch({ ...found, args: [...FLAGS, ...flags] });
}
