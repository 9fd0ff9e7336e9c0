import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { answerWith, beginStream, delta, endpoint } from '#test/main/remote/endpoint.ts';
import { launchBrowser } from './browser.ts';
import { emptyHome, startServing } from './program.ts';

/** A remote engine as a user meets it, on the real program: added, chosen, marked, stopped, asked again, refused. */

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());

test('an engine is added, tried and chatted with, and is marked as not local wherever it answers', { timeout: 120_000 }, async () => {
  const server = await endpoint((response, asked) => {
    if (asked.headers.authorization !== 'Bearer sk-right')
      return void response.writeHead(401, { 'Content-Type': 'application/json' }).end('{"error":{"message":"no such key"}}');
    if (asked.method === 'GET') return void response.end('{"data":[{"id":"giant-405b"}]}');
    if (!JSON.stringify(asked.body).includes('for ever')) return answerWith('Far ', 'away')(response, asked);
    beginStream(response);
    const timer = setInterval(() => response.write(delta('on and ')), 20);
    response.on('close', () => clearInterval(timer));
  });
  const { address } = await startServing(await emptyHome());
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, reducedMotion: 'reduce', locale: 'en-US' });
  onTestFinished(() => context.close());
  const page = await context.newPage();
  const problems: string[] = [];
  page.on('pageerror', (error) => problems.push(error.stack ?? error.message));
  await page.goto(address);
  await page.getByText('Your models live here').waitFor();

  // Without a model of its own the chat leads to those of others too.
  await page.keyboard.press('Alt+2');
  await page.getByRole('button', { name: /^Model:/ }).click();
  await page.getByRole('button', { name: 'Remote engines…' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('button', { name: 'Add an engine' }).click();
  await dialog.getByLabel('Name').fill('Attic');
  await dialog.getByLabel('Base URL').fill(server.base);
  await dialog.getByLabel('API key', { exact: true }).fill('sk-wrong');
  await dialog.getByRole('button', { name: 'Test the connection' }).click();
  await dialog.getByText('does not accept the key: no such key').waitFor();
  await dialog.getByLabel('API key', { exact: true }).fill('sk-right');
  await dialog.getByRole('button', { name: 'Test the connection' }).click();
  await dialog.getByText('1 model: giant-405b').waitFor();
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.getByText('key in a file that only you can read').waitFor();
  await page.keyboard.press('Escape');

  await page.getByRole('button', { name: /^Model:/ }).click();
  await page.getByRole('button', { name: 'giant-405b' }).click();
  await page.getByText(/What you write is sent to 127\.0\.0\.1:\d+/).waitFor();
  await page.getByRole('button', { name: 'Not local' }).waitFor();
  const composer = page.locator('[data-composer]');
  await composer.fill('Where are you?');
  await composer.press('Enter');
  const answer = page.getByRole('article').last();
  await answer.getByText('Attic, not local').waitFor();
  expect(await answer.innerText()).toContain('Far away');

  await answer.getByRole('button', { name: 'Answer again' }).click();
  await page.getByText('2 / 2', { exact: true }).waitFor();

  await composer.fill('Talk for ever');
  await composer.press('Enter');
  await page.getByText(/on and on and/).waitFor();
  await page.keyboard.press('Escape');
  await server.left;
  await page.getByText('stopped by you').waitFor();

  // What was chosen and said is there after a reload; the key is not on the page.
  await page.reload();
  await page.getByText('stopped by you').waitFor();
  await page.getByRole('button', { name: /^Model: ?giant-405b/ }).waitFor();
  expect(await page.content()).not.toContain('sk-right');
  expect(problems).toEqual([]);
});
