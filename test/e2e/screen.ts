import axe from 'axe-core';
import type { Browser, Page } from 'playwright-core';
import type { Settings } from '#contract/system.ts';
import type { Server } from '#main/http/server.ts';
import { startFakeApp } from './fake-app.ts';
import type { Scene } from './fake-handlers.ts';

declare global {
  interface Window {
    axe: typeof axe;
  }
}

export interface View {
  readonly scene: Scene;
  /** After the hash: `/library?model=qwen7`. */
  readonly at: string;
  readonly settings: Partial<Settings>;
  readonly size?: { readonly width: number; readonly height: number };
  /** What the system says of the user's wish; tests wait less where nothing moves. */
  readonly motion?: 'reduce' | 'no-preference';
}

export interface OpenView {
  readonly page: Page;
  readonly server: Server;
  /** What the page said of itself as wrong. */
  readonly problems: readonly string[];
  /** Change the theme and the language as the user would, and wait until the page has them. */
  look(colorScheme: 'light' | 'dark', language: 'en' | 'zh-CN'): Promise<void>;
  close(): Promise<void>;
}

/** Open a page of the built app on a stand-in for the program, and wait until its screen is there. */
export async function openView(
  browser: Browser,
  { scene, at, settings, size = { width: 1280, height: 800 }, motion = 'reduce' }: View,
): Promise<OpenView> {
  const server = await startFakeApp({ scene, settings });
  const context = await browser.newContext({ viewport: size, reducedMotion: motion });
  const page = await context.newPage();
  const problems: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') problems.push(message.text());
  });
  page.on('pageerror', (error) => problems.push(error.stack ?? error.message));
  await page.goto(server.address);
  await page.locator('main h1').first().waitFor();
  await page.evaluate((hash) => (location.hash = hash), at);
  await page
    .locator(`nav a[aria-current="page"][href*="${at.split(/[?/]/)[1] ?? ''}"]`)
    .first()
    .waitFor();
  await page.locator('html[lang]').waitFor();
  await page.waitForLoadState('networkidle');
  return {
    page,
    server,
    problems,
    look: async (colorScheme, language) => {
      await server.handlers.system.changeSettings({ colorScheme, language }, { signal: new AbortController().signal });
      await page.locator(`html[lang="${language}"][data-mantine-color-scheme="${colorScheme}"]`).waitFor();
      await settled(page);
    },
    close: async () => {
      await context.close();
      await server.close();
    },
  };
}

/** Until colours have faded in, which takes a moment even where motion is reduced. */
async function settled(page: Page): Promise<void> {
  await page.evaluate(async () => {
    for (let frame = 0; frame < 2; frame++) await new Promise(requestAnimationFrame);
    const ends = document.getAnimations().filter((each) => Number.isFinite(each.effect?.getComputedTiming().endTime ?? 0));
    // One that is taken away while it runs is at its end too.
    await Promise.allSettled(ends.map(({ finished }) => finished));
  });
}

/** What axe finds, in words short enough for a test's message. */
export async function axeFindings(page: Page): Promise<string[]> {
  // Read by the page once, and not again for each theme and language: that takes longer than the examination.
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(axe.source);
  await settled(page);
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 200)} ${failureSummary ?? ''}`),
  );
}
