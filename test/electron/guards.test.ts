import { describe, expect, test } from 'vitest';
import { guardContents, guardSession, webLink, type GuardedContents, type GuardedSession } from '#main/electron/guards.ts';

/** Records the handlers that a guard sets, as Electron's WebContents would hold them. */
function fakeContents() {
  const listeners = new Map<string, (...args: never[]) => void>();
  let openHandler: ((details: { url: string }) => { action: 'deny' }) | undefined;
  const contents: GuardedContents = {
    setWindowOpenHandler: (handler) => (openHandler = handler),
    on: (event: string, listener: (...args: never[]) => void) => listeners.set(event, listener),
  };
  /** Whether the guard stopped an event. */
  const isStopped = (event: string, url?: string): boolean => {
    let stopped = false;
    const listener = listeners.get(event) as ((event: { preventDefault(): void }, url?: string) => void) | undefined;
    listener?.({ preventDefault: () => (stopped = true) }, url);
    return stopped;
  };
  return { contents, isStopped, open: (url: string) => openHandler?.({ url }) };
}

describe('links', () => {
  test.each(['https://example.org/', 'https://example.org/a?b=c#d'])('%s may go to the browser', (url) => {
    expect(webLink(url)).toBe(url);
  });

  test.each([
    'http://example.org/',
    'javascript:alert(1)',
    'data:text/html,x',
    'file:///etc/passwd',
    'smb://server/share',
    'ms-msdt:/id',
    'app://lathe/',
    'https://user@example.org/',
    'https://example.org@evil.example/',
    ' javascript:alert(1)',
    '//example.org',
    '',
    'not a link',
  ])('%j may not', (url) => {
    expect(webLink(url)).toBeNull();
  });
});

describe('a guarded page', () => {
  test('opens no window, and hands only web links to the browser', () => {
    const { contents, open } = fakeContents();
    const opened: string[] = [];
    guardContents(contents, async (url) => void opened.push(url));
    expect(open('https://example.org/')).toEqual({ action: 'deny' });
    expect(open('file:///etc/passwd')).toEqual({ action: 'deny' });
    expect(open('app://lathe/#/chat')).toEqual({ action: 'deny' });
    expect(opened).toEqual(['https://example.org/']);
  });

  test('a browser that does not open is no error of the app', async () => {
    const { contents, open } = fakeContents();
    guardContents(contents, () => Promise.reject(new Error('no browser')));
    expect(open('https://example.org/')).toEqual({ action: 'deny' });
  });

  test.each(['will-navigate', 'will-redirect'])('%s: only Lathe’s own pages', (event) => {
    const { contents, isStopped } = fakeContents();
    guardContents(contents, () => Promise.resolve());
    expect(isStopped(event, 'app://lathe/#/library')).toBe(false);
    for (const url of ['https://example.org/', 'file:///etc/passwd', 'app://lathe.evil/', 'app://evil/', 'app:lathe', 'about:blank'])
      expect([url, isStopped(event, url)]).toEqual([url, true]);
  });

  test('embeds no other page', () => {
    const { contents, isStopped } = fakeContents();
    guardContents(contents, () => Promise.resolve());
    expect(isStopped('will-attach-webview')).toBe(true);
  });
});

describe('a guarded session', () => {
  const permissionsOf = () => {
    const answers = new Map<string, boolean[]>();
    const names = [
      'clipboard-sanitized-write',
      'clipboard-read',
      'media',
      'geolocation',
      'notifications',
      'openExternal',
      'hid',
      'fullscreen',
    ];
    const session: GuardedSession = {
      setPermissionRequestHandler: (handler) => {
        for (const name of names) handler(null, name, (granted) => answers.set(name, [...(answers.get(name) ?? []), granted]));
      },
      setPermissionCheckHandler: (handler) => {
        for (const name of names) answers.set(name, [...(answers.get(name) ?? []), handler(null, name)]);
      },
      setDevicePermissionHandler: (handler) => answers.set('device', [handler()]),
    };
    guardSession(session);
    return answers;
  };

  test('grants writing text to the clipboard, and nothing else', () => {
    const answers = permissionsOf();
    expect(answers.get('clipboard-sanitized-write')).toEqual([true, true]);
    answers.delete('clipboard-sanitized-write');
    expect(answers.size).toBe(8);
    for (const [name, granted] of answers) expect([name, granted.includes(true)]).toEqual([name, false]);
  });
});
