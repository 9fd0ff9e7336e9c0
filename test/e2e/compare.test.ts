import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { launchBrowser } from './browser.ts';
import { openView } from './screen.ts';
import { emptyHome, latheJson, startServing } from './program.ts';

/** Answers laid beside one another: on the real program, and with a stand-in one that is left while it is being made. */

const demo = fileURLToPath(new URL('../../resources/demo/model', import.meta.url));

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());

const answer = (page: Page) => page.getByRole('article').last();

test('answers of other models stand beside the first, by the same seed', { timeout: 180_000 }, async () => {
  const home = await emptyHome();
  const source = join(home, 'demo');
  await cp(demo, source, { recursive: true });
  for (const target of ['Q8_0', 'Q4_0'])
    await latheJson(home, ['quantize', source, '--to', target, '--out', join(home, `demo-${target}.gguf`)]);
  const { address } = await startServing(home);
  const context = await browser.newContext({ viewport: { width: 1360, height: 900 }, reducedMotion: 'reduce', locale: 'en-US' });
  onTestFinished(() => context.close());
  const page = await context.newPage();
  const problems: string[] = [];
  page.on('pageerror', (error) => problems.push(error.stack ?? error.message));
  await page.goto(address);
  await page.getByText('demo-Q8_0').first().click();
  await page.getByRole('button', { name: 'Chat', exact: true }).click();
  const composer = page.locator('[data-composer]');
  await composer.fill('Tell me a story about a fox.');
  await composer.press('Enter');
  await answer(page).getByText('tokens/s').waitFor({ timeout: 60_000 });
  const first = await answer(page).innerText();

  await answer(page).getByRole('button', { name: 'More for this answer' }).click();
  await page.getByRole('menuitem', { name: 'Compare…' }).click();
  const dialog = page.getByRole('dialog', { name: 'Compare answers' });
  await dialog
    .getByRole('option', { name: /demo-Q4_0/ })
    .or(dialog.getByRole('button', { name: /demo-Q4_0/ }))
    .first()
    .click();
  // It stays open while the other answer takes the place of the first in the conversation behind it.
  await dialog.getByRole('button', { name: 'Keep this one' }).nth(1).waitFor({ timeout: 60_000 });
  const sides = await dialog.getByRole('region').allInnerTexts();
  expect(sides).toHaveLength(2);
  expect(sides[0]).toContain('demo-Q8_0');
  expect(sides[1]).toContain('demo-Q4_0');

  // By the same model and seed the answer is the same, word for word: a third one beside both.
  await dialog.getByRole('button', { name: 'Compare with another' }).click();
  await dialog
    .getByRole('option', { name: /demo-Q4_0/ })
    .or(dialog.getByRole('button', { name: /demo-Q4_0/ }))
    .first()
    .click();
  await dialog.getByRole('button', { name: 'Keep this one' }).nth(2).waitFor({ timeout: 60_000 });
  const texts = await dialog.getByRole('region').getByRole('group').allInnerTexts();
  expect(texts[2]).toBe(texts[1]);

  await dialog.getByRole('button', { name: 'Keep this one' }).first().click();
  await dialog.waitFor({ state: 'detached' });
  expect(await answer(page).innerText()).toContain(first.slice(0, 40));
  await answer(page).getByText('1 / 3', { exact: true }).waitFor();
  expect(problems).toEqual([]);
});

test('an answer that is being made stops when the comparison is left', async () => {
  const { page, problems, close } = await openView(browser, {
    scene: 'running',
    settings: { language: 'en', colorScheme: 'light' },
    at: '/chat/t1',
  });
  onTestFinished(close);
  await answer(page).getByRole('button', { name: 'More for this answer' }).click();
  await page.getByRole('menuitem', { name: 'Compare…' }).click();
  const dialog = page.getByRole('dialog', { name: 'Compare answers' });
  await dialog.getByText('SmolLM3 3B Q4_K_M').click();
  await dialog.getByRole('region', { name: 'The answer is being made…' }).waitFor();
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  await page.getByRole('button', { name: 'Stop', exact: true }).waitFor({ state: 'detached' });
  // What was made of it is one more version.
  await answer(page).getByText('2 / 2', { exact: true }).waitFor();
  expect(problems).toEqual([]);
});
