import { readFile } from 'node:fs/promises';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { launchBrowser } from './browser.ts';
import { openView, type View } from './screen.ts';

/** All that can be done in a conversation, with a stand-in for the program behind the page. */

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

const composer = (page: Page) => page.locator('[data-composer]');
const answer = (page: Page) => page.getByRole('article').last();
const more = async (page: Page, item: string): Promise<void> => {
  await answer(page).getByRole('button', { name: 'More for this answer' }).click();
  await page.getByRole('menuitem', { name: item }).click();
};
const panel = async (page: Page): Promise<void> => {
  await page.keyboard.press('Control+.');
  await page.getByRole('complementary', { name: 'Chat settings' }).waitFor();
};

test('counts the prompt as one writes, and shows it to the token', async () => {
  const page = await open('/chat/t1');
  const meter = page.getByRole('meter', { name: 'Context in use' });
  await composer(page).fill('a'.repeat(400));
  await page.getByRole('button', { name: /^Context in use/ }).click();
  await page.getByRole('button', { name: 'Show the exact prompt' }).click();
  const prompt = page.getByRole('dialog').locator('pre');
  await prompt.getByText('a'.repeat(400)).waitFor();
  expect(await prompt.locator('mark').first().innerText()).toBe('<|im_start|>');
  // Four letters are a token to the stand-in. Before it has counted, the meter shows what the last answer took.
  const shown = (await prompt.textContent()) ?? '';
  expect(Number(await meter.getAttribute('aria-valuenow'))).toBe(Math.ceil(shown.length / 4));
});

test('says what will not be read before it is sent, and offers a way', async () => {
  const page = await open('/chat/t1');
  await composer(page).fill('a very long question');
  await page.getByText(/^Too long by 1,201 tokens/).waitFor();
  expect(await page.getByRole('button', { name: 'Send', exact: true }).isDisabled()).toBe(true);
  await page.getByRole('button', { name: 'Let the oldest go' }).click();
  await page.getByText('The oldest 2 messages will not be read').waitFor();
  await page.getByText('Not read from here up').waitFor();
  expect(await page.getByRole('button', { name: 'Send', exact: true }).isEnabled()).toBe(true);
  await page.getByRole('button', { name: /^Context in use/ }).click();
  expect(await page.getByRole('radio', { name: /^Keep the system prompt/ }).isChecked()).toBe(true);
});

test('another template is tried first; a hostile one is stopped, a good one kept and given up again', async () => {
  const page = await open('/chat/t1');
  await page.getByRole('button', { name: /^Context in use/ }).click();
  await page.getByRole('button', { name: 'Show the exact prompt' }).click();
  await page.getByRole('tab', { name: 'Chat template' }).click();
  const field = page.getByRole('textbox', { name: 'Chat template' });
  await field.fill('{% for i in range(999999999) %}x{% endfor %}');
  await page.getByRole('button', { name: 'Try and use it' }).click();
  await page.getByText('was stopped after').waitFor();
  await field.fill('{{ messages[0].content }}');
  await page.getByRole('button', { name: 'Try and use it' }).click();
  await page.getByText('Your template, used in the place').waitFor();
  await page.getByRole('button', { name: 'Back to the model’s own' }).click();
  await page.getByText('The template of the model’s file').waitFor();
  expect(await page.getByRole('button', { name: 'Try and use it' }).isDisabled()).toBe(true);
});

test('a preset sets the sliders; a changed one is the user’s own, saved, renamed, deleted and brought back', async () => {
  const page = await open('/chat/t1');
  await panel(page);
  const temperature = page.getByRole('textbox', { name: 'Temperature' });
  await page.getByRole('button', { name: /^Preset:/ }).click();
  await page.getByRole('menuitem', { name: /^Code/ }).click();
  await expect.poll(() => temperature.inputValue()).toBe('0.3');
  await temperature.fill('0.45');
  await page.getByRole('button', { name: 'Preset: Your own mixture' }).click();
  await page.getByRole('menuitem', { name: 'Save this as a preset…' }).click();
  await page.keyboard.type('Mine');
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Preset: Mine' }).click();
  await page.getByRole('menuitem', { name: 'Rename' }).click();
  await page.getByRole('textbox', { name: 'Name of the preset' }).fill('Ours');
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Preset: Ours' }).click();
  await page.getByRole('menuitem', { name: 'Delete' }).click();
  await page.getByRole('button', { name: 'Preset: Your own mixture' }).waitFor();
  await page.getByRole('button', { name: 'Undo' }).click();
  await page.getByRole('button', { name: 'Preset: Ours' }).waitFor();
  await page.getByRole('button', { name: 'Temperature: back to 0.8' }).click();
  await expect.poll(() => temperature.inputValue()).toBe('0.8');
});

test('a grammar is checked before it is used', async () => {
  const page = await open('/chat/t1');
  await panel(page);
  await page.getByRole('button', { name: 'Form of the answer' }).click();
  await page.getByRole('combobox', { name: 'Form of the answer' }).click();
  await page.getByRole('option', { name: 'Grammar (GBNF)' }).click();
  const field = page.getByRole('textbox', { name: 'Grammar (GBNF)' });
  await field.fill('answer ::= "yes"');
  await page.getByRole('button', { name: 'Check and use' }).click();
  await page.getByText('no rule "root"').waitFor();
  await field.fill('root ::= "yes"');
  await page.getByRole('button', { name: 'Check and use' }).click();
  await page.getByText('Can be used').waitFor();
  expect(await page.getByText('no rule "root"').count()).toBe(0);
});

test('several answers to one message are versions of it', async () => {
  const page = await open('/chat/t1');
  await panel(page);
  await page.getByRole('textbox', { name: 'Answers to each message' }).fill('3');
  await composer(page).fill('Hello');
  await page.keyboard.press('Enter');
  await answer(page).getByRole('img', { name: 'Version 3 of 3' }).waitFor();
  expect(await answer(page).innerText()).toContain('You said: Hello');
});

test('tokens show what could have stood in their places, by pointer and by keyboard', async () => {
  const page = await open('/chat/t1');
  await panel(page);
  await page.getByRole('switch', { name: 'Keep token probabilities' }).click({ force: true });
  await composer(page).fill('Hello');
  await page.keyboard.press('Enter');
  // Until the new answer is there, the last one is an earlier one, without them.
  await answer(page).getByText('You said: Hello').waitFor();
  await answer(page).getByText('tokens/s').waitFor();
  await more(page, 'Show token probabilities');
  const tokens = page.getByRole('listbox', { name: /^Tokens of the answer/ });
  await tokens.getByRole('option').nth(1).hover();
  await page.getByRole('rowheader', { name: 'said:␣' }).waitFor();
  await tokens.focus();
  await page.keyboard.press('End');
  await page.getByRole('rowheader', { name: 'Hello' }).waitFor();
  expect(await page.getByRole('row', { name: /perhaps/ }).innerText()).toContain('30');
});

test('an answer is edited beside itself, continued, and deleted with undo', async () => {
  const page = await open('/chat/t1');
  await more(page, 'Edit the answer');
  await page.getByRole('textbox', { name: 'Edit the answer' }).fill('Use awk.');
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await answer(page).getByText('edited by you').waitFor();
  await answer(page).getByRole('img', { name: 'Version 2 of 2' }).waitFor();
  await more(page, 'Continue the answer');
  await answer(page).getByText('Use awk.You said: And how would I count the words?').waitFor();
  await more(page, 'Delete the answer');
  await answer(page).getByText('Sum the pieces').waitFor();
  await page.getByRole('button', { name: 'Undo' }).click();
  await answer(page).getByText('Use awk.').waitFor();
  expect(await answer(page).getByRole('img', { name: 'Version 2 of 2' }).count()).toBe(1);
});

test('a search finds what was said in any chat and leads to it, on whichever branch it is', async () => {
  const page = await open('/chat/t3');
  await page.getByRole('searchbox', { name: 'Search chats' }).fill('readline` with');
  await page.getByRole('button', { name: /^Reading a file line by line/ }).click();
  await page.getByRole('article').getByText('with a stream.').waitFor();
  await page.getByRole('img', { name: 'Version 1 of 2' }).waitFor();
  expect(await page.getByRole('article').count()).toBe(2);
});

test('chats are put into folders, which are renamed and dissolved', async () => {
  const page = await open('/chat/t1');
  const menu = async (of: string, item: string): Promise<void> => {
    await page.getByRole('button', { name: of }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('menuitem', { name: item }).click();
  };
  await menu('More for “Haiku about compilers”', 'Move to a new folder…');
  await page.keyboard.type('Poems');
  await page.keyboard.press('Enter');
  const folder = page.getByRole('region', { name: 'Poems' });
  await folder.getByText('Haiku about compilers').waitFor();
  await menu('More for the folder “Poems”', 'Rename');
  await page.getByRole('textbox', { name: 'Name of the folder' }).fill('Verses');
  await page.keyboard.press('Enter');
  await page.getByRole('region', { name: 'Verses' }).waitFor();
  await menu('More for the folder “Verses”', 'Take all chats out');
  await expect.poll(() => page.getByRole('region', { name: 'Verses' }).count()).toBe(0);
});

test('a chat is exported as a file, and files are brought in', async () => {
  const page = await open('/chat/t1');
  await page.getByRole('button', { name: 'More for “Reading a file line by line”' }).focus();
  await page.keyboard.press('Enter');
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('menuitem', { name: 'Export as JSON, with all versions' }).click(),
  ]);
  expect(download.suggestedFilename()).toBe('chat.json');
  expect(await readFile(await download.path(), 'utf8')).toBe('Reading a file line by line');
  const choose = async (name: string, text: string): Promise<void> => {
    const [chooser] = await Promise.all([
      page.waitForEvent('filechooser'),
      page.getByRole('button', { name: 'Import conversations' }).click(),
    ]);
    await chooser.setFiles({ name, mimeType: 'application/json', buffer: Buffer.from(text) });
  };
  await choose('brought.json', '{}');
  await page.getByRole('link', { name: 'brought.json' }).waitFor();
  await choose('bad.md', 'nothing');
  await page.getByText('bad.md is no conversation').waitFor();
});

test('a draft is still there after the window was closed', async () => {
  const page = await open('/chat/t1');
  await composer(page).fill('Not sent yet');
  await page.reload();
  await composer(page).waitFor();
  await expect.poll(() => composer(page).inputValue()).toBe('Not sent yet');
});

test('thoughts are folded away, and a call waits for the user', async () => {
  const page = await open('/chat/t8');
  const thoughts = page.getByText('A product of two numbers above one');
  expect(await thoughts.count()).toBe(0);
  await page.getByRole('button', { name: 'What the model thought first' }).click();
  await thoughts.waitFor();
  await page.locator('.katex-display').first().waitFor();
  await page.getByRole('region', { name: 'The model wants to call a function' }).getByText('17 * 23').waitFor();
  await page.getByRole('button', { name: 'Allow the call' }).click();
  await page.getByRole('article', { name: 'Result of calculator' }).getByText('391').waitFor();
  await answer(page).getByText('You said: 391').waitFor();
});

test('a function of the user is added, offered to the model, and taken away again', async () => {
  const page = await open('/chat/t8');
  await panel(page);
  await page.getByRole('button', { name: 'Add a function' }).click();
  const dialog = page.getByRole('dialog', { name: 'Add a function' });
  const name = dialog.getByRole('textbox', { name: 'Name' });
  await name.fill('clock');
  await dialog.getByText('There is a function of this name.').waitFor();
  await name.fill('door_state');
  await dialog.getByRole('button', { name: 'Save' }).click();
  expect(await page.getByRole('checkbox', { name: 'door_state' }).isChecked()).toBe(true);
  await page.getByRole('button', { name: 'Delete door_state' }).click();
  await expect.poll(() => page.getByRole('checkbox', { name: 'door_state' }).count()).toBe(0);
});

test('what a model writes does no harm: HTML, scripts, turned-around text, one endless line', async () => {
  const page = await open('/chat/t1');
  const hostile = '<img src=x onerror="document.title=\'taken\'"><script>document.title="taken"</script>\u202Eabc\u202C <b>bold</b>';
  await composer(page).fill(`${hostile}\n\n${'x'.repeat(60_000)}\n\n\`\`\`js\nif (a\u202E) {}\n\`\`\``);
  await page.keyboard.press('Enter');
  // Until the new answer is there, the last one is an earlier one, which has its speed as well.
  await answer(page).getByText('<b>bold</b>').first().waitFor();
  await answer(page).getByText('tokens/s').waitFor();
  expect(await page.title()).not.toBe('taken');
  expect(await answer(page).locator('img, script, b').count()).toBe(0);
  expect(await answer(page).innerText()).toContain('<b>bold</b>');
  expect(await answer(page).innerText()).toContain('⟨U+202E⟩');
  expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(true);
});
