import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import type { Settings } from '#contract/system.ts';
import { launchBrowser } from './browser.ts';
import { openView } from './screen.ts';

/** Diagrams that a model writes in Mermaid's language: code, until the user wants them drawn. */

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());

async function open(settings: Partial<Settings> = {}) {
  const view = await openView(browser, {
    scene: 'filled',
    settings: { language: 'en', colorScheme: 'light', ...settings },
    at: '/chat/t1',
  });
  const asked: string[] = [];
  view.page.on('request', (request) => asked.push(request.url()));
  // What the page's own policy stopped was never sent.
  view.page.on('requestfailed', (request) => {
    if (request.failure()?.errorText === 'csp') asked.splice(asked.indexOf(request.url()), 1);
  });
  onTestFinished(() => view.close());
  return { ...view, asked };
}

/** The stand-in says again what it was told. */
async function hear(page: Page, text: string): Promise<void> {
  await page.locator('[data-composer]').fill(`Again, please:\n\n${text}`);
  await page.keyboard.press('Enter');
  await answer(page).getByRole('button', { name: 'Copy code' }).first().waitFor();
}

const answer = (page: Page) => page.getByRole('article').last();
const fenced = (code: string): string => `\`\`\`mermaid\n${code}\n\`\`\``;
const picture = (page: Page) => answer(page).locator('figure img');
const drawnSize = (page: Page) =>
  picture(page).evaluate(async (image: HTMLImageElement) => {
    await image.decode();
    return { width: image.naturalWidth, height: image.naturalHeight, source: decodeURIComponent(image.src) };
  });

const TURNS = 'flowchart LR\n  weights[Weights] -->|quantize| small[Q4_K_M]\n  small --> chat{Does it speak?}\n  chat -->|no| weights';

test(
  'a diagram is code until it is asked for, is drawn in the page’s colours, and goes back to its code',
  { timeout: 60_000 },
  async () => {
    const { page, problems, look, asked } = await open();
    await hear(page, fenced(TURNS));
    expect(await picture(page).count()).toBe(0);
    expect(asked.filter((url) => /diagram|dagre/i.test(url))).toEqual([]);
    await answer(page).getByRole('button', { name: 'Show diagram' }).click();
    await picture(page).waitFor();
    const { width, height, source } = await drawnSize(page);
    // From left to right: wider than high.
    expect(width).toBeGreaterThan(2 * height);
    for (const word of ['Weights', 'Q4_K_M', 'Does it speak?', 'quantize']) expect(source.replaceAll(/<[^>]+>/g, '')).toContain(word);
    const ground = await page.evaluate(() => getComputedStyle(document.documentElement).getPropertyValue('--accent-soft').trim());
    expect(source).toContain(ground);
    await look('dark', 'en');
    await expect.poll(async () => (await drawnSize(page)).source).not.toBe(source);
    await answer(page).getByRole('button', { name: 'Show code' }).click();
    expect(await answer(page).locator('pre').innerText()).toBe(TURNS);
    expect(problems).toEqual([]);
  },
);

test('the setting draws all of them; what Mermaid cannot read says so beside its code', { timeout: 60_000 }, async () => {
  const { page } = await open({ diagrams: true });
  await hear(page, fenced(TURNS));
  await picture(page).waitFor();
  await hear(page, fenced('flowchart LR\n  a --> --> b'));
  const alert = answer(page).getByRole('alert');
  await alert.waitFor();
  expect(await alert.innerText()).toMatch(/^Mermaid cannot read this:[^]*error on line 2/i);
  await answer(page).getByRole('button', { name: 'Show code' }).click();
  expect(await answer(page).locator('pre').innerText()).toContain('a --> --> b');
});

test('a hostile diagram runs and fetches nothing, and leaves nothing in the page', { timeout: 60_000 }, async () => {
  const { page, asked } = await open({ diagrams: true });
  await page.exposeFunction('harm', () => asked.push('a script of the diagram'));
  const before = await page.locator('body > *').count();
  for (const code of [
    `%%{init: {"securityLevel": "loose", "themeCSS": "* { display: none !important; background: url(https://example.org/a) }"}}%%\n${TURNS}`,
    'flowchart LR\n  a["<img src=x onerror=harm()><script>harm()</script>words"] --> b\n  click a call harm()\n  click b "javascript:harm()"',
    'flowchart LR\n  a@{ img: "https://example.org/pixel.png", label: "picture", w: 60, h: 60 } --> b',
    'flowchart LR\n  a --> b\n  style a fill:url(https://example.org/b),stroke:#f00\n  classDef wide background:url(https://example.org/c)\n  class b wide',
  ]) {
    await hear(page, fenced(code));
    await answer(page).locator('figure img, figure [role=alert]').waitFor();
  }
  expect(asked.filter((url) => !url.startsWith('http://127.0.0.1') && !url.startsWith('data:'))).toEqual([]);
  // Nothing that a diagram was measured in stays, and no style of it reached the page.
  expect(await page.locator('body > *').count()).toBe(before);
  expect(await page.locator('[data-composer]').isVisible()).toBe(true);
});
