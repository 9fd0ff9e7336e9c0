import { portOver } from '#contract/port.ts';
import type { Port } from '#contract/wire.ts';
import { NotAdmitted } from './api.ts';

/** The desktop's pages come from a scheme of their own, a browser's from the loopback server. */
export const isDesktop = (protocol: string = location.protocol): boolean => !/^https?:$/.test(protocol);

/** Ask the preload for one end of a channel to the program. */
export function openDesktopPort(): Promise<Port> {
  return new Promise((resolve) => {
    const receive = ({ source, data, ports }: MessageEvent): void => {
      const [port] = ports;
      if (source !== window || data !== 'lathe:port' || port === undefined) return;
      window.removeEventListener('message', receive);
      resolve(channelPort(port));
    };
    window.addEventListener('message', receive);
    window.postMessage('lathe:port?', location.origin);
  });
}

function channelPort(port: MessagePort): Port {
  return portOver((events) => {
    port.addEventListener('message', ({ data }) => events.message(data));
    port.addEventListener('close', () => events.closed());
    port.start();
    return { send: (message) => port.postMessage(message), close: () => port.close() };
  });
}

/** Exchange the token for the session's cookie; it then disappears from the address. */
export async function openSession(token: string): Promise<void> {
  await fetch('/session', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ token }) }).catch(
    () => undefined,
  );
}

/** A WebSocket to the server of this page. Throws `NotAdmitted` when the server is there but closes the door. */
export async function openBrowserPort(): Promise<Port> {
  const socket = new WebSocket(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/port`);
  const opened = await new Promise<boolean>((resolve) => {
    socket.addEventListener('open', () => resolve(true), { once: true });
    socket.addEventListener('close', () => resolve(false), { once: true });
  });
  if (!opened) {
    // A browser does not tell why a WebSocket failed; whether the server is there, an ordinary request tells.
    const answer = await fetch('/', { method: 'HEAD', cache: 'no-store' }).catch(() => null);
    throw answer?.ok === true ? new NotAdmitted() : new Error('The server is away.');
  }
  return portOver((events) => {
    socket.addEventListener('message', ({ data }) => events.message(data));
    socket.addEventListener('close', () => events.closed());
    return { send: (message) => socket.send(message), close: () => socket.close() };
  });
}
