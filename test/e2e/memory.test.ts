import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { launchBrowser } from './browser.ts';
import { emptyHome, latheJson, startServing } from './program.ts';
import { openView } from './screen.ts';

/** What fits: on the real program by mouse and keyboard, and where a load is refused with a stand-in. */

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());

const GiB = 1024 ** 3;

/** Bytes of a row of the legend. */
async function partsOf(page: Page): Promise<Record<string, number>> {
  const rows = page.getByRole('region', { name: 'Memory' }).locator('dl > div');
  const found: Record<string, number> = {};
  for (const row of await rows.all()) {
    const [name = '', size = ''] = (await row.innerText()).split('\n').filter((part) => part.trim() !== '');
    const [, figure = '', unit = ''] = /([\d.,]+)\s*(B|KiB|MiB|GiB)/.exec(size) ?? [];
    const scale = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB }[unit] ?? Number.NaN;
    found[name.trim()] = Number(figure.replaceAll(',', '')) * scale;
  }
  return found;
}

interface EstimateJson {
  readonly total: { readonly amounts: readonly { readonly kind: string; readonly bytes: number }[] };
  readonly status: string;
}
const bytesOf = ({ total }: EstimateJson, kind: string): number => total.amounts.find((amount) => amount.kind === kind)?.bytes ?? 0;

/** A screen tells three figures. */
const within = (shown: number | undefined, told: number): void => {
  expect(Math.abs((shown ?? Number.NaN) - told) / told).toBeLessThan(0.006);
};

test('a slider is dragged and another card chosen: the screen has the numbers of the command line', { timeout: 180_000 }, async () => {
  const home = await emptyHome();
  await latheJson(home, ['demo', 'Demo']);
  const { address } = await startServing(home);
  const context = await browser.newContext({ viewport: { width: 1360, height: 900 }, reducedMotion: 'reduce', locale: 'en-US' });
  onTestFinished(() => context.close());
  const page = await context.newPage();
  const problems: string[] = [];
  page.on('pageerror', (error) => problems.push(error.stack ?? error.message));
  await page.goto(address);
  await page.getByRole('link', { name: 'Memory' }).click();
  await page.getByText('From the library').click();

  // By the keyboard, to the end: what the model was trained with, doubled.
  const slider = page.getByRole('slider', { name: 'Context, in tokens' });
  await slider.press('End');
  const field = page.getByRole('textbox', { name: 'Context, in tokens' });
  const longest = Number(await field.inputValue());
  expect(longest).toBeGreaterThan(512);
  const atEnd = await partsOf(page);

  // By the mouse, to somewhere in the middle: every figure moves with it.
  const track = await slider.locator('xpath=ancestor::*[contains(@class, "Slider-trackContainer")]').boundingBox();
  if (track === null) throw new Error('the slider is not there');
  await page.mouse.move(track.x + track.width - 2, track.y + track.height / 2);
  await page.mouse.down();
  for (const share of [0.9, 0.75, 0.6, 0.5]) await page.mouse.move(track.x + track.width * share, track.y + track.height / 2);
  await page.mouse.up();
  const dragged = Number(await field.inputValue());
  expect(dragged).toBeLessThan(longest);
  const parts = await partsOf(page);
  expect(parts['Key-value cache']).toBeLessThan(atEnd['Key-value cache'] ?? 0);
  const told = (await latheJson(home, ['estimate', 'Demo', '--context', String(dragged)])) as EstimateJson;
  within(parts['Weights'], bytesOf(told, 'weights'));
  within(parts['Key-value cache'], bytesOf(told, 'cache'));
  within(parts['Computing'], bytesOf(told, 'compute'));

  await page.getByText('A model by its size').click();
  await page.getByRole('textbox', { name: 'Parameters, in billions' }).fill('70');
  await page.getByRole('combobox', { name: 'Where' }).selectOption('GeForce RTX 4090');
  await page.getByRole('textbox', { name: 'Context, in tokens' }).fill('8192');
  const card = (await latheJson(home, ['estimate', '--params', '70B', '--gpu', 'RTX 4090', '--context', '8192'])) as EstimateJson;
  const [processor, onCard] = await page.getByRole('region', { name: 'Memory' }).locator('dl').all();
  expect(processor).toBeDefined();
  expect(onCard).toBeDefined();
  const weights = await page
    .getByRole('region', { name: 'Memory' })
    .locator('dt', { hasText: 'Weights' })
    .locator('xpath=following-sibling::dd')
    .allInnerTexts();
  expect(weights).toHaveLength(2);
  within(
    weights.reduce((sum, text) => sum + Number.parseFloat(text) * GiB, 0),
    bytesOf(card, 'weights'),
  );

  // What is loaded is measured, and held against what was told.
  await page.getByText('From the library').click();
  await page.getByRole('combobox', { name: 'Where' }).selectOption('');
  await page.getByRole('textbox', { name: 'Context, in tokens' }).fill('512');
  await page.getByText('Nothing has been loaded, trained or quantized here yet').waitFor();
  await page.getByRole('button', { name: 'Load like this and chat' }).click();
  await page.locator('[data-composer]').fill('Tell me a story.');
  await page.keyboard.press('Enter');
  await page.getByRole('article').last().getByText('tokens/s').waitFor({ timeout: 60_000 });
  await page.getByRole('link', { name: 'Memory' }).click();
  const row = page.getByRole('region', { name: 'Estimated and measured here' }).getByRole('row').nth(1);
  await row.getByText(/Load · 512/).waitFor();
  const error = Number.parseFloat((await row.getByRole('cell').nth(3).innerText()).replace('−', '-'));
  // llama.cpp tells hundredths of a MiB, of a model of a few.
  expect(Math.abs(error)).toBeLessThan(2);
  await page
    .getByRole('region', { name: 'This computer, now' })
    .getByText(/free of/)
    .first()
    .waitFor();
  expect(problems).toEqual([]);
});

test('a model that does not fit is refused with what makes it fit, each on one button', async () => {
  const { page, problems, close } = await openView(browser, {
    scene: 'filled',
    settings: { language: 'en', colorScheme: 'light' },
    at: '/chat/t1',
  });
  onTestFinished(close);
  await page.keyboard.press('Control+.');
  await page.getByRole('button', { name: 'Loading' }).click();
  const panel = page.getByRole('complementary', { name: 'Chat settings' });
  await panel.getByRole('textbox', { name: 'Context, in tokens' }).fill('4000000');
  await panel.getByText(/^Needs .* more$/).waitFor();
  await panel.getByRole('button', { name: /^Load (again )?now$/ }).click();
  const alert = page.getByRole('region', { name: 'Conversation' }).getByRole('alert');
  await alert.getByText(/more than is free/).waitFor();
  const remedy = alert.getByRole('button', { name: /^Use a context of/ });
  const wanted = Number((await remedy.innerText()).replace(/\D/g, ''));
  await remedy.click();
  await alert.waitFor({ state: 'detached' });
  expect(await panel.getByRole('textbox', { name: 'Context, in tokens' }).inputValue()).toBe(String(wanted));
  expect(problems).toEqual([]);
});
