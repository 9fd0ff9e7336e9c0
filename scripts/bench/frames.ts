import { setTimeout as sleep } from 'node:timers/promises';
import type { CDPSession, Page } from 'playwright-core';
import type { Message } from '#contract/chat.ts';
import { sampling } from '#contract/chat.ts';
import { contract, type AppHandlers } from '#contract/index.ts';
import { serve } from '#contract/serve.ts';
import { MiB } from '#core/bytes.ts';
import { startServer } from '#main/http/server.ts';
import { launchBrowser } from '#test/e2e/browser.ts';
import { fakeHandlers } from '#test/e2e/fake-handlers.ts';
import type { BenchRow } from './row.ts';
import { fileURLToPath } from 'node:url';

export const name = 'frames';

const MESSAGES = 2000;
const TOKENS_PER_SECOND = 300;
/** As the engine tells its text. */
const EVENT_MS = 25;
const ANSWER_TOKENS = 900;
const WARM_UP_MS = 5000;
/** Longer for the figure of memory: `LATHE_FRAMES_SECONDS=600 npm run bench frames`. */
const SECONDS = Number(process.env['LATHE_FRAMES_SECONDS'] ?? 60);

const built = fileURLToPath(new URL('../../out/renderer', import.meta.url));

/** Words with everything that costs a renderer something: emphasis, code, lists, a table. */
const TEXT = [
  'A **language model** writes one token at a time, and `each` of them depends on all before it.\n\n',
  '```ts\nconst next = (tokens: number[]): number => sample(model(tokens), { temperature: 0.8 });\n```\n\n',
  '1. It reads what there is.\n2. It weighs what could come.\n3. It *chooses*.\n\n',
  '| what | cost |\n| --- | ---: |\n| reading | high |\n| writing | low |\n\n',
].join('');
const words = TEXT.split(/(?<= )/);

const facts = {
  modelId: 'qwen7',
  modelName: 'Qwen2.5 7B Instruct',
  sampling: sampling.parse({ seed: 1 }),
  promptTokens: 10,
  cachedTokens: 0,
  answerTokens: ANSWER_TOKENS,
  timeToFirstTokenMs: 10,
  tokensPerSecond: TOKENS_PER_SECOND,
  stopReason: 'end' as const,
};

const messageAt = (index: number, text: string): Message => ({
  id: `n${index}`,
  threadId: 't1',
  parentId: index === 0 ? null : `n${index - 1}`,
  role: index % 2 === 0 ? 'user' : 'assistant',
  text,
  facts: index % 2 === 0 ? null : facts,
  error: null,
  createdMs: index,
});

/** A thread of 2,000 messages, whose answers come at 300 tokens a second. */
function longThread(usual: AppHandlers): AppHandlers {
  const messages = Array.from({ length: MESSAGES }, (_, index) => messageAt(index, index % 2 === 0 ? 'And then?' : TEXT));
  return {
    ...usual,
    chat: {
      ...usual.chat,
      thread: async (input, context) => ({ ...(await usual.chat.thread(input, context)), messages }),
      send: async function* ({ text }, { signal }) {
        const [question, answer] = [messageAt(messages.length, text), messageAt(messages.length + 1, '')];
        messages.push(question, { ...answer, facts: null });
        yield { type: 'started', messages: [question, { ...answer, facts: null }] };
        const startMs = performance.now();
        let told = 0;
        let written = '';
        while (told < ANSWER_TOKENS && !signal.aborted) {
          await sleep(EVENT_MS, undefined, { signal }).catch(() => undefined);
          const due = Math.min(ANSWER_TOKENS, Math.floor(((performance.now() - startMs) / 1000) * TOKENS_PER_SECOND));
          let piece = '';
          for (; told < due; told += 1) piece += words[told % words.length] ?? '';
          written += piece;
          if (piece !== '') yield { type: 'text', text: piece };
        }
        messages[messages.length - 1] = { ...answer, text: written };
        yield { type: 'finished', message: { ...answer, text: written } };
      },
    },
  };
}

/** Milliseconds of the frames in which the conversation changed, from now on. Frames without work would only flatter the figure. */
const watchFrames = (page: Page): Promise<void> =>
  page.evaluate(() => {
    const frames: number[] = [];
    Object.assign(globalThis, { latheFrames: frames });
    let isChanged = false;
    const log = document.querySelector('[role="log"]');
    if (log !== null)
      new MutationObserver(() => {
        isChanged = true;
      }).observe(log, { subtree: true, childList: true, characterData: true });
    let last = performance.now();
    const frame = (now: number): void => {
      if (isChanged) frames.push(now - last);
      isChanged = false;
      last = now;
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  });

const takeFrames = (page: Page): Promise<number[]> =>
  page.evaluate(() => (globalThis as unknown as { latheFrames: number[] }).latheFrames.splice(0));

async function heapBytes(cdp: CDPSession): Promise<number> {
  await cdp.send('HeapProfiler.collectGarbage');
  const { metrics } = await cdp.send('Performance.getMetrics');
  return metrics.find((metric) => metric.name === 'JSHeapUsedSize')?.value ?? Number.NaN;
}

const quantile = (values: readonly number[], share: number): number =>
  values.toSorted((left, right) => left - right)[Math.floor((values.length - 1) * share)] ?? Number.NaN;

/** Time of a frame and memory of the page while a fast model writes into a long thread. Needs the built page. */
export async function run(): Promise<BenchRow[]> {
  const handlers = longThread(fakeHandlers({ scene: 'filled', settings: { language: 'en', colorScheme: 'light' } }));
  const server = await startServer({ root: built, port: 0, onPort: (port) => void serve(contract, handlers, port) });
  // Frames as fast as the page can make them: the time between two is what one costs.
  const browser = await launchBrowser(undefined, ['--disable-frame-rate-limit', '--disable-gpu-vsync']);
  try {
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    const cdp = await page.context().newCDPSession(page);
    await cdp.send('Performance.enable');
    await page.goto(server.address);
    await page.evaluate(() => (location.hash = '/chat/t1'));
    const composer = page.locator('[data-composer]');
    await page.getByText('It reads what there is.').last().waitFor();
    const isWriting = (): Promise<boolean> => page.evaluate(() => document.querySelector('article[aria-busy="true"]') !== null);
    const write = async (untilMs: number): Promise<void> => {
      while (performance.now() < untilMs) {
        if (!(await isWriting())) {
          await composer.fill('And then?');
          await composer.press('Enter');
        }
        await sleep(200);
      }
    };
    const begunMs = performance.now();
    await write(begunMs + WARM_UP_MS);
    await watchFrames(page);
    const frames: number[] = [];
    const heaps: number[] = [await heapBytes(cdp)];
    for (let part = 1; part <= 4; part += 1) {
      await takeFrames(page);
      await write(performance.now() + (SECONDS * 1000) / 4);
      frames.push(...(await takeFrames(page)));
      // Not counted: collecting garbage stops the page.
      heaps.push(await heapBytes(cdp));
    }
    const rows = await page.getByRole('article').count();
    const [first = Number.NaN] = heaps.slice(1);
    const growth = ((heaps.at(-1) ?? Number.NaN) - first) / MiB;
    const written = (SECONDS * 0.75 * TOKENS_PER_SECOND * TEXT.length) / words.length / MiB;
    return [
      {
        name: `frames: 95th percentile, ${TOKENS_PER_SECOND} tokens/s into ${MESSAGES} messages`,
        value: quantile(frames, 0.95),
        unit: 'ms',
        goal: '≤ 16',
        note: `of ${frames.length} frames with new text in ${SECONDS} s`,
      },
      { name: 'frames: 99th percentile', value: quantile(frames, 0.99), unit: 'ms', note: `worst ${quantile(frames, 1).toFixed(0)} ms` },
      {
        name: 'frames: growth of the heap',
        value: growth,
        unit: 'MiB',
        note: `in the last ${SECONDS * 0.75} s, in which ${written.toFixed(2)} MiB of text were written; ${rows} messages in the page`,
      },
    ];
  } finally {
    await browser.close();
    await server.close();
  }
}
