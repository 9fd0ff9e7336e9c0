import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { launchBrowser } from './browser.ts';
import { openView } from './screen.ts';

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());

// Toasts stand outside every screen's own boundary: one that could not be rendered took the whole page away.
test('a toast that cannot be rendered goes, says why, and leaves the page and later toasts as they were', async () => {
  const { page, close } = await openView(browser, {
    scene: 'filled',
    settings: { language: 'en', colorScheme: 'light' },
    at: '/library?model=qwen7',
  });
  onTestFinished(close);
  // React sets attributes while it renders, children first: as if a toast's own code had failed.
  await page.evaluate(() => {
    const set = Element.prototype.setAttribute;
    Element.prototype.setAttribute = function (name, value) {
      if (value === 'alert' && this.textContent.includes('Undo')) throw new Error('broken on purpose');
      set.call(this, name, value);
    };
  });
  await page.keyboard.press('Delete');
  await page.getByRole('button', { name: 'Remove', exact: true }).click();
  await page.getByText('Something unexpected happened: broken on purpose.').waitFor();
  expect(await page.getByRole('alert').count()).toBe(1);
  expect(await page.getByRole('heading', { level: 1 }).first().textContent()).toContain('Library');
});
