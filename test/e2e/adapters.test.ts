import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { writeGeneratedModel } from '#test/engine/generated-model.ts';
import { randomAdapter } from '#test/engine/lora/adapters.ts';
import { launchBrowser } from './browser.ts';
import { emptyHome, startServing } from './program.ts';

/** Adapters as a user meets them, in a real browser on the real program: added, seen to fit, merged, proved, chatted with. */

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());

/** The program with a model, a wider one, and an adapter of real effect that fits the first. */
async function withAdapter() {
  const home = await emptyHome();
  const files = join(home, 'files');
  await mkdir(files);
  await writeGeneratedModel(join(files, 'base.gguf'));
  await writeGeneratedModel(join(files, 'wider.gguf'), { embedding: 128 });
  const modules = ['q_proj', 'v_proj', 'o_proj'].flatMap((name) =>
    [0, 1].map((layer) => [`model.layers.${layer}.self_attn.${name}`, 64, 64] as const),
  );
  await randomAdapter(join(files, 'tone'), modules, { lora_alpha: 64, target_modules: ['q_proj', 'v_proj', 'o_proj'] });
  const { address } = await startServing(home);
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, reducedMotion: 'reduce', locale: 'en-US' });
  onTestFinished(() => context.close());
  const page = await context.newPage();
  const problems: string[] = [];
  page.on('pageerror', (error) => problems.push(error.stack ?? error.message));
  await page.goto(address);
  await page.getByText('Your models live here').waitFor();
  for (const name of ['base.gguf', 'wider.gguf', 'tone']) {
    await page.keyboard.press('Control+o');
    await page.getByLabel('File or folder').fill(join(files, name));
    // Closes the list of the path field, and not the dialog.
    await page.waitForTimeout(500);
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Add', exact: true }).click();
    await page
      .getByRole('option')
      .filter({ hasText: name.replace('.gguf', '') })
      .first()
      .waitFor();
    await page.keyboard.press('Escape');
  }
  return { page, problems };
}

test('an adapter is added, merged in one go, proved green and chatted with', { timeout: 300_000 }, async () => {
  const { page, problems } = await withAdapter();
  await page.keyboard.press('Alt+4');
  await page.getByRole('heading', { name: 'Adapters & merge' }).waitFor();
  await page.getByRole('button', { name: 'Choose an adapter' }).waitFor();
  await page.getByRole('checkbox', { name: 'tone' }).check({ force: true });
  // Of the two models the one that it fits is taken; the other one says why it does not.
  const pick = page.getByRole('region', { name: 'Models' }).getByRole('button');
  await expect.poll(() => pick.innerText(), { timeout: 30_000 }).toMatch(/base/);
  await pick.click();
  await page.getByRole('button', { name: /wider.*64/ }).waitFor();
  await page.keyboard.press('Escape');
  // What it changes is shown before anything is written, and grows with the strength.
  const cell = page.getByRole('gridcell').first();
  await cell.waitFor({ timeout: 30_000 });
  const changeOf = async (): Promise<number> => Number(/([\d.]+)%$/.exec((await cell.getAttribute('aria-label')) ?? '')?.[1]);
  const whole = await changeOf();
  expect(whole).toBeGreaterThan(0);
  await page.getByRole('textbox', { name: 'Strength of tone' }).fill('0.5');
  await expect.poll(async () => Math.abs((await changeOf()) / whole - 0.5)).toBeLessThan(0.05);

  await page.getByRole('button', { name: 'Merge and export' }).click();
  const work = page.getByRole('region', { name: 'Work on adapters' });
  await work.getByText('Certificate green: the merge is right').waitFor({ timeout: 120_000 });
  await work.getByRole('button', { name: 'Certificate' }).click();
  await work.getByText('The merge is what was asked for').waitFor();
  await work.getByText('base with tone × 0.5').waitFor();
  await work.getByRole('button', { name: 'Strength' }).click();
  // Every weight that was to be changed holds the change as asked for; the others have none.
  const shown = await work.getByRole('row').locator('td:last-child').allInnerTexts();
  const strengths = shown.filter((text) => text !== '–');
  expect(strengths).toHaveLength(6);
  for (const strength of strengths) expect(Number(strength)).toBeCloseTo(1, 2);

  await work.getByRole('button', { name: 'Open in chat' }).click();
  const composer = page.locator('[data-composer]');
  await composer.fill('Once');
  await composer.press('Enter');
  await page.getByText(/tokens\/s/).waitFor({ timeout: 60_000 });
  // The library keeps the proof with the model.
  await page.keyboard.press('Alt+1');
  await page.getByRole('option').filter({ hasText: 'base-tone' }).click();
  await page.getByRole('tab', { name: 'Certificate' }).click();
  await page.getByText('The merge is what was asked for').waitFor();
  expect(problems).toEqual([]);
});

test(
  'in a chat, adapters are added, turned down and off without a load, and the answers tell with what they were made',
  { timeout: 300_000 },
  async () => {
    const { page, problems } = await withAdapter();
    await page.getByRole('option').filter({ hasText: 'base' }).click();
    await page.getByRole('button', { name: 'Chat', exact: true }).click();
    const composer = page.locator('[data-composer]');
    await composer.waitFor();
    await page.keyboard.press('Control+.');
    await page.getByRole('textbox', { name: 'Temperature' }).fill('0');
    await page.getByRole('textbox', { name: 'Longest answer' }).fill('16');
    const answers = page.getByRole('log');
    const said = async (count: number): Promise<string> => {
      await expect.poll(() => page.getByText(/tokens\/s/).count(), { timeout: 60_000 }).toBe(count);
      return (await answers.innerText()).split('in the').at(-1) ?? '';
    };
    const ask = async (count: number): Promise<string> => {
      await composer.fill('in the');
      await composer.press('Enter');
      return said(count);
    };
    await ask(1);
    await page.getByRole('button', { name: 'Adapter', exact: true }).click();
    await page.getByRole('button', { name: /^tone/ }).click();
    await page.keyboard.press('Escape');
    const strength = page.getByRole('textbox', { name: 'Strength of tone' });
    await strength.fill('1.5');
    expect(await ask(2)).toContain('with tone × 1.5');
    // Off: the base alone, which says nothing of adapters.
    await page.getByRole('switch', { name: 'tone is on' }).uncheck({ force: true });
    expect(await ask(3)).not.toContain('with tone');
    expect(problems).toEqual([]);
  },
);
