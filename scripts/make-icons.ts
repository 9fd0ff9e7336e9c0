// Draws `packaging/icon.svg` as the png files that installers are made with: `node scripts/make-icons.ts`. electron-builder makes Windows' and
// macOS' own formats of the largest.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { launchBrowser } from '#test/e2e/browser.ts';

const folder = new URL('../packaging/', import.meta.url);
/** What Linux' desktops ask for; 1024 is what macOS wants at least. */
const SIZES = [16, 32, 48, 64, 128, 256, 512, 1024];

const svg = await readFile(new URL('icon.svg', folder), 'utf8');
await mkdir(new URL('icons/', folder), { recursive: true });
const browser = await launchBrowser();
try {
  for (const size of SIZES) {
    const page = await browser.newPage({ viewport: { width: size, height: size } });
    await page.setContent(
      `<style>html,body{margin:0;background:transparent}svg{display:block;width:${size}px;height:${size}px}</style>${svg}`,
    );
    await writeFile(new URL(`icons/${size}x${size}.png`, folder), await page.screenshot({ omitBackground: true }));
    await page.close();
  }
} finally {
  await browser.close();
}
