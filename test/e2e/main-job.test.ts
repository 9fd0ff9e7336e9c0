import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { realModelPath, realModels, realModelsNote } from '#test/real-models.ts';
import { launchBrowser } from './browser.ts';
import { emptyHome, lathe, startServing } from './program.ts';

/** The main job as a newcomer does it, in a real browser on the real program: add a model, convert it, chat with the result. */

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());

async function openApp(home: string) {
  const { address } = await startServing(home);
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, reducedMotion: 'reduce', locale: 'en-US' });
  onTestFinished(() => context.close());
  const page = await context.newPage();
  const problems: string[] = [];
  page.on('pageerror', (error) => problems.push(error.stack ?? error.message));
  await page.goto(address);
  await page.getByText('Your models live here').waitFor();
  return { page, problems };
}

async function add(page: Page, path: string): Promise<void> {
  await page.keyboard.press('Control+o');
  await page.getByLabel('File or folder').fill(path);
  // Closes the list of the path field, and not the dialog.
  await page.waitForTimeout(500);
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Add', exact: true }).click();
}

const PROMPT = 'Once upon a time, ';
const TOKENS = 100;

test.runIf(realModels !== null).each([
  ['story656k', 'story656K-f32.gguf', 'F32'],
  ['story656k', 'story656K-f32.gguf', 'F16'],
  ['story656k', 'story656K-f32.gguf', 'BF16'],
  ['stories260k', 'stories260K-f32.gguf', 'F32'],
  ['stories260k', 'stories260K-f32.gguf', 'F16'],
  ['stories260k', 'stories260K-f32.gguf', 'BF16'],
] as const)(
  `%s is added, converted and chatted with; %s says the same greedily (%s)${realModelsNote}`,
  { timeout: 120_000 },
  async (name, reference, target) => {
    const home = await emptyHome();
    const { page, problems } = await openApp(home);
    await add(page, realModelPath(name));
    await page.getByRole('button', { name: 'Quantize', exact: true }).click();
    await page.getByRole('button', { name: /^All types/ }).click();
    await page.getByRole('checkbox', { name: target, exact: true }).check({ force: true });
    await page.getByRole('switch', { name: 'Measure what was lost' }).uncheck({ force: true });
    await page.getByRole('button', { name: `Make ${target}` }).click();
    await page.getByRole('button', { name: 'Open in chat' }).first().click({ timeout: 60_000 });
    const composer = page.locator('[data-composer]');
    await composer.waitFor();
    await page.keyboard.press('Control+.');
    await page.getByRole('textbox', { name: 'Temperature' }).fill('0');
    await page.getByRole('textbox', { name: 'Longest answer' }).fill(String(TOKENS));
    await composer.fill(PROMPT);
    await composer.press('Enter');
    await page.getByText(/tokens\/s/).waitFor({ timeout: 60_000 });
    const shown = (await page.getByRole('log').innerText()).replaceAll(/\s+/g, ' ');
    const { stdout } = await lathe(await emptyHome(), [
      'generate',
      realModelPath(name, reference),
      '--prompt',
      PROMPT,
      '--tokens',
      String(TOKENS),
      '--greedy',
      '--json',
    ]);
    const { text } = JSON.parse(stdout) as { readonly text: string };
    expect(text.length).toBeGreaterThan(100);
    // A conversion to fewer bits may part from the original where two tokens are nearly as likely.
    const words = text.replaceAll(/\s+/g, ' ').trim();
    expect(shown).toContain(target === 'F32' ? words : words.slice(0, 40));
    expect(problems).toEqual([]);
  },
);

test.runIf(realModels !== null)(
  `what quantizing cost is measured and shown, by the figures of llama.cpp${realModelsNote}`,
  { timeout: 300_000 },
  async () => {
    const { page, problems } = await openApp(await emptyHome());
    await add(page, realModelPath('story656k'));
    await page.getByRole('button', { name: 'Quantize', exact: true }).click();
    await page.getByRole('checkbox', { name: 'Q8_0', exact: true }).check({ force: true });
    await page.getByRole('button', { name: 'Make Q8_0' }).click();
    const family = page.getByRole('region', { name: 'Which one should I take?' });
    await family.getByText('The source').waitFor({ timeout: 200_000 });
    await page.getByRole('button', { name: 'Quality card' }).click();
    await page.getByText('Tensors that changed most').waitFor();
    expect(await family.innerText()).toMatch(/Take .*Q8_0: the smallest that loses less than 1% of perplexity/);
    const row = page.getByRole('table', { name: 'What it can become' }).getByRole('row').filter({ hasText: 'Q8_0' });
    await expect.poll(() => row.innerText()).toMatch(/KL 0\.00/);
    await family.getByRole('link', { name: /Q8_0$/ }).click();
    await page.getByRole('tab', { name: 'Quality' }).click();
    await page.getByText('How both go on').waitFor();
    expect(problems).toEqual([]);
  },
);

test('a newcomer without a model makes one up, and it answers', { timeout: 120_000 }, async () => {
  const { page, problems } = await openApp(await emptyHome());
  await page.getByRole('button', { name: /demo model/i }).click();
  await page.getByRole('button', { name: 'Open in chat' }).first().click({ timeout: 60_000 });
  const composer = page.locator('[data-composer]');
  await composer.fill('Hello, 你好!');
  await composer.press('Enter');
  await page.getByText(/tokens\/s/).waitFor({ timeout: 60_000 });
  await expect.poll(() => page.getByRole('log').innerText()).toContain('Hello, 你好!');
  expect(problems).toEqual([]);
});
