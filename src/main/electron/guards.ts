import { isOwnPage } from './app-protocol.ts';

interface Cancellable {
  preventDefault(): void;
}

/** The parts of Electron's `WebContents` that are guarded, named structurally so that tests need no Electron. */
export interface GuardedContents {
  setWindowOpenHandler(handler: (details: { url: string }) => { action: 'deny' }): void;
  on(event: 'will-navigate' | 'will-redirect', listener: (event: Cancellable, url: string) => void): unknown;
  on(event: 'will-attach-webview', listener: (event: Cancellable) => void): unknown;
}

/** The parts of Electron's `Session` that are guarded. */
export interface GuardedSession {
  setPermissionRequestHandler(handler: (contents: unknown, permission: string, answer: (granted: boolean) => void) => void): void;
  setPermissionCheckHandler(handler: (contents: unknown, permission: string) => boolean): void;
  setDevicePermissionHandler(handler: () => boolean): void;
}

/**
 * The address to hand to the system's browser, or null. Only https, as it was parsed: `javascript:`, `file:`, `smb:` and
 * the protocol handlers of other programs are how a link in a model's text would become code.
 */
export function webLink(address: string): string | null {
  const url = URL.parse(address);
  return url?.protocol === 'https:' && url.username === '' && url.password === '' ? url.href : null;
}

/** Keep a page where it is: no new windows, no other page in this one, no embedded page. Web links open in the browser. */
export function guardContents(contents: GuardedContents, openExternal: (url: string) => Promise<void>): void {
  contents.setWindowOpenHandler(({ url }) => {
    const link = webLink(url);
    if (link !== null) openExternal(link).catch(() => undefined);
    return { action: 'deny' };
  });
  for (const event of ['will-navigate', 'will-redirect'] as const)
    contents.on(event, (navigation, url) => {
      if (!isOwnPage(url)) navigation.preventDefault();
    });
  contents.on('will-attach-webview', (attachment) => attachment.preventDefault());
}

/** What a page may ask the system for: to put text on the clipboard, for the copy buttons. Nothing else. */
const PERMISSIONS = new Set(['clipboard-sanitized-write']);

export function guardSession(session: GuardedSession): void {
  session.setPermissionRequestHandler((_contents, permission, answer) => answer(PERMISSIONS.has(permission)));
  session.setPermissionCheckHandler((_contents, permission) => PERMISSIONS.has(permission));
  session.setDevicePermissionHandler(() => false);
}
