import { cp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { launchBrowser } from './browser.ts';
import { emptyHome, latheJson, startServing } from './program.ts';

const demo = fileURLToPath(new URL('../../resources/demo/model', import.meta.url));

/** More than the demo model's 1,024 tokens. */
const messages = Array.from({ length: 60 }, (_, index) => [
  { role: 'user', content: `How much is ${index} + 3?` },
  { role: 'assistant', content: `It is ${index + 3}.` },
]).flat();

test(
  'a conversation that has outgrown the context is summarised, which is said before, shown after, and kept',
  { timeout: 180_000 },
  async () => {
    const home = await emptyHome();
    const source = join(home, 'demo');
    await cp(demo, source, { recursive: true });
    await latheJson(home, ['quantize', source, '--to', 'F16', '--out', join(home, 'demo-F16.gguf')]);
    const file = join(home, 'long.json');
    await writeFile(file, JSON.stringify({ messages }));
    const { address } = await startServing(home);
    const browser = await launchBrowser();
    onTestFinished(() => browser.close());
    const page = await browser.newPage({ viewport: { width: 1360, height: 900 }, reducedMotion: 'reduce', locale: 'en-US' });
    await page.goto(address);
    await page.getByText('demo-F16').first().click();
    await page.getByRole('button', { name: 'Chat', exact: true }).click();
    const [chooser] = await Promise.all([
      page.waitForEvent('filechooser'),
      page.getByRole('button', { name: 'Import conversations' }).click(),
    ]);
    await chooser.setFiles(file);
    await page.getByText('How much is 59 + 3?').waitFor();

    const composer = page.locator('[data-composer]');
    await page.getByRole('button', { name: 'No model' }).click();
    await page
      .getByRole('option', { name: /demo-F16/ })
      .or(page.getByRole('button', { name: /demo-F16/ }))
      .first()
      .click();
    await composer.fill('What does a duck do?');
    await page.getByText(/^Too long by/).waitFor({ timeout: 60_000 });
    await page.getByRole('button', { name: 'Summarise the oldest', exact: true }).click();
    await page.getByText(/^The oldest \d+ messages will be summarised first/).waitFor();
    await composer.press('Enter');
    await page.getByRole('article').last().getByText('tokens/s').waitFor({ timeout: 60_000 });
    // Where one left off, after the page was opened anew.
    await page.reload();
    const messagesList = page.getByRole('log');
    const fold = page.getByRole('button', { name: 'Read as a summary from here up' });
    await page.getByText('What does a duck do?').waitFor();
    await expect
      .poll(
        async () => {
          await messagesList.evaluate((element) => element.scrollBy(0, -400));
          return fold.count();
        },
        { timeout: 30_000 },
      )
      .toBe(1);
    await fold.click();
    const id = await fold.getAttribute('aria-controls');
    expect((await page.locator(`[id="${id}"]`).innerText()).trim()).not.toBe('');
  },
);
