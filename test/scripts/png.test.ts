import { expect, test } from 'vitest';
import { launchBrowser } from '../e2e/browser.ts';
import { smallerPng } from '../../scripts/pictures/png.ts';

test('a picture that was made smaller shows a browser the same pixels', async () => {
  const browser = await launchBrowser();
  try {
    const page = await browser.newPage({ viewport: { width: 320, height: 240 } });
    await page.setContent('<h1>Lathe</h1><div style="height:90px;background:linear-gradient(45deg,#123,#fc8)"></div><p>车床</p>');
    const taken = await page.screenshot();
    const made = smallerPng(taken);
    expect(made.equals(taken)).toBe(false);
    const pixels = (png: Buffer): Promise<number[]> =>
      page.evaluate(async (base64) => {
        const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
        const bitmap = await createImageBitmap(new Blob([bytes]));
        const canvas = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d');
        canvas?.drawImage(bitmap, 0, 0);
        return [...(canvas?.getImageData(0, 0, bitmap.width, bitmap.height).data ?? [])];
      }, png.toString('base64'));
    const expected = await pixels(taken);
    expect(new Set(expected).size).toBeGreaterThan(50);
    expect(await pixels(made)).toEqual(expected);
  } finally {
    await browser.close();
  }
});
