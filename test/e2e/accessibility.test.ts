import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launchBrowser } from './browser.ts';
import type { Scene } from './fake-handlers.ts';
import { axeFindings, openView } from './screen.ts';

/** The screens in every state, with what can be opened over them. */
interface State {
  readonly name: string;
  readonly scene: Scene;
  readonly at: string;
  /** What is opened, one after the other; after each the page is examined. */
  readonly open?: readonly ((page: Page) => Promise<void>)[];
}

/** Far longer than any of the app's movements. */
const OPENING_MS = 400;

const press =
  (keys: string) =>
  async (page: Page): Promise<void> =>
    page.keyboard.press(keys);

const close = press('Escape');

const tab =
  (index: number) =>
  async (page: Page): Promise<void> =>
    page.getByRole('tab').nth(index).click();

const states: readonly State[] = [
  { name: 'library, empty', scene: 'empty', at: '/library', open: [press('Control+o'), close, press('Control+j')] },
  { name: 'library, filled', scene: 'filled', at: '/library', open: [press('Control+k'), close, press('Control+,'), close, press('?')] },
  {
    name: 'library, a model',
    scene: 'filled',
    at: '/library?model=qwen7',
    open: [tab(1), tab(2), tab(3), press('Delete'), close, press('F2')],
  },
  { name: 'library, a model with a quality card', scene: 'filled', at: '/library?model=smolq4', open: [tab(2)] },
  { name: 'library, a broken model', scene: 'filled', at: '/library?model=broken' },
  { name: 'library, jobs under way', scene: 'running', at: '/library', open: [press('Control+j')] },
  { name: 'library, an error', scene: 'error', at: '/library', open: [press('Control+j')] },
  { name: 'chat, empty', scene: 'empty', at: '/chat' },
  {
    name: 'chat, filled',
    scene: 'filled',
    at: '/chat/t1',
    open: [press('Control+.'), async (page) => page.getByRole('button', { name: /^(Model:|模型：)/ }).click()],
  },
  {
    name: 'chat, thoughts, a formula and a call that waits',
    scene: 'filled',
    at: '/chat/t8',
    open: [
      async (page) => page.getByRole('button', { name: /^(What the model thought first|模型先前的思考)$/ }).click(),
      async (page) => {
        await page.keyboard.press('Control+.');
        for (const name of [/^(Against repetition|抑制重复)$/, /^(Form of the answer|回答的形式)$/])
          await page.getByRole('button', { name }).click();
      },
      async (page) => page.getByRole('button', { name: /^(Add a function|添加函数)$/ }).click(),
    ],
  },
  {
    name: 'chat, what the model reads, and what is found',
    scene: 'filled',
    at: '/chat/t1',
    open: [
      async (page) => {
        await page.locator('[data-composer]').fill('a very long question');
        await page.locator('[data-blocking]').waitFor();
        await page.getByRole('searchbox', { name: /^(Search chats|搜索对话)$/ }).fill('line');
      },
      async (page) => page.getByRole('button', { name: /^(Context in use|已用上下文)/ }).click(),
      async (page) => page.getByRole('button', { name: /^(Show the exact prompt|显示实际的提示词)$/ }).click(),
      tab(1),
    ],
  },
  {
    name: 'chat, an engine elsewhere',
    scene: 'filled',
    at: '/chat/t1',
    open: [
      async (page) => {
        await page.getByRole('button', { name: /^(Model:|模型：)/ }).click();
        await page
          .getByRole('button', { name: /Llama-3.3-70B/ })
          .first()
          .click();
        await page.locator('[data-composer]').fill('Are you far away?');
        await page.keyboard.press('Enter');
        await page.getByText(/(Attic, not local|Attic，非本机)/).waitFor();
        await page.getByRole('button', { name: /^(Not local|非本机)$/ }).click();
      },
      async (page) => {
        await page.keyboard.press('Escape');
        await page.getByRole('button', { name: /^(Model:|模型：)/ }).click();
        await page.getByRole('button', { name: /^(Remote engines…|远程引擎…)$/ }).click();
      },
      async (page) => {
        await page.getByRole('button', { name: /^(Add an engine|添加引擎)$/ }).click();
        await page.getByRole('textbox', { name: /^(Base URL|基础 URL)$/ }).fill('http://api.example.com/v1');
        await page.getByRole('checkbox', { name: /^(Send them all the same|仍然发送)$/ }).check({ force: true });
        await page.getByRole('button', { name: /^(Test the connection|测试连接)$/ }).click();
      },
    ],
  },
  { name: 'chat, a text that goes on', scene: 'filled', at: '/chat/t2' },
  { name: 'chat, before the first message', scene: 'filled', at: '/chat' },
  {
    name: 'chat, a model that loads',
    scene: 'running',
    at: '/chat/t2',
    open: [
      async (page) => {
        await page.locator('[data-composer]').fill('Go on');
        await page.keyboard.press('Enter');
        await page.getByText(/Reading the model|正在读取模型/).waitFor();
      },
    ],
  },
  {
    name: 'chat, an answer that failed',
    scene: 'filled',
    at: '/chat/t3',
    open: [async (page) => page.getByRole('button', { name: /^(Details|详情)$/ }).click()],
  },
  { name: 'chat, an error', scene: 'error', at: '/chat/gone' },
  { name: 'adapters, empty', scene: 'empty', at: '/adapters' },
  { name: 'adapters, merge', scene: 'filled', at: '/adapters?use=tone:0.8&base=smol' },
  { name: 'adapters, one that does not fit', scene: 'filled', at: '/adapters?use=tone&base=qwen7' },
  { name: 'adapters, combine', scene: 'filled', at: '/adapters?mode=combine&use=tone,sql:0.5&base=smol' },
  { name: 'adapters, extract', scene: 'filled', at: '/adapters?mode=extract&base=smol' },
  { name: 'adapters, merges under way', scene: 'running', at: '/adapters?use=tone&base=smol' },
  { name: 'adapters, an error', scene: 'error', at: '/adapters' },
  { name: 'library, a model with a certificate', scene: 'filled', at: '/library?model=smolq4', open: [tab(1)] },
  { name: 'training, empty', scene: 'empty', at: '/training' },
  {
    name: 'training, setup',
    scene: 'filled',
    at: '/training?model=smol',
    open: [
      async (page) => page.getByLabel(/^(Dataset|数据集)$/).fill('/home/mira/data/letters.jsonl'),
      async (page) => page.getByRole('button', { name: /^(All settings|全部设置)$/ }).click(),
    ],
  },
  { name: 'training, a run under way', scene: 'running', at: '/training?run=r1' },
  { name: 'training, a run that is done', scene: 'filled', at: '/training?run=r2' },
  { name: 'training, runs compared', scene: 'filled', at: '/training?compare=r1,r2' },
  { name: 'training, a run with too little memory', scene: 'error', at: '/training?run=r4' },
  {
    name: 'training, a recipe',
    scene: 'filled',
    at: '/training?run=r2',
    open: [
      async (page) => {
        await page
          .getByRole('main')
          .getByRole('button', { name: /^(More|更多)$/ })
          .click();
        await page.getByRole('menuitem', { name: /recipe|配方/ }).click();
        await page.getByRole('menu').waitFor({ state: 'detached' });
      },
    ],
  },
  { name: 'training, a run that is gone', scene: 'error', at: '/training?run=none' },
  { name: 'benchmark, empty', scene: 'empty', at: '/benchmark' },
  {
    name: 'benchmark, setup',
    scene: 'filled',
    at: '/benchmark?base=smol',
    open: [
      async (page) => {
        for (const name of [/Questions with known answers|有已知答案的问题/, /Your own prompts|您自己的提示词/])
          await page.getByRole('switch', { name }).press('Space');
        await page.getByRole('button', { name: /^(Try several settings|.*多种设置.*)$/ }).click();
      },
    ],
  },
  { name: 'benchmark, a run under way', scene: 'running', at: '/benchmark?run=b4' },
  { name: 'benchmark, one computer beside another', scene: 'filled', at: '/benchmark?run=b1&beside=b3' },
  { name: 'benchmark, settings swept, one failed', scene: 'filled', at: '/benchmark?run=b2' },
  { name: 'benchmark, an error', scene: 'error', at: '/benchmark?run=none' },
  { name: 'server, off', scene: 'empty', at: '/server' },
  {
    name: 'server, asked',
    scene: 'filled',
    at: '/server',
    open: [
      async (page) =>
        page
          .getByRole('button', { name: /^(Make a new key|生成新密钥)$/ })
          .first()
          .press('Enter'),
    ],
  },
  { name: 'server, being asked', scene: 'running', at: '/server' },
  {
    name: 'server, a port that is taken',
    scene: 'error',
    at: '/server',
    open: [async (page) => page.getByRole('switch').click()],
  },
  { name: 'memory, by size', scene: 'empty', at: '/memory' },
  {
    name: 'memory, a model on a card',
    scene: 'filled',
    at: '/memory?model=qwen7',
    open: [
      async (page) => page.getByRole('button', { name: 'GeForce RTX 4090', exact: true }).click(),
      // The radio itself is not seen: a person presses its label.
      async (page) => page.locator('label', { hasText: /^QLoRA/ }).click(),
    ],
  },
  { name: 'memory, with work under way', scene: 'running', at: '/memory?model=smol' },
  { name: 'memory, an error', scene: 'error', at: '/memory' },
  { name: 'memory, with a card of this computer', scene: 'running', at: '/memory?model=qwen7' },
  {
    name: 'chat, a model that does not fit',
    scene: 'filled',
    at: '/chat/t1',
    open: [
      async (page) => {
        await page.keyboard.press('Control+.');
        const panel = page.getByRole('complementary').last();
        await panel.getByRole('button', { name: /^(Loading|加载)$/ }).click();
        await panel.getByRole('textbox', { name: /^(Context, in tokens|上下文（词元）)$/ }).fill('4000000');
        await panel.getByRole('button', { name: /^(Load now|Load again now|立即加载|立即重新加载)$/ }).click();
        await page.getByRole('alert').first().waitFor();
      },
    ],
  },
  { name: 'convert, empty', scene: 'empty', at: '/convert' },
  { name: 'convert, before a model is chosen', scene: 'filled', at: '/convert' },
  {
    name: 'convert, filled',
    scene: 'filled',
    at: '/convert?model=smol&to=Q4_K_M,gptq-4,nf4,F16,IQ2_XXS',
    open: [
      async (page) => page.getByRole('button', { name: /^(All types|全部类型)/ }).click(),
      async (page) => page.getByRole('button', { name: /^(Advanced|高级)$/ }).click(),
    ],
  },
  {
    name: 'convert, a plan that is changed',
    scene: 'filled',
    at: '/convert?model=smol&to=Q4_K_M',
    open: [
      async (page) => page.getByRole('gridcell').first().click(),
      async (page) => page.getByRole('button', { name: /^(Source:|来源：)/ }).click(),
    ],
  },
  { name: 'convert, work under way and failed', scene: 'running', at: '/convert?model=smol' },
  { name: 'convert, a model that cannot be read', scene: 'filled', at: '/convert?model=gptq' },
  { name: 'convert, an error', scene: 'error', at: '/convert?model=smol' },
];

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());

const BRIGHT_ENGLISH = { colorScheme: 'light', language: 'en' } as const;
const DARK_CHINESE = { colorScheme: 'dark', language: 'zh-CN' } as const;
/** The screens are seen in all four; what opens over them in the two that share nothing. */
const looks = [BRIGHT_ENGLISH, { colorScheme: 'light', language: 'zh-CN' }, { colorScheme: 'dark', language: 'en' }, DARK_CHINESE] as const;

test.each(states)('axe finds nothing in both themes and languages: $name', { timeout: 300_000 }, async ({ scene, at, open = [] }) => {
  const view = await openView(browser, { scene, at, settings: { language: 'en' } });
  const findings: string[] = [];
  const examine = async (step: string, seen: readonly (typeof looks)[number][]): Promise<void> => {
    for (const { colorScheme, language } of seen) {
      await view.look(colorScheme, language);
      findings.push(...(await axeFindings(view.page)).map((finding) => `${step}, ${colorScheme}, ${language}: ${finding}`));
    }
  };
  try {
    await examine('as it is', looks);
    for (const [index, act] of open.entries()) {
      await act(view.page);
      // What opens is fetched first and moves in.
      await view.page.waitForTimeout(OPENING_MS);
      if (act !== close) await examine(`step ${index + 1}`, [BRIGHT_ENGLISH, DARK_CHINESE]);
    }
    expect([...findings, ...view.problems]).toEqual([]);
  } finally {
    await view.close();
  }
});

test('at 200 % zoom nothing has to be scrolled sideways', { timeout: 300_000 }, async () => {
  for (const at of [
    '/library',
    '/library?model=qwen7',
    '/chat/t1',
    '/chat/t8',
    '/convert?model=smol&to=Q4_K_M',
    '/adapters?use=tone:0.8&base=smol',
    '/training?model=smol',
    '/training?run=r2',
    '/benchmark?run=b1',
    '/memory?model=qwen7',
    '/server',
  ]) {
    // A window of 1280 pixels, twice enlarged.
    const { page, close: end } = await openView(browser, {
      scene: 'filled',
      at,
      settings: { language: 'en' },
      size: { width: 640, height: 400 },
    });
    try {
      expect([at, await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)]).toEqual([at, true]);
      expect(await axeFindings(page)).toEqual([]);
    } finally {
      await end();
    }
  }
});

test('where less motion is wished for, nothing moves or fades for longer than a millisecond', async () => {
  const places = ['/library', '/chat/t2', '/convert?model=smol', '/adapters?use=tone&base=smol', '/training?run=r1', '/benchmark?run=b4'];
  /** The longest movement that any element of the screens would make, in milliseconds. */
  const longestMs = async (motion: 'reduce' | 'no-preference'): Promise<number> => {
    const { page, close: end } = await openView(browser, { scene: 'running', at: '/library', settings: { language: 'en' }, motion });
    const found: number[] = [];
    try {
      for (const at of places) {
        await page.evaluate((hash) => (location.hash = hash), at);
        await page.waitForLoadState('networkidle');
        await page.keyboard.press('Control+j');
        await page.waitForTimeout(OPENING_MS);
        const durations = await page.evaluate(() =>
          [...document.querySelectorAll('*')].flatMap((element) =>
            [null, '::before', '::after'].flatMap((part) => {
              const { transitionDuration, animationDuration } = getComputedStyle(element, part);
              // Of CSS, in seconds: `0.12s, 0s`.
              return `${transitionDuration}, ${animationDuration}`.split(', ').map((text) => Number.parseFloat(text) * 1000);
            }),
          ),
        );
        found.push(Math.max(...durations));
        await page.keyboard.press('Control+j');
      }
      return Math.max(...found);
    } finally {
      await end();
    }
  };
  expect(await longestMs('no-preference')).toBeGreaterThan(1000);
  expect(await longestMs('reduce')).toBeLessThanOrEqual(1);
});
