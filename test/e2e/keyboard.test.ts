import { fileURLToPath } from 'node:url';
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { launchBrowser } from './browser.ts';
import { emptyHome, startServing } from './program.ts';

const model = fileURLToPath(new URL('../../resources/demo/model', import.meta.url));

/** More than any screen has. */
const MOST_STOPS = 80;

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());

/** What could mark an element as the one with the focus: of itself, of what is drawn in its place, and of what it lies in. */
const look = (element: Locator): Promise<string> =>
  element.evaluate((one) =>
    [one, one.nextElementSibling, one.parentElement, one.parentElement?.parentElement]
      .map((each) => (each instanceof Element ? getComputedStyle(each) : null))
      .map((style) => `${style?.outline} ${style?.boxShadow} ${style?.borderColor}`)
      .join('; '),
  );

const hasFocus = (element: Locator): Promise<boolean> => element.evaluate((one) => one === document.activeElement);

/** Go on with the Tab key until the element has the focus, and see that it is marked. */
async function tabTo(page: Page, elements: Locator): Promise<void> {
  const element = elements.first();
  await element.waitFor({ timeout: 60_000 });
  if (await hasFocus(element)) return;
  const before = await look(element);
  for (let stop = 0; stop < MOST_STOPS; stop++) {
    await page.keyboard.press('Tab');
    if (!(await hasFocus(element))) continue;
    await expect.poll(() => look(element)).not.toBe(before);
    return;
  }
  throw new Error(`The Tab key never comes to ${String(element)}.`);
}

test('the whole main job goes by keyboard alone: add a model, quantize it, chat with the result', { timeout: 180_000 }, async () => {
  const { address } = await startServing(await emptyHome());
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, reducedMotion: 'reduce', locale: 'en-US' });
  onTestFinished(() => context.close());
  const page = await context.newPage();
  await page.goto(address);
  await page.getByText('Your models live here').waitFor();
  const button = (name: string | RegExp): Locator => page.getByRole('button', { name, exact: true });

  await page.keyboard.press('Control+o');
  await tabTo(page, page.getByLabel('File or folder'));
  await page.keyboard.press('Control+a');
  await page.keyboard.type(model);
  // Closes the list of the path field, and not the dialog.
  await page.getByRole('listbox').waitFor();
  await page.keyboard.press('Escape');
  await tabTo(page, button('Add'));
  await page.keyboard.press('Enter');

  await tabTo(page, button('Quantize'));
  await page.keyboard.press('Enter');
  await tabTo(page, page.getByRole('checkbox', { name: 'F16', exact: true }));
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Space');
  await tabTo(page, page.getByRole('switch', { name: 'Measure what was lost' }));
  await page.keyboard.press('Space');
  await tabTo(page, button('Make Q8_0'));
  await page.keyboard.press('Enter');

  await tabTo(page, button('Open in chat'));
  await page.keyboard.press('Enter');
  await tabTo(page, page.locator('[data-composer]'));
  await page.keyboard.type('What is a token?');
  await page.keyboard.press('Enter');
  await page.getByText(/tokens\/s/).waitFor({ timeout: 60_000 });
  await expect.poll(() => page.getByRole('log').innerText()).toContain('What is a token?');
});
