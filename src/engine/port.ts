import { portOver } from '#contract/port.ts';
import type { Port } from '#contract/wire.ts';

/** What Electron adds to `process` in a utility process. */
interface ElectronParentPort {
  postMessage(message: string): void;
  on(event: 'message', listener: (event: { data: unknown }) => void): unknown;
}

/**
 * The engine's own side of the pipe to main: Electron's parent port in a utility process, Node's message channel in a
 * forked child. Throws when the program was started by hand and there is neither.
 */
export function parentPort(): Port {
  const electron = (process as { readonly parentPort?: ElectronParentPort }).parentPort;
  if (electron !== undefined) {
    return portOver((events) => {
      electron.on('message', (event) => events.message(event.data));
      // Electron ends the process together with its parent; there is no event for it.
      return { send: (message) => electron.postMessage(message), close: () => undefined };
    });
  }
  if (process.send === undefined) throw new Error('An engine is started by Lathe, not by hand.');
  return portOver((events) => {
    process.on('disconnect', events.closed);
    process.on('message', events.message);
    return {
      send: (message) => {
        if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
      },
      close: () => {
        if (process.connected) process.disconnect();
      },
    };
  });
}
