import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { writeGeneratedModel } from '../engine/generated-model.ts';
import { launchBrowser } from './browser.ts';
import { emptyHome, startServing } from './program.ts';

/** A conversation with a real engine: what it reads, how it is held to a form, what could have been said, and how it goes on. */

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());

test(
  'a conversation with a real model: counted, held to a grammar, seen token by token, found and exported',
  { timeout: 180_000 },
  async () => {
    const home = await emptyHome();
    const model = join(home, 'teller.gguf');
    await writeGeneratedModel(model);
    const { address } = await startServing(home);
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, reducedMotion: 'reduce', locale: 'en-US' });
    onTestFinished(() => context.close());
    const page = await context.newPage();
    const problems: string[] = [];
    page.on('pageerror', (error) => problems.push(error.stack ?? error.message));
    await page.goto(address);
    await page.getByText('Your models live here').waitFor();
    await page.keyboard.press('Control+o');
    await page.getByLabel('File or folder').fill(model);
    // Closes the list of the path field, and not the dialog.
    await page.waitForTimeout(500);
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Add', exact: true }).click();
    await page.getByRole('button', { name: 'Chat', exact: true }).click();

    const composer = page.locator('[data-composer]');
    await composer.waitFor();
    await page.keyboard.press('Control+.');
    await page.getByRole('switch', { name: 'Keep token probabilities' }).click({ force: true });
    await page.getByRole('button', { name: 'Form of the answer' }).click();
    await page.getByRole('combobox', { name: 'Form of the answer' }).click();
    await page.getByRole('option', { name: 'Grammar (GBNF)' }).click();
    const grammar = page.getByRole('textbox', { name: 'Grammar (GBNF)' });
    await grammar.fill('root ::= missing');
    await page.getByRole('button', { name: 'Check and use' }).click();
    await page.getByText('The grammar cannot be used').waitFor();
    await grammar.fill('root ::= "the cat"');
    await page.getByRole('button', { name: 'Check and use' }).click();
    await page.getByText('Can be used').waitFor();
    await page.keyboard.press('Control+.');

    await composer.fill('the hat');
    await composer.press('Enter');
    const answer = page.getByRole('article').last();
    await answer
      .getByText('tokens/s')
      .or(answer.getByText(/^\d+ tokens?/))
      .first()
      .waitFor({ timeout: 60_000 });
    expect(await answer.innerText()).toContain('the cat');
    const more = async (item: string): Promise<void> => {
      await answer.getByRole('button', { name: 'More for this answer' }).click();
      await page.getByRole('menuitem', { name: item }).click();
    };
    await more('Show token probabilities');
    await page.getByRole('table', { name: 'What could have stood here' }).waitFor();
    await more('Show the text');

    // The meter has the engine's own count of what is read and written.
    const meter = page.getByRole('meter', { name: 'Context in use' });
    await expect.poll(async () => Number(await meter.getAttribute('aria-valuenow'))).toBeGreaterThan(3);
    const before = Number(await meter.getAttribute('aria-valuenow'));
    await composer.fill('the cat in the hat');
    await expect.poll(async () => Number(await meter.getAttribute('aria-valuenow'))).toBeGreaterThan(before);
    await page.getByRole('button', { name: /^Context in use/ }).click();
    await page.getByRole('button', { name: 'Show the exact prompt' }).click();
    const dialog = page.getByRole('dialog');
    expect(await dialog.locator('pre').innerText()).toContain('the cat in the hat');
    await dialog.getByRole('tab', { name: 'Chat template' }).click();
    await dialog
      .getByRole('textbox', { name: 'Chat template' })
      .fill('{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}');
    await dialog.getByRole('button', { name: 'Try and use it' }).click();
    await dialog.getByText('was stopped after').waitFor({ timeout: 30_000 });
    await page.keyboard.press('Escape');

    await more('Edit the answer');
    await page.getByRole('textbox', { name: 'Edit the answer' }).fill('a fox');
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    await answer.getByText('edited by you').waitFor();
    await more('Continue the answer');
    await expect.poll(async () => (await answer.innerText()).replaceAll(/\s+/g, ' ')).toMatch(/^a fox ?the cat/);

    await page.getByRole('searchbox', { name: 'Search chats' }).fill('fox');
    await page.getByRole('region', { name: 'In messages' }).getByRole('button').first().waitFor();
    await page.getByRole('searchbox', { name: 'Search chats' }).fill('');
    await page.getByRole('button', { name: 'More for “the hat”' }).focus();
    await page.keyboard.press('Enter');
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('menuitem', { name: 'Export as JSON, with all versions' }).click(),
    ]);
    const saved = JSON.parse(await readFile(await download.path(), 'utf8')) as { messages: readonly { text: string }[] };
    expect(saved.messages).toHaveLength(3);
    expect(saved.messages[1]?.text).toBe('the cat');
    expect(problems).toEqual([]);
  },
);
