import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { launchBrowser } from './browser.ts';
import type { Scene } from './fake-handlers.ts';
import { openView } from './screen.ts';

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());

async function open(scene: Scene): Promise<Page> {
  const { page, problems, close } = await openView(browser, { scene, at: '/server', settings: { language: 'en' } });
  onTestFinished(async () => {
    await close();
    expect(problems).toEqual([]);
  });
  return page;
}

describe('the server', () => {
  test('is switched on and off by keyboard, and says where it listens', async () => {
    const page = await open('empty');
    const toggle = page.getByRole('switch', { name: 'Answer other programs' });
    await page.getByText('Off. Other programs are refused.').waitFor();
    await toggle.focus();
    await page.keyboard.press('Space');
    await page.getByText('http://127.0.0.1:11500/v1', { exact: true }).waitFor();
    await page.getByText('What other programs ask appears here').waitFor();
    await toggle.press('Space');
    await page.getByText('Off. Other programs are refused.').waitFor();
    expect(await page.getByText('http://127.0.0.1:11500/v1', { exact: true }).count()).toBe(0);
  });

  test('hides its key until it is asked for, and makes a new one only when that is confirmed', async () => {
    const page = await open('filled');
    const key = page.getByText(/^lathe-/);
    await page.getByRole('button', { name: 'Copy the key' }).waitFor();
    expect(await key.count()).toBe(0);
    await page.getByRole('button', { name: 'Show the key' }).click();
    const first = await key.textContent();
    await page.getByRole('button', { name: 'Make a new key' }).first().click();
    await page.getByText('Programs that have the present key are refused').waitFor();
    expect(await key.textContent()).toBe(first);
    await page.getByRole('group', { name: 'Make a new key' }).getByRole('button', { name: 'Make a new key' }).click();
    await expect.poll(() => key.textContent()).not.toBe(first);
  });

  test('shows how it is asked in three languages, never with the key', async () => {
    const page = await open('filled');
    for (const [name, sign] of [
      ['curl', 'Authorization: Bearer $LATHE_API_KEY'],
      ['Python', 'os.environ["LATHE_API_KEY"]'],
      ['JavaScript', 'process.env.LATHE_API_KEY'],
    ] as const) {
      await page.getByRole('radio', { name }).focus();
      await page.getByText(name, { exact: true }).first().click();
      await expect.poll(() => page.locator('figure pre').textContent()).toContain(sign);
      expect(await page.locator('figure pre').textContent()).not.toContain('lathe-k3y');
    }
  });

  test('lists what is asked, the newest first: model, tokens, how it ended', async () => {
    const page = await open('running');
    const rows = page.locator('tbody tr');
    await expect.poll(() => rows.count()).toBe(9);
    expect(await rows.nth(0).textContent()).toContain('Embeddings');
    expect(await rows.nth(0).textContent()).toContain('Running');
    const states = await rows.locator('td:last-child').allTextContents();
    expect(states).toEqual(['Running', 'Running', 'Failed · 503', 'Left by the program', 'Done', 'Refused · 404', 'Done', 'Done', 'Done']);
    expect(await rows.nth(6).textContent()).toContain('2,3112,254 reused96');
  });

  test('says when its port is taken, and stays off', async () => {
    const page = await open('error');
    await page.getByRole('switch').click();
    await page.getByText('Port 11500 is in use by another program.').waitFor();
    await page.getByText('Choose another port').waitFor();
    expect(await page.getByRole('switch').isChecked()).toBe(false);
  });
});
