import type { LaunchOptions } from 'playwright-core';
import { expect, onTestFinished, test } from 'vitest';
import { carriedBrowser, launchBrowser } from './browser.ts';

async function textOf(options?: LaunchOptions): Promise<string | null> {
  const browser = await launchBrowser(options);
  onTestFinished(() => browser.close());
  const page = await browser.newPage();
  await page.setContent('<p>loading</p><script>document.querySelector("p").textContent = "a page that ran its script"</script>');
  return page.textContent('p');
}

test('a browser is found and runs a page', async () => {
  expect(await textOf()).toBe('a page that ran its script');
});

// What a machine without any browser relies on. The package carries a binary for Linux on x64 alone.
test.runIf(process.platform === 'linux' && process.arch === 'x64')('the browser that comes with the packages runs a page', async () => {
  expect(await textOf(await carriedBrowser())).toBe('a page that ran its script');
});
