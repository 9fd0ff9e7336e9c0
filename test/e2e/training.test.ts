import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { launchBrowser } from './browser.ts';
import { emptyHome, startServing } from './program.ts';

/** A first training run as a newcomer makes it, in a real browser on the real program, with the model and the samples that come with Lathe. */

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());

const sailor = /Ahoy|[Ss]ailor|[Ww]ind and the waves|[Tt]ide/;

test(
  'the demo model learns to talk like a sailor: checked, started, watched, paused, gone on with, ended, asked, merged',
  { timeout: 600_000 },
  async () => {
    const home = await emptyHome();
    const { address } = await startServing(home);
    const context = await browser.newContext({ viewport: { width: 1360, height: 900 }, reducedMotion: 'reduce', locale: 'en-US' });
    onTestFinished(() => context.close());
    const page = await context.newPage();
    const problems: string[] = [];
    page.on('pageerror', (error) => problems.push(error.stack ?? error.message));
    await page.goto(address);
    await page.getByRole('button', { name: /demo model/i }).click();
    await page.getByRole('button', { name: 'Open in chat' }).first().waitFor({ timeout: 60_000 });
    await page.keyboard.press('Escape');

    await page.keyboard.press('Alt+5');
    await page.getByRole('button', { name: 'Choose a model', exact: true }).waitFor();
    await page.getByRole('button', { name: /Base model/ }).click();
    await page.getByRole('button', { name: /Demo model-F16/ }).click();
    await page.getByRole('button', { name: 'Try it with the samples that come with Lathe' }).click();
    // The data as the model sees it: only the answers are learned.
    await page.getByText('As the model sees them; what it learns to say is marked').waitFor({ timeout: 60_000 });
    const learned = await page.locator('pre mark').first().innerText();
    expect(learned).toMatch(/^(Ahoy!|Aye, sailor!|By the wind and the waves!)/);
    await page
      .getByText(/^30[0-9]|^300$/)
      .first()
      .waitFor();
    await page.getByRole('button', { name: 'All settings' }).click();
    await page.getByRole('textbox', { name: 'Steps between samples' }).fill('10');
    await page.getByRole('textbox', { name: 'Steps between checkpoints' }).fill('10');
    await page.getByLabel('Prompts for samples').first().fill('What is a token?');
    await page.keyboard.press('Enter');
    await page.getByRole('textbox', { name: 'Name of the result' }).fill('sailor');
    await page.getByRole('button', { name: 'Start training' }).click();

    const stepNow = async (): Promise<number> =>
      Number(/step (\d+)/.exec(await page.getByRole('heading', { name: 'sailor' }).locator('..').innerText())?.[1] ?? 0);
    await expect.poll(stepNow, { timeout: 120_000 }).toBeGreaterThan(10);
    await page.getByRole('img', { name: 'Loss by step' }).waitFor();
    await page.getByRole('heading', { name: 'What it says while it learns' }).waitFor({ timeout: 60_000 });
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByRole('button', { name: 'Go on' }).waitFor({ timeout: 60_000 });
    const pausedAt = await stepNow();
    // A reload forgets nothing.
    await page.reload();
    await page.getByRole('button', { name: 'Go on' }).click();
    await expect.poll(stepNow, { timeout: 120_000 }).toBeGreaterThan(pausedAt);
    await expect.poll(stepNow, { timeout: 240_000 }).toBeGreaterThan(150);
    await page.getByRole('button', { name: 'Stop and keep' }).click();
    await page.getByText('Stopped; what was learned is kept.').waitFor({ timeout: 60_000 });

    // Before and after, to the same prompt; it is still there when the page comes back.
    const both = page.getByRole('region', { name: 'Before and after' });
    await both.getByRole('textbox').fill('What is quantization?');
    await both.getByRole('button', { name: 'Ask both' }).click();
    const pair = both.getByRole('listitem');
    await pair.waitFor({ timeout: 120_000 });
    await page.reload();
    await pair.waitFor();
    const [before = '', after = ''] = await pair.locator('div > p').allInnerTexts();
    expect(before).not.toMatch(sailor);
    expect(after).toMatch(sailor);

    // The adapter beside the weights, in a conversation.
    await page.getByRole('button', { name: 'Try it in chat' }).click();
    await page.locator('[data-composer]').waitFor();
    await page.keyboard.press('Control+.');
    await page.getByRole('textbox', { name: 'Temperature' }).fill('0');
    await page.locator('[data-composer]').fill('What is quantization?');
    await page.locator('[data-composer]').press('Enter');
    await page.getByText(/tokens\/s/).waitFor({ timeout: 60_000 });
    await expect.poll(() => page.getByRole('log').innerText()).toMatch(sailor);
    await page.keyboard.press('Alt+5');
    await page
      .getByRole('navigation', { name: 'Runs' })
      .getByRole('button', { name: /^sailor/ })
      .click();

    await page.getByRole('button', { name: 'Merge the adapter' }).click();
    await page.getByRole('button', { name: 'Merge and export' }).click({ timeout: 60_000 });
    const work = page.getByRole('region', { name: 'Work on adapters' });
    await work.getByText(/Certificate (green|amber)/).waitFor({ timeout: 180_000 });
    await work.getByRole('button', { name: 'Open in chat' }).first().click();
    const composer = page.locator('[data-composer]');
    await composer.waitFor();
    await page.getByRole('textbox', { name: 'Temperature' }).fill('0');
    await composer.fill('What is quantization?');
    await composer.press('Enter');
    await page.getByText(/tokens\/s/).waitFor({ timeout: 60_000 });
    // It says the same in another manner.
    await expect.poll(() => page.getByRole('log').innerText()).toMatch(sailor);
    expect(problems).toEqual([]);
  },
);
