import { EventEmitter } from 'node:events';
import { readFile } from 'node:fs/promises';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';

/** The built preload, in a world like that of a sandboxed page: a `require` that knows Electron alone, and a window. */
async function runPreload() {
  const code = await readFile(new URL('../../out/preload/index.cjs', import.meta.url), 'utf8');
  const ipcRenderer = new EventEmitter();
  const sentToMain: string[] = [];
  const sentToPage: unknown[][] = [];
  const page = new EventEmitter();
  const window = {
    addEventListener: (event: string, listener: (event: unknown) => void) => page.on(event, listener),
    postMessage: (...message: unknown[]) => sentToPage.push(message),
    location: { origin: 'app://lathe' },
  };
  const electron = { ipcRenderer: { on: ipcRenderer.on.bind(ipcRenderer), send: (channel: string) => sentToMain.push(channel) } };
  const require = (name: string): unknown => {
    if (name === 'electron') return electron;
    throw new Error(`a sandboxed preload cannot load ${name}`);
  };
  runInNewContext(code, { require, window, exports: {}, module: { exports: {} } });
  return { window, page, ipcRenderer, sentToMain, sentToPage };
}

test('the preload is CommonJS, and hands the page its port and nothing else', async () => {
  const { window, page, ipcRenderer, sentToMain, sentToPage } = await runPreload();
  page.emit('message', { source: window, data: 'lathe:port?' });
  expect(sentToMain).toEqual(['lathe:port?']);
  ipcRenderer.emit('lathe:port', { ports: ['the port'] });
  expect(sentToPage).toEqual([['lathe:port', 'app://lathe', ['the port']]]);
});

test('what other frames ask for, or what is something else, is not passed on', async () => {
  const { window, page, sentToMain } = await runPreload();
  page.emit('message', { source: {}, data: 'lathe:port?' });
  page.emit('message', { source: window, data: 'anything' });
  page.emit('message', { source: window, data: { channel: 'lathe:port?' } });
  expect(sentToMain).toEqual([]);
});
