import type { CDPSession, Page } from 'playwright-core';
import { MiB } from '#core/bytes.ts';
import type { BenchRow } from '../bench/row.ts';
import { RARE_WORD } from './threads.ts';

/** An answer sooner than this counts as immediate (Nielsen, Usability Engineering, 1993, chapter 5). */
const IMMEDIATE = '≤ 100';
/** Frames of a display with 60 Hz, 16.7 ms, as a browser's clock tells them. */
const SMOOTH = '≤ 17';

const WHEEL_STEPS = 120;
const WHEEL_PIXELS = 900;

declare global {
  var latheInteractions: number[];
  var latheFrames: number[];
}

/** From each key or click to the frame that shows what it did, as the browser itself measures it (in steps of 8 ms). */
const watchInteractions = (page: Page): Promise<void> =>
  page.evaluate(() => {
    globalThis.latheInteractions = [];
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries())
        if ((entry as PerformanceEventTiming).interactionId > 0) globalThis.latheInteractions.push(entry.duration);
    }).observe({ type: 'event', durationThreshold: 16 } as PerformanceObserverInit);
  });

const settle = (page: Page): Promise<void> => page.waitForTimeout(600);

/** The slowest answer to what `act` does. What is faster than 16 ms the browser does not tell. */
async function slowest(page: Page, name: string, act: () => Promise<void>): Promise<BenchRow> {
  await settle(page);
  await page.evaluate(() => void (globalThis.latheInteractions = []));
  await act();
  await settle(page);
  const value = await page.evaluate(() => Math.max(16, ...globalThis.latheInteractions));
  return { name, value, unit: 'ms', goal: IMMEDIATE };
}

const quantile = (values: readonly number[], share: number): number =>
  values.toSorted((left, right) => left - right)[Math.floor((values.length - 1) * share)] ?? Number.NaN;

/** Frames while a list is scrolled from its beginning, with the wheel. */
async function scrollRow(page: Page, name: string, list: string): Promise<BenchRow> {
  await page.locator(list).first().hover();
  await page.evaluate(() => {
    globalThis.latheFrames = [];
    let last = performance.now();
    const frame = (now: number): void => {
      globalThis.latheFrames.push(now - last);
      last = now;
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  });
  for (let step = 0; step < WHEEL_STEPS; step += 1) {
    await page.mouse.wheel(0, WHEEL_PIXELS);
    await page.evaluate(() => new Promise(requestAnimationFrame));
  }
  const frames = await page.evaluate(() => globalThis.latheFrames.splice(0));
  const top = await page
    .locator(list)
    .first()
    .evaluate((element) => element.scrollTop);
  return {
    name,
    value: quantile(frames, 0.95),
    unit: 'ms',
    goal: SMOOTH,
    note: `95th percentile of ${frames.length} frames, worst ${quantile(frames, 1).toFixed(0)} ms, ${top.toFixed(0)} px down`,
  };
}

async function heapMiB(cdp: CDPSession): Promise<number> {
  await cdp.send('HeapProfiler.collectGarbage');
  const { metrics } = await cdp.send('Performance.getMetrics');
  return (metrics.find(({ name }) => name === 'JSHeapUsedSize')?.value ?? Number.NaN) / MiB;
}

/** What a user of a large library waits for, in the page. `address` has the token; `startedMs` is when the program was started. */
export async function measurePage(page: Page, address: URL, startedMs: number): Promise<BenchRow[]> {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send('Performance.enable');
  await page.goto(address.href);
  await page.getByRole('option').first().waitFor();
  const shownMs = performance.now() - startedMs;
  await watchInteractions(page);
  const rows: BenchRow[] = [{ name: 'start, to the list of the library', value: shownMs / 1000, unit: 's', goal: '≤ 5' }];

  const filter = page.getByRole('searchbox').first();
  rows.push(
    await slowest(page, 'library: a key in the search', async () => {
      await filter.click();
      await filter.pressSequentially('qwen 42b q8', { delay: 120 });
    }),
  );
  await filter.fill('');
  rows.push(await slowest(page, 'library: a model is selected', () => page.getByRole('option').nth(3).click()));
  rows.push(
    await slowest(page, 'library: to the end of the list', async () => {
      await page.keyboard.press('End');
      await settle(page);
      await page.keyboard.press('Home');
    }),
  );
  await page.keyboard.press('Escape');
  for (const order of ['size', 'name'])
    rows.push(await slowest(page, `library: sorted by ${order}`, () => page.locator(`[data-column="${order}"] > button`).click()));
  rows.push(await scrollRow(page, 'library: scrolling', '[role="listbox"]'));
  rows.push(
    await slowest(page, 'palette: opened, a key', async () => {
      await page.keyboard.press('Control+k');
      await page.keyboard.type('llama 7', { delay: 120 });
    }),
  );
  await page.keyboard.press('Escape');

  rows.push(await slowest(page, 'chat: opened', () => page.keyboard.press('Alt+2')));
  await page.locator('nav ul a').first().waitFor();
  rows.push(await scrollRow(page, 'chat: scrolling the conversations', 'nav [class*="scroll"]'));
  rows.push(await slowest(page, 'chat: another conversation', () => page.locator('nav ul a').nth(4).click()));
  const search = page.getByRole('searchbox').first();
  rows.push(
    await slowest(page, 'chat: a key in the search', async () => {
      await search.click();
      await search.pressSequentially(RARE_WORD, { delay: 120 });
    }),
  );
  await page.getByText(RARE_WORD).first().waitFor();
  await search.fill('');
  rows.push(await slowest(page, 'chat: the choice of models opened', () => page.locator('header button').first().click()));
  rows.push(
    await slowest(page, 'chat: a key in the choice of models', async () => {
      await page.keyboard.type('gemma 9', { delay: 120 });
    }),
  );
  await page.keyboard.press('Escape');
  for (const [key, name] of [
    [3, 'convert'],
    [4, 'adapters'],
    [5, 'training'],
    [6, 'memory'],
    [7, 'server'],
    [1, 'library'],
  ] as const)
    rows.push(await slowest(page, `${name}: opened`, () => page.keyboard.press(`Alt+${key}`)));
  rows.push({ name: 'memory of the page', value: await heapMiB(cdp), unit: 'MiB' });
  return rows;
}
