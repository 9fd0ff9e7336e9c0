import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import type { AppClient } from '#contract/index.ts';
import type { Made } from './library.ts';
import { smallerPng } from './png.ts';

interface Picture {
  readonly name: string;
  readonly at: (made: Made) => string;
  readonly look?: { readonly colorScheme?: 'light' | 'dark'; readonly language?: 'en' | 'zh-CN' };
  /** What is done before the picture is taken. */
  readonly scene?: (page: Page) => Promise<void>;
}

const dark = { colorScheme: 'dark' } as const;
const chinese = { language: 'zh-CN' } as const;

const openTab = (name: RegExp) => async (page: Page) => page.getByRole('tab', { name }).click();
const openSettings = async (page: Page): Promise<void> => {
  await page.locator('[data-composer]').waitFor();
  await page.keyboard.press('Control+.');
};
/** Whoever looks at the picture has another folder for temporary files. */
const writeToModels = async (page: Page): Promise<void> => {
  await page.waitForTimeout(DRAWN_MS);
  await page.getByLabel('Write to').fill('~/models');
  await page.keyboard.press('Escape');
};

const pictures: readonly Picture[] = [
  { name: 'library', at: ({ quantizedId }) => `/library?model=${quantizedId}`, scene: openTab(/^Quality$/) },
  { name: 'library-zh-cn', at: ({ quantizedId }) => `/library?model=${quantizedId}`, look: chinese, scene: openTab(/^质量$/) },
  { name: 'chat', at: ({ threadId }) => `/chat/${threadId}`, scene: openSettings },
  { name: 'convert', at: ({ sourceId }) => `/convert?model=${sourceId}&to=Q4_K_M,nf4`, scene: writeToModels },
  { name: 'adapters', at: ({ adapterIds: [a, b], sourceId }) => `/adapters?use=${a}:0.8,${b}:0.5&base=${sourceId}`, scene: writeToModels },
  { name: 'certificate', at: ({ mergedId }) => `/library?model=${mergedId}`, scene: openTab(/^Certificate$/) },
  { name: 'training', at: ({ trainingId }) => `/training?run=${trainingId}` },
  { name: 'benchmark', at: ({ benchmarkId }) => `/benchmark?run=${benchmarkId}` },
  { name: 'benchmark-dark', at: ({ benchmarkId }) => `/benchmark?run=${benchmarkId}`, look: dark },
  {
    name: 'memory',
    at: () => '/memory',
    scene: async (page) => {
      await page.getByRole('textbox', { name: 'Parameters, in billions' }).fill('32');
      await page.getByLabel('Where', { exact: true }).selectOption('GeForce RTX 4090');
    },
  },
  { name: 'server', at: () => '/server' },
];

/** A screen of a small laptop. */
const SIZE = { width: 1200, height: 740 };
/** What was measured comes in one after the other, and charts are drawn when it is there. */
const DRAWN_MS = 2000;
/** Larger ones would make every copy of the repository heavier. */
const MOST_BYTES = 150 * 1024;

interface Taking {
  readonly browser: Browser;
  readonly address: URL;
  readonly client: AppClient;
  readonly made: Made;
  readonly output: string;
  readonly only: string | undefined;
}

/** Ask as other programs do, so that the Server screen has something to tell. */
async function askServer(client: AppClient): Promise<void> {
  for await (const status of client.server.status({})) {
    if (status.state !== 'running') continue;
    const headers = { Authorization: `Bearer ${status.token}`, 'Content-Type': 'application/json' };
    const ask = async (path: string, body: object): Promise<string> =>
      (await fetch(`${status.address}${path}`, { method: 'POST', headers, body: JSON.stringify(body) })).text();
    const model = 'Demo model-F16';
    await ask('/chat/completions', { model, messages: [{ role: 'user', content: 'What is a token?' }], max_tokens: 64 });
    await ask('/chat/completions', { model, stream: true, messages: [{ role: 'user', content: 'Tell me a story.' }], max_tokens: 200 });
    await ask('/completions', { model, prompt: 'Once upon a time', max_tokens: 60 });
    await ask('/embeddings', { model, input: ['lathe', 'wood', 'chisel'] });
    await ask('/chat/completions', { model: 'another', messages: [{ role: 'user', content: 'Hello' }] });
    return;
  }
}

/** Take them one after the other. @returns the path of each */
export async function* takePictures({ browser, address, client, made, output, only }: Taking): AsyncGenerator<string> {
  await client.chat.load({ modelId: made.floatsId });
  await askServer(client);
  const context = await browser.newContext({ viewport: SIZE, reducedMotion: 'reduce', locale: 'en-US' });
  const page = await context.newPage();
  await page.goto(address.href);
  await page.locator('main h1').first().waitFor();
  for (const { name, at, look = {}, scene } of pictures) {
    if (only !== undefined && only !== name) continue;
    const { colorScheme = 'light', language = 'en' } = look;
    await client.system.changeSettings({ colorScheme, language });
    await page.evaluate((hash) => (location.hash = hash), at(made));
    await page.locator(`html[lang="${language}"][data-mantine-color-scheme="${colorScheme}"]`).waitFor();
    await page.waitForLoadState('networkidle');
    await scene?.(page);
    await page.mouse.move(0, 0);
    await page.waitForTimeout(DRAWN_MS);
    const path = join(output, `${name}.png`);
    const png = smallerPng(await page.screenshot());
    if (png.length > MOST_BYTES) throw new Error(`${name} takes ${Math.ceil(png.length / 1024)} KiB.`);
    await writeFile(path, png);
    yield `${path}, ${Math.ceil(png.length / 1024)} KiB`;
  }
  await context.close();
}
