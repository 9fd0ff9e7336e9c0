import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { launchBrowser } from './browser.ts';
import { openView, type View } from './screen.ts';

/** How the screens behave under the hands of a user, with a stand-in for the program behind them. */

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());

async function open(at: string, view: Partial<View> = {}): Promise<Page> {
  const { page, problems, close } = await openView(browser, {
    scene: 'filled',
    settings: { language: 'en', colorScheme: 'light' },
    at,
    ...view,
  });
  onTestFinished(async () => {
    await close();
    expect(problems).toEqual([]);
  });
  return page;
}

const rows = (page: Page) => page.getByRole('listbox', { name: 'Models' }).getByRole('option');
const selected = (page: Page) => rows(page).and(page.locator('[aria-selected="true"]'));
const focusIsIn = (page: Page, selector: string): Promise<boolean> =>
  page.evaluate((wanted) => document.activeElement?.matches(wanted) ?? false, selector);

describe('the library', () => {
  test('goes by keyboard alone: filter, move, open, favourite, chat', async () => {
    const page = await open('/library');
    await page.keyboard.press('/');
    await page.keyboard.type('qwen 7b');
    await expect.poll(() => rows(page).count()).toBe(2);
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    await expect.poll(() => selected(page).textContent()).toContain('Qwen2.5 7B Instruct');
    await page.keyboard.press('End');
    await expect.poll(() => selected(page).textContent()).toContain('q4_k_m');
    await page.keyboard.press('s');
    await page.getByRole('button', { name: 'Remove from favourites' }).waitFor();
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'What is on your mind?' }).waitFor();
    await page.getByRole('button', { name: /^Model: qwen2.5-7b-instruct-q4_k_m/ }).waitFor();
    expect(await focusIsIn(page, '[data-composer]')).toBe(true);
  });

  test('keeps its filter and its selection in the address, over a reload', async () => {
    const page = await open('/library');
    await page.getByRole('button', { name: 'Llama 3', exact: true }).click();
    await expect.poll(() => rows(page).count()).toBe(3);
    await rows(page).filter({ hasText: 'stories15M' }).click();
    await page.getByRole('heading', { name: 'stories15M' }).waitFor();
    await page.reload();
    await page.getByRole('heading', { name: 'stories15M' }).waitFor();
    expect(await rows(page).count()).toBe(3);
  });

  test('takes an entry away at once, and gives it back whole', async () => {
    const page = await open('/library?model=qwen7');
    await page.keyboard.press('Delete');
    await page.getByRole('button', { name: 'Remove', exact: true }).click();
    await expect.poll(() => rows(page).filter({ hasText: 'Qwen2.5 7B Instruct' }).count()).toBe(0);
    await page.getByRole('button', { name: 'Undo' }).click();
    await rows(page).filter({ hasText: 'Qwen2.5 7B Instruct' }).waitFor();
    await page.getByText('Good at code.').waitFor();
  });

  test('says what is wrong with what is added, and offers to try again', async () => {
    const page = await open('/library');
    await page.keyboard.press('Control+o');
    await page.getByLabel('File or folder').fill('/home/mira/old.bin');
    await page.getByRole('button', { name: 'Add', exact: true }).click();
    await page.getByText('The weights of this model are in a pickle file').waitFor();
    await page.getByRole('button', { name: 'Try again' }).waitFor();
    await page.getByRole('button', { name: 'Dismiss' }).click();
    await expect.poll(() => page.getByRole('alert').count()).toBe(0);
  });

  test('completes paths from the computer that the program runs on', async () => {
    const page = await open('/library');
    await page.keyboard.press('Control+o');
    const field = page.getByLabel('File or folder');
    await field.fill('/home/mira/mod');
    await page.getByRole('option', { name: 'models' }).waitFor();
    // The only candidate, as shells do.
    await page.keyboard.press('Tab');
    await expect.poll(() => field.inputValue()).toBe('/home/mira/models/');
    await page.getByRole('option', { name: /Qwen3-0.6B/ }).click();
    expect(await field.inputValue()).toBe('/home/mira/models/Qwen3-0.6B-Q8_0.gguf');
    // The cost of a copy is the size of the file.
    await page.getByText('639 MiB').first().waitFor();
    await page.getByRole('button', { name: 'Add', exact: true }).click();
    await page.getByRole('heading', { name: 'Qwen3-0.6B-Q8_0.gguf' }).waitFor();
  });

  test('finds a broken model again where the user says it is', async () => {
    const page = await open('/library?model=broken');
    await page.getByRole('button', { name: 'Locate…' }).click();
    await page.getByLabel('Where the files are now').fill('/mnt/other.gguf');
    await page.getByRole('button', { name: 'Use this place' }).click();
    await page.getByRole('button', { name: 'Chat', exact: true }).waitFor();
    expect(await page.getByRole('alert').count()).toBe(0);
  });

  test('saves a note as it is written', async () => {
    const page = await open('/library?model=phi');
    await page.getByLabel('Note').fill('for later');
    // Leaving saves what the clock has not saved yet.
    await page.keyboard.press('Alt+2');
    await page.getByRole('heading', { name: 'What is on your mind?' }).waitFor();
    await page.keyboard.press('Alt+1');
    await rows(page).filter({ hasText: 'Phi-3.5' }).click();
    await expect.poll(() => page.getByLabel('Note').inputValue()).toBe('for later');
  });
});

describe('the chat', () => {
  test('writes an answer as it comes, and stops at Escape with what came', async () => {
    const page = await open('/chat/t1');
    await page.keyboard.type('Talk forever');
    await page.keyboard.press('Enter');
    const answer = page.getByRole('article').last();
    await answer.getByText('long answer').first().waitFor();
    expect(await answer.getAttribute('aria-busy')).toBe('true');
    // Whoever writes on while it answers is not disturbed.
    await page.keyboard.type('next');
    await page.keyboard.press('Escape');
    await answer.getByText('stopped by you').waitFor();
    expect(await page.locator('[data-composer]').inputValue()).toBe('next');
    expect((await answer.innerText()).startsWith('Certainly.')).toBe(true);
  });

  test('answers again beside the first answer, and goes back and forth', async () => {
    const page = await open('/chat/t1');
    const last = page.getByRole('article').last();
    await page.keyboard.press('Alt+r');
    await last.getByText('You said: And how would I count the words?').waitFor();
    await last.getByRole('button', { name: 'Previous version' }).click();
    await last.getByText('Sum the pieces').waitFor();
    expect(await last.getByRole('img', { name: 'Version 1 of 2' }).count()).toBe(1);
  });

  test('a message that is written anew leaves the old one beside it', async () => {
    const page = await open('/chat/t1');
    await page.keyboard.press('ArrowUp');
    await expect.poll(() => page.locator('[data-composer]').inputValue()).toBe('And how would I count the words?');
    await page.locator('[data-composer]').fill('And the letters?');
    await page.keyboard.press('Enter');
    await page.getByRole('article').last().getByText('You said: And the letters?').waitFor();
    expect(await page.getByText('And how would I count the words?').count()).toBe(0);
    await page.getByRole('img', { name: 'Version 2 of 2' }).last().waitFor();
  });

  test('begins a conversation, which is then in the list and in the address', async () => {
    const page = await open('/chat');
    await page.getByRole('button', { name: /lighthouse keeper/ }).click();
    await page.keyboard.press('Enter');
    await page.getByRole('article').last().getByText('You said: Write a short story').waitFor();
    expect(page.url()).toMatch(/#\/chat\/new\d+$/);
    await page
      .getByRole('navigation', { name: 'Chats' })
      .getByRole('link', { name: /^Write a short story/ })
      .waitFor();
  });

  test('a thread is taken away and given back', async () => {
    const page = await open('/chat/t6');
    const list = page.getByRole('navigation', { name: 'Chats' });
    await list.getByRole('link', { name: 'Haiku about compilers' }).focus();
    await page.keyboard.press('Delete');
    await expect.poll(() => list.getByRole('link', { name: 'Haiku about compilers' }).count()).toBe(0);
    await page.getByRole('button', { name: 'Undo' }).click();
    await list.getByRole('link', { name: 'Haiku about compilers' }).waitFor();
    expect(page.url()).toContain('/chat/t6');
  });

  test('an engine that crashes leaves the thread, the message and a way to try again', async () => {
    const page = await open('/chat/t1', { scene: 'error' });
    await page.getByRole('log').waitFor();
    await page.getByRole('article').first().waitFor();
    await page.keyboard.press('Alt+r');
    await page.getByRole('alert').getByText('The inference engine stopped unexpectedly').waitFor();
    await page.getByRole('alert').getByRole('button', { name: 'Try again' }).waitFor();
    expect(await page.getByText('How do I read a large text file').count()).toBe(1);
  });

  test('links and pictures of an answer lead nowhere by themselves', async () => {
    const page = await open('/chat/t1');
    await page.getByRole('log').getByRole('button', { name: 'Node.js documentation' }).waitFor();
    expect(await page.getByRole('log').locator('a[href], img').count()).toBe(0);
  });

  test('an answer is read out by sentence', async () => {
    const page = await open('/chat/t1');
    const said = page.locator('[aria-live="polite"].sr-only');
    await page.keyboard.type('Talk forever');
    await page.keyboard.press('Enter');
    await expect.poll(() => said.textContent()).toMatch(/^(Certainly\.|Here is a .*written\.)/);
    await page.keyboard.press('Escape');
  });
});

describe('convert and quantize', () => {
  const recipes = (page: Page) => page.getByRole('table', { name: 'What it can become' });

  test('by keyboard alone: from the library, choose two, and start both', async () => {
    const page = await open('/library?model=smol');
    await page.keyboard.press('q');
    await page.getByRole('button', { name: 'Choose a result' }).waitFor();
    await recipes(page).getByRole('checkbox', { name: 'F16' }).focus();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Space');
    await page.getByRole('heading', { name: 'Plan: Q8_0' }).waitFor();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Space');
    await page.getByRole('button', { name: 'Make 2 files' }).focus();
    await page.keyboard.press('Enter');
    const work = page.getByRole('region', { name: 'Work on this model' });
    await work.getByText('Make Q8_0 from SmolLM3 3B').waitFor();
    await work.getByText('Make Q6_K from SmolLM3 3B').waitFor();
    await page.getByRole('button', { name: 'Choose a result' }).waitFor();
    expect(page.url()).not.toContain('to=');
  });

  test('says which one to begin with and why, and what was measured', async () => {
    const page = await open('/convert?model=smol');
    const row = recipes(page).getByRole('row').filter({ hasText: 'Recommended' });
    expect(await row.innerText()).toMatch(/Q5_K_M[^]*smallest one measured here[^]*9\.47 \(\+0\.6%\)[^]*KL 0\.0079/);
    await page
      .getByRole('region', { name: 'Which one should I take?' })
      .getByText(/Take SmolLM3 3B Q5_K_M: the smallest/)
      .first()
      .waitFor();
    await page.getByRole('img', { name: /Size against loss/ }).waitFor();
  });

  test('of what is quantized already nothing is recommended', async () => {
    const page = await open('/convert?model=qwen7');
    await page.getByText('This model is quantized already').waitFor();
    await recipes(page).waitFor();
    expect(await recipes(page).getByText('Recommended').count()).toBe(0);
  });

  test('keeps the choice in the address and the options over a reload', async () => {
    const page = await open('/convert?model=smol&to=nf4');
    await page.getByLabel('Block size').selectOption('256');
    await recipes(page).getByRole('checkbox', { name: 'Q4_K_M' }).check({ force: true });
    await expect.poll(() => page.url()).toContain('to=nf4%2CQ4_K_M');
    await page.reload();
    await page.getByRole('button', { name: 'Make 2 files' }).waitFor();
    expect(await page.getByLabel('Block size').inputValue()).toBe('256');
  });

  test('proposes names that nobody has yet', async () => {
    const page = await open('/convert?model=smol&to=Q3_K_M,gptq-4', { scene: 'running' });
    // A job that waits is going to write the first name.
    await page.getByText('SmolLM3 3B-Q3_K_M.gguf, SmolLM3 3B-gptq-4').waitFor();
    await page.getByRole('button', { name: 'Make 2 files' }).click();
    await page.getByRole('button', { name: 'Choose a result' }).waitFor();
    await recipes(page).getByRole('checkbox', { name: 'GPTQ 4-bit' }).check({ force: true });
    await expect.poll(() => page.locator('footer').innerText()).toContain('SmolLM3 3B-gptq-4-2');
  });

  test('does not start what cannot come out well: the button says what is missing', async () => {
    const page = await open('/convert?model=smol&to=IQ2_XXS');
    expect(await page.getByRole('button', { name: 'Importance matrix needed' }).isDisabled()).toBe(true);
    await page.getByRole('button', { name: 'Choose a file' }).click();
    await page.getByLabel('Choose a file').last().fill('/home/mira/imatrix.gguf');
    await expect.poll(() => page.getByRole('button', { name: 'Make IQ2_XXS' }).isDisabled()).toBe(false);
  });

  test('what is impossible is there with its reason, and cannot be chosen', async () => {
    const page = await open('/convert?model=smol');
    await page.getByRole('button', { name: /^All types/ }).click();
    const row = recipes(page).getByRole('row').filter({ hasText: 'MXFP4_MOE' });
    expect(await row.getByRole('checkbox').isDisabled()).toBe(true);
    await row.getByText('No layer of this model can be quantized to MXFP4_MOE.').waitFor();
  });

  test('a type is changed by a click in the plan, for one tensor and for all of a kind', async () => {
    const page = await open('/convert?model=smol&to=Q4_K_M');
    const plan = page.getByRole('region', { name: 'Plan: Q4_K_M' });
    const size = plan.locator('dd').first();
    const before = await size.innerText();
    await plan.getByRole('button', { name: 'token_embd' }).click();
    await plan.getByRole('combobox', { name: 'Type' }).selectOption('F16');
    await expect.poll(() => size.innerText()).not.toBe(before);
    await plan.getByRole('gridcell', { name: 'ffn_up, layer 0: Q4_K' }).focus();
    await page.keyboard.press('ArrowLeft');
    await page.keyboard.press('Enter');
    await plan.getByRole('combobox', { name: 'Type' }).selectOption('Q8_0');
    await plan.getByRole('gridcell', { name: 'ffn_up, layer 35: Q8_0' }).waitFor();
    await plan.getByRole('button', { name: 'Show as table' }).click();
    await plan.getByRole('row').filter({ hasText: 'token_embd' }).getByText('your choice').waitFor();
  });

  test('work that was cut off is resumed from the screen, and what failed says what is safe', async () => {
    const page = await open('/convert?model=smol', { scene: 'running' });
    const work = page.getByRole('region', { name: 'Work on this model' });
    await work.getByText('3.32 GiB of 5.73 GiB · 184 MiB/s').waitFor();
    await work.getByText('blk.21.ffn_down.weight').waitFor();
    await work.getByText('Nothing was started. Free some space').waitFor();
    await work.getByRole('button', { name: 'Resume' }).click();
    await expect.poll(() => work.getByText('Lathe was closed while this was running.').count()).toBe(0);
  });

  test('the quality card stands with its model, and can be measured again', async () => {
    const page = await open('/library?model=smolq4');
    await page.getByRole('tab', { name: 'Quality' }).click();
    await page.getByText('source 9.41, +1.8%').waitFor();
    expect(await page.locator('mark').allInnerTexts()).toEqual([
      'evening, and wrote the number',
      'night, and wrote the number',
      'entries in order.',
      'elements into an order.',
    ]);
    await page.getByRole('button', { name: 'Measure again' }).click();
    await page.getByRole('dialog', { name: 'Jobs' }).getByText('Measure the quality of SmolLM3 3B Q4_K_M').waitFor();
  });
});

describe('everywhere', () => {
  test('the palette finds commands, models and chats, and remembers what was used', async () => {
    const page = await open('/library');
    await page.keyboard.press('Control+k');
    await page.getByRole('combobox', { name: 'Search commands, models and chats' }).fill('haiku');
    await page
      .getByRole('dialog')
      .getByRole('option', { name: /^Haiku about compilers/ })
      .click();
    await expect.poll(() => page.url()).toContain('/chat/t6');
    await page.keyboard.press('Control+k');
    await page.keyboard.type('log');
    await page.keyboard.press('Enter');
    await page.getByRole('dialog', { name: 'Log' }).getByText('Line 3 of the log').waitFor();
    await page.keyboard.press('Escape');
    await page.keyboard.press('Control+k');
    await page.getByRole('dialog').getByRole('option').first().getByText('Show the log').waitFor();
  });

  test('a connection that is lost is said calmly, and what is on the screen stays', async () => {
    const { page, server, close } = await openView(browser, { scene: 'filled', settings: { language: 'en' }, at: '/chat/t1' });
    onTestFinished(close);
    await page.getByRole('article').first().waitFor();
    await server.close();
    await page.getByText('Connection lost. Reconnecting…').waitFor();
    expect(await page.getByText('How do I read a large text file').count()).toBe(1);
    expect(await page.getByRole('alert').count()).toBe(0);
  });

  test('the language changes at once, and holds over a reload', async () => {
    const page = await open('/library');
    await page.getByRole('button', { name: 'Language' }).click();
    await page.getByRole('menuitem', { name: '简体中文' }).click();
    await page.getByRole('heading', { name: '模型库' }).waitFor();
    await page.reload();
    await page.getByRole('heading', { name: '模型库' }).waitFor();
    expect(await page.evaluate(() => document.documentElement.lang)).toBe('zh-CN');
  });

  test('going to a screen puts the focus on its heading, Escape closes the top layer only', async () => {
    const page = await open('/chat/t1');
    await page.keyboard.press('Alt+1');
    await expect.poll(() => focusIsIn(page, 'h1')).toBe(true);
    await page.keyboard.press('Control+j');
    await page.getByRole('dialog', { name: 'Jobs' }).waitFor();
    await page.keyboard.press('Control+k');
    await page.getByRole('dialog', { name: 'Search and run commands' }).waitFor();
    await page.keyboard.press('Escape');
    await expect.poll(() => page.getByRole('dialog').count()).toBe(1);
    await page.keyboard.press('Escape');
    await expect.poll(() => page.getByRole('dialog').count()).toBe(0);
  });

  test('a job can be cancelled, and what ended can be cleared away', async () => {
    const page = await open('/library', { scene: 'running' });
    await page.keyboard.press('Control+j');
    const jobs = page.getByRole('dialog', { name: 'Jobs' });
    await jobs.getByText('2.69 GiB of 5.73 GiB · 310 MiB/s').waitFor();
    await jobs.getByRole('button', { name: 'Cancel “Make F16 from SmolLM3 3B”' }).click();
    await jobs.getByText('Cancelled. Nothing half-done was kept.').waitFor();
    await jobs.getByRole('button', { name: 'Clear ended' }).click();
    await expect.poll(() => jobs.getByRole('listitem').count()).toBe(4);
  });
});
