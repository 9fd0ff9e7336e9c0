import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { connect } from '#contract/connect.ts';
import { contract } from '#contract/index.ts';
import { webSocketPort } from '#main/ports.ts';
import { launchBrowser } from './browser.ts';
import { emptyHome, startServing } from './program.ts';

const token = (address: string): string => new URL(address).hash.slice('#token='.length);

/** Come in as a page does. */
async function enter(address: string) {
  const { origin, host } = new URL(address);
  const session = await fetch(`${origin}/session`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Origin: origin },
    body: JSON.stringify({ token: token(address) }),
  });
  const cookie = session.headers.getSetCookie()[0]?.split(';', 1)[0] ?? '';
  const socket = new WebSocket(`ws://${host}/port`, { headers: { Origin: origin, Cookie: cookie } });
  onTestFinished(() => socket.terminate());
  await new Promise<void>((resolve, reject) => socket.on('open', resolve).on('error', reject));
  return connect(contract, webSocketPort(socket));
}

describe('npm start without a display', () => {
  test('says why there is no window, and prints the address, and what other programs need', async () => {
    const serving = await startServing(await emptyHome());
    // The address is printed first; the rest follows at once.
    await expect
      .poll(() => serving.output().stdout)
      .toMatch(
        /^Lathe is at http:\/\/127\.0\.0\.1:\d+\/#token=[\w-]{43}\nOther programs: http:\/\/127\.0\.0\.1:\d+\/v1 with the key in .+api-token\n$/,
      );
    expect(serving.output().stderr).toBe('No desktop window: there is no display. Serving the same app to a browser.\n');
  });

  test('answers the contract to who has the token', async () => {
    const home = await emptyHome();
    const { client } = await enter((await startServing(home)).address);
    expect(await client.system.host({})).toMatchObject({ kind: 'serve', home, canPickFile: false });
    expect(await client.library.list({})).toEqual([]);
    expect(existsSync(join(home, 'logs', 'lathe.log'))).toBe(true);
  });

  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('%s closes the services and ends with 0', async (signal) => {
    const serving = await startServing(await emptyHome());
    const { closed } = await enter(serving.address);
    const startedMs = Date.now();
    expect((await serving.stop(signal)).code).toBe(0);
    await closed;
    expect(Date.now() - startedMs).toBeLessThan(5000);
  });

  test('takes the port that it is given, and names one that is taken', async () => {
    const first = await startServing(await emptyHome());
    const { port } = new URL(first.address);
    await expect(startServing(await emptyHome(), ['--port', port])).rejects.toThrow(`Port ${port} is in use by another program.`);
  });
});

describe('the page in a real browser', () => {
  test('comes in with the printed address, and again after a reload, when the token is gone from it', async () => {
    const { address } = await startServing(await emptyHome());
    const browser = await launchBrowser();
    onTestFinished(() => browser.close());
    const page = await browser.newPage();
    const problems: string[] = [];
    page.on('console', (message) => {
      if (message.type() === 'error') problems.push(message.text());
    });
    page.on('pageerror', (error) => problems.push(error.message));
    await page.goto(address);
    await page.getByRole('navigation').first().waitFor();
    expect(page.url()).not.toContain(token(address));
    await page.reload();
    await page.getByRole('navigation').first().waitFor();
    expect(problems).toEqual([]);
  });

  test('its policy stops code and images from elsewhere, and styles of its own pass', async () => {
    const { address } = await startServing(await emptyHome());
    const browser = await launchBrowser();
    onTestFinished(() => browser.close());
    const page = await browser.newPage();
    await page.goto(address);
    await page.getByRole('navigation').first().waitFor();
    const outcome = await page.evaluate(async () => {
      const blocked: string[] = [];
      document.addEventListener('securitypolicyviolation', (event) => blocked.push(event.effectiveDirective));
      const script = document.createElement('script');
      script.textContent = 'window.injected = true';
      const image = document.createElement('img');
      image.src = 'https://example.org/pixel.png';
      const frame = document.createElement('iframe');
      frame.src = 'https://example.org/';
      document.body.append(script, image, frame);
      await fetch('https://example.org/').catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, 200));
      return { blocked: blocked.toSorted(), injected: 'injected' in window };
    });
    expect(outcome.injected).toBe(false);
    expect(new Set(outcome.blocked)).toEqual(new Set(['connect-src', 'frame-src', 'img-src', 'script-src-elem']));
  });
});
