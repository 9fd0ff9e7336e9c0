import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser, Download } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { benchmarkFile } from '#contract/benchmark.ts';
import { launchBrowser } from './browser.ts';
import { emptyHome, latheJson, startServing } from './program.ts';

/** Which of three variants to run here, asked as a newcomer asks it: in a real browser, on the real program and engine. */

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());

const bytesOf = async (download: Download): Promise<Buffer> => readFile(await download.path());

test('three variants of the demo model: measured, drawn, tabled, exported, remembered', { timeout: 300_000 }, async () => {
  const home = await emptyHome();
  await latheJson(home, ['demo', 'Demo']);
  for (const type of ['Q8_0', 'Q4_0'])
    await latheJson(home, ['quantize', 'Demo', '--to', type, '--out', join(home, `Demo ${type}.gguf`), '--no-quality']);
  const { address } = await startServing(home);
  const context = await browser.newContext({ viewport: { width: 1500, height: 1000 }, reducedMotion: 'reduce', locale: 'en-US' });
  onTestFinished(() => context.close());
  const page = await context.newPage();
  const problems: string[] = [];
  page.on('pageerror', (error) => problems.push(error.stack ?? error.message));
  await page.goto(address);
  await page.locator('main h1').first().waitFor();

  await page.keyboard.press('Alt+6');
  await page.getByRole('button', { name: 'Choose a base model', exact: true }).waitFor();
  await page.getByRole('button', { name: /Base model/ }).click();
  await page.getByRole('button', { name: /Demo-F16/ }).click();
  const variants = page.getByRole('list', { name: 'Variants of Demo-F16' });
  await variants.getByRole('checkbox').nth(2).waitFor();
  expect(await variants.getByRole('checkbox', { checked: true }).count()).toBe(3);
  await page.getByRole('textbox', { name: 'Windows of the text' }).fill('2');
  await page.getByRole('switch', { name: 'Your own prompts' }).press('Space');
  await page.getByRole('button', { name: 'Write a prompt' }).waitFor();
  await page.getByRole('textbox', { name: 'Prompts, one a line' }).fill('What is a token?');
  await page.getByRole('textbox', { name: 'Tokens of an answer, at most' }).fill('8');
  await page.getByRole('textbox', { name: 'Name', exact: true }).fill('Which one');
  // Three of speed, quality and prompts each; the button says so, and how long it will take.
  const start = page.getByRole('button', { name: /^Run 9 measurements, about / });
  await start.press('Enter');

  await page.getByText(/^Done · .*20\d\d/).waitFor({ timeout: 200_000 });
  // The chart and the table tell the same: all three, in the same order by speed.
  const chart = page.getByRole('img', { name: /^Speed against loss/ });
  const points = await chart
    .locator('[data-point]')
    .evaluateAll((groups) =>
      groups.map((group) => ({ name: group.getAttribute('data-point'), x: Number(group.querySelector('circle')?.getAttribute('cx')) })),
    );
  const table = page.getByRole('region', { name: 'All figures' }).getByRole('table');
  await table.getByRole('button', { name: 'Writing, t/s' }).click();
  const rows = await table
    .locator('tbody tr')
    .evaluateAll((found) => found.map((row) => [...row.children].map((cell) => cell.firstChild?.textContent ?? '')));
  const [names, speeds, losses] = [0, 1, 2].map((column) => rows.map((row) => row[column] ?? ''));
  expect(names?.toSorted()).toEqual(['Demo-F16', 'Demo-Q4_0', 'Demo-Q8_0']);
  expect(points.toSorted((left, right) => right.x - left.x).map(({ name }) => name)).toEqual(names);
  const rates = (speeds ?? []).map((text) => Number(text.replaceAll(',', '')));
  expect(rates.every((rate) => rate > 0)).toBe(true);
  expect(rates.toSorted((left, right) => right - left)).toEqual(rates);
  const loss = (name: string): number => Number(losses?.[names?.indexOf(name) ?? -1]);
  expect(loss('Demo-Q4_0')).toBeGreaterThan(loss('Demo-Q8_0'));
  // The advice names the row that is marked.
  const advised = await page.getByText(/^(Take|Only) /).innerText();
  const marked = await table
    .getByRole('row')
    .filter({ hasText: 'Recommended' })
    .getByRole('rowheader')
    .evaluate((cell) => cell.firstChild?.textContent);
  expect(advised).toMatch(new RegExp(`^(Take|Only) ${marked}`));
  expect(await page.getByRole('article').count()).toBe(3);

  // What is exported: a picture, and a file that another computer reads.
  const save = async (item: string): Promise<Buffer> => {
    await page.getByRole('button', { name: 'Export' }).click();
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('menuitem', { name: item }).click()]);
    return bytesOf(download);
  };
  const picture = await save('Chart as PNG');
  expect([...picture.subarray(0, 8)]).toEqual([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  expect(picture.readUInt32BE(16)).toBeGreaterThan(1000);
  const data = benchmarkFile.parse(JSON.parse((await save('Data as JSON')).toString('utf8')));
  expect(data.cells.map(({ state }) => state)).toEqual(Array.from({ length: 9 }, () => 'done'));
  expect((await save('Tables as Markdown')).toString('utf8')).toContain('Demo-Q4\\_0');

  // The model remembers it.
  await page.evaluate(() => (location.hash = '/library'));
  await page.getByText('Demo-Q8_0', { exact: true }).first().click();
  await page.getByRole('region', { name: 'Benchmarks' }).getByRole('link', { name: 'Which one' }).click();
  await chart.waitFor();
  expect(problems).toEqual([]);
});

test('a run that is cancelled keeps what it has, and after a restart measures what is missing', { timeout: 300_000 }, async () => {
  const home = await emptyHome();
  await latheJson(home, ['demo', 'Demo']);
  await latheJson(home, ['quantize', 'Demo', '--to', 'Q4_0', '--out', join(home, 'Demo Q4_0.gguf'), '--no-quality']);
  const first = await startServing(home);
  const context = await browser.newContext({ viewport: { width: 1500, height: 1000 }, reducedMotion: 'reduce', locale: 'en-US' });
  onTestFinished(() => context.close());
  const page = await context.newPage();
  await page.goto(first.address);
  await page.locator('main h1').first().waitFor();
  await page.keyboard.press('Alt+6');
  await page.getByRole('button', { name: 'Choose a base model', exact: true }).waitFor();
  await page.getByRole('button', { name: /Base model/ }).click();
  await page.getByRole('button', { name: /Demo-F16/ }).click();
  await page.getByRole('list', { name: 'Variants of Demo-F16' }).getByRole('checkbox').nth(1).waitFor();
  await page.getByRole('textbox', { name: 'Windows of the text' }).fill('2');
  await page.getByRole('textbox', { name: 'Name', exact: true }).fill('In two halves');
  await page.getByRole('button', { name: /^Run 4 measurements/ }).press('Enter');
  await page.getByText(/ [1-3] of 4 measured/).waitFor({ timeout: 100_000 });
  await page.getByRole('button', { name: 'Cancel', exact: true }).click();
  await page.getByText('Cancelled or interrupted. What was measured is kept').waitFor();
  const kept = Number(
    /(\d) of 4 measured/.exec(
      await page
        .getByText(/\d of 4 measured/)
        .first()
        .innerText(),
    )?.[1],
  );
  expect(kept).toBeGreaterThan(0);
  expect(kept).toBeLessThan(4);
  await first.stop();

  const second = await startServing(home);
  await page.goto(second.address);
  await page.locator('main h1').first().waitFor();
  await page.keyboard.press('Alt+6');
  await page.getByText('In two halves').first().click();
  await page.getByText(`${kept} of 4 measured`).first().waitFor();
  await page.getByRole('button', { name: 'Go on', exact: true }).click();
  await page.getByText(/^Done · .*20\d\d/).waitFor({ timeout: 100_000 });
  await page.getByRole('region', { name: 'All figures' }).getByRole('rowheader').nth(1).waitFor();
});
