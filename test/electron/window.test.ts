import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { _electron, type ElectronApplication, type Page } from 'playwright-core';
import { describe, expect, onTestFinished, test } from 'vitest';
import { electronBinary, noWindowReason } from '../../scripts/setup/desktop.mjs';
import { writeGeneratedModel } from '../engine/generated-model.ts';

/** The real window, end to end, where a window can open. Elsewhere the names of the skipped tests say why. */

const root = fileURLToPath(new URL('../..', import.meta.url));
const binary = electronBinary();
const reason =
  binary === null
    ? 'Electron’s binary is not here (node node_modules/electron/install.js)'
    : noWindowReason({ platform: process.platform, env: process.env, uid: process.getuid?.() });
const note = reason === null ? '' : ` (skipped: ${reason})`;

interface OpenWindow {
  readonly app: ElectronApplication;
  readonly page: Page;
}

async function openWindow(home: string, args: readonly string[] = []): Promise<OpenWindow> {
  const app = await _electron.launch({
    executablePath: binary ?? '',
    args: [root, ...args],
    env: { ...process.env, LATHE_HOME: home, NODE_OPTIONS: '' },
  });
  onTestFinished(() => app.close());
  const page = await app.firstWindow();
  await page.locator('main h1').first().waitFor();
  return { app, page };
}

async function emptyHome(): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), 'lathe window 窗口 '));
  onTestFinished(() => rm(home, { recursive: true, force: true }));
  return home;
}

describe.skipIf(reason !== null)(`the desktop window${note}`, () => {
  test('has pages of its own origin, without Node, and only what the policy lets in', async () => {
    const { page } = await openWindow(await emptyHome());
    expect(new URL(page.url()).protocol).toBe('app:');
    expect(await page.evaluate(() => ['require', 'process', 'module'].filter((name) => name in globalThis))).toEqual([]);
    const refused = await page.evaluate(() =>
      fetch('https://example.org/').then(
        () => 'let through',
        () => 'refused',
      ),
    );
    expect(refused).toBe('refused');
  });

  test('makes a demo model and talks with it: both engines run as processes of Electron’s', async () => {
    const { app, page } = await openWindow(await emptyHome());
    await page.getByRole('button', { name: 'Create a demo model' }).click();
    await page.getByRole('option').first().waitFor();
    await page.keyboard.press('ControlOrMeta+2');
    await page.locator('[data-composer]').fill('Hello');
    await page.keyboard.press('Enter');
    await page.getByRole('article').nth(1).waitFor();
    await expect.poll(async () => page.locator('article[aria-busy="true"]').count(), { timeout: 50_000 }).toBe(0);
    expect((await page.getByRole('article').last().innerText()).trim()).not.toBe('');
    const kinds = await app.evaluate(({ app: electron }) => electron.getAppMetrics().map(({ name, type }) => `${type} ${name ?? ''}`));
    expect(kinds.filter((kind) => /Utility Lathe/.test(kind)).length).toBeGreaterThanOrEqual(1);
  });

  test('a file that is opened with it is in the library and chosen', async () => {
    const home = await emptyHome();
    const path = join(home, 'opened 模型.gguf');
    await writeGeneratedModel(path);
    const { page } = await openWindow(home, [path]);
    const chosen = page.getByRole('option', { selected: true });
    await chosen.waitFor();
    expect(await chosen.innerText()).toContain('opened 模型');
  });

  test('opens no other page', async () => {
    const { app, page } = await openWindow(await emptyHome());
    await page.evaluate(() => void window.open('https://example.org/'));
    await page.evaluate(() => void (location.href = 'file:///etc/passwd'));
    expect(app.windows()).toHaveLength(1);
    expect(new URL(page.url()).protocol).toBe('app:');
  });
});
