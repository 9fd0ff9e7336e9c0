import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser } from 'playwright-core';
import { launchBrowser } from '#test/e2e/browser.ts';
import { median, spread, type BenchRow } from './row.ts';

export const name = 'start';

const ROUNDS = 5;
const root = fileURLToPath(new URL('../..', import.meta.url));

/** From `npm start`, when everything is built, to the address, and to a page that shows the app. In milliseconds. */
async function startOnce(browser: Browser): Promise<{ addressMs: number; pageMs: number }> {
  const home = await mkdtemp(join(tmpdir(), 'lathe-bench-'));
  // Without a display: the browser is the window, and its start is not Lathe's.
  const env = { ...process.env, LATHE_HOME: home, DISPLAY: '', WAYLAND_DISPLAY: '' };
  const startedMs = performance.now();
  const child = spawn('npm', ['start'], { cwd: root, env, stdio: ['ignore', 'pipe', 'inherit'], shell: process.platform === 'win32' });
  const page = await browser.newPage();
  try {
    const address = await addressOf(child);
    const addressMs = performance.now() - startedMs;
    await page.goto(address);
    await page.getByRole('navigation').first().waitFor();
    return { addressMs, pageMs: performance.now() - startedMs };
  } finally {
    await page.close();
    const ended = new Promise((resolve) => child.on('close', resolve));
    child.kill('SIGTERM');
    await ended;
    await rm(home, { recursive: true, force: true });
  }
}

function addressOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let output = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      const found = /http:\/\/\S+/.exec(output)?.[0];
      if (found !== undefined) resolve(found);
    });
    child.on('close', (code) => reject(new Error(`npm start ended with code ${code}: ${output}`)));
  });
}

export async function run(): Promise<BenchRow[]> {
  const browser = await launchBrowser();
  try {
    // The first one fills the system's file cache.
    await startOnce(browser);
    const rounds: Awaited<ReturnType<typeof startOnce>>[] = [];
    for (let round = 0; round < ROUNDS; round++) rounds.push(await startOnce(browser));
    const seconds = (pick: (round: Awaited<ReturnType<typeof startOnce>>) => number): number[] => rounds.map((round) => pick(round) / 1000);
    const [address, page] = [seconds(({ addressMs }) => addressMs), seconds(({ pageMs }) => pageMs)];
    return [
      { name: 'npm start to the address', value: median(address), unit: 's', spread: spread(address) },
      { name: 'npm start to a page that shows the app', value: median(page), unit: 's', spread: spread(page), goal: '≤ 5 s' },
    ];
  } finally {
    await browser.close();
  }
}
