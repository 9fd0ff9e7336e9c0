import { EventEmitter } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { answerAppRequest } from '#main/electron/app-protocol.ts';
import { answerPages, type SenderFrame } from '#main/electron/page-port.ts';
import { menuTemplate, windowOptions } from '#main/electron/window.ts';
import { listFiles } from '#main/http/files.ts';
import type { Port } from '#contract/wire.ts';

/** As Electron's `MessagePortMain`: delivers only after `start`. */
class FakeMessagePort extends EventEmitter {
  readonly posted: string[] = [];
  started = false;
  postMessage(message: string): void {
    this.posted.push(message);
  }
  start(): void {
    this.started = true;
  }
  close(): void {
    this.emit('close');
  }
}

describe('the page’s port', () => {
  function answering() {
    const inbox = new EventEmitter();
    const channels: { port1: FakeMessagePort; port2: FakeMessagePort }[] = [];
    const ports: Port[] = [];
    const makeChannel = () => {
      const channel = { port1: new FakeMessagePort(), port2: new FakeMessagePort() };
      channels.push(channel);
      return channel;
    };
    answerPages(inbox, makeChannel, (port) => ports.push(port));
    const ask = (url: string, parent: unknown = null) => {
      const sent: { channel: string; transfer: FakeMessagePort[] }[] = [];
      const senderFrame: SenderFrame<FakeMessagePort> = {
        url,
        parent,
        postMessage: (channel, _message, transfer) => sent.push({ channel, transfer }),
      };
      inbox.emit('lathe:port?', { senderFrame });
      return sent;
    };
    return { inbox, channels, ports, ask };
  }

  test('a page of Lathe gets one end, main keeps the other', () => {
    const { channels, ports, ask } = answering();
    expect(ask('app://lathe/#/chat')).toEqual([{ channel: 'lathe:port', transfer: [channels[0]?.port1] }]);
    ports[0]?.send('hello');
    expect(channels[0]?.port2.posted).toEqual(['hello']);
    expect(channels[0]?.port2.started).toBe(true);
  });

  test('a reloaded page gets a new one', () => {
    const { ports, ask } = answering();
    ask('app://lathe/');
    ask('app://lathe/');
    expect(ports).toHaveLength(2);
  });

  test('no other page, and no frame inside a page, gets one', () => {
    const { inbox, ports, ask } = answering();
    for (const url of ['https://evil.example/', 'file:///tmp/x.html', 'app://evil/', 'app://lathe.evil/', 'about:blank', ''])
      expect([url, ask(url)]).toEqual([url, []]);
    expect(ask('app://lathe/', {})).toEqual([]);
    inbox.emit('lathe:port?', { senderFrame: null });
    expect(ports).toHaveLength(0);
  });
});

describe('the page’s files', () => {
  async function files() {
    const folder = await mkdtemp(join(tmpdir(), 'lathe-app-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    await mkdir(join(folder, 'app'));
    await writeFile(join(folder, 'app', 'index.html'), '<!doctype html>');
    await writeFile(join(folder, 'secret.txt'), 'secret');
    return listFiles(join(folder, 'app'));
  }

  test('are served with the same strict headers as over HTTP', async () => {
    const answer = await answerAppRequest(await files(), { method: 'GET', url: 'app://lathe/' });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8');
    const policy = answer.headers.get('content-security-policy');
    expect(policy).toContain("default-src 'self'");
    expect(policy).not.toContain('ws:');
    expect(await answer.text()).toBe('<!doctype html>');
  });

  test.each([
    ['app://lathe/../secret.txt', 404],
    ['app://lathe/%2e%2e/secret.txt', 404],
    ['app://lathe/..%5csecret.txt', 404],
    ['app://lathe/%00', 404],
    ['app://evil/index.html', 403],
    ['file:///etc/passwd', 403],
  ])('%s is refused', async (url, status) => {
    expect((await answerAppRequest(await files(), { method: 'GET', url })).status).toBe(status);
  });

  test('are only read', async () => {
    expect((await answerAppRequest(await files(), { method: 'POST', url: 'app://lathe/' })).status).toBe(405);
  });
});

describe('the window', () => {
  test('gives its page no Node, no other world, and a sandbox', () => {
    const { webPreferences } = windowOptions('/app/preload.cjs', false);
    expect(webPreferences).toMatchObject({
      preload: '/app/preload.cjs',
      contextIsolation: true,
      sandbox: true,
      nodeIntegration: false,
      nodeIntegrationInWorker: false,
      nodeIntegrationInSubFrames: false,
      webviewTag: false,
      webSecurity: true,
    });
  });

  test('its menu has the standard editing roles everywhere, and developer tools only while developing', () => {
    for (const platform of ['linux', 'darwin', 'win32'] as const) {
      const packaged = JSON.stringify(menuTemplate(platform, true));
      expect(packaged).toContain('editMenu');
      expect(packaged).not.toContain('toggleDevTools');
      expect(packaged.includes('appMenu')).toBe(platform === 'darwin');
      expect(JSON.stringify(menuTemplate(platform, false))).toContain('toggleDevTools');
    }
  });
});
