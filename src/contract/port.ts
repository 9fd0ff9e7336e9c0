import type { Port } from './wire.ts';

/** What an adapter does with its transport. Neither may throw: a send that fails is followed by `closed`. */
export interface Transport {
  send(message: string): void;
  close(): void;
}

/** What an adapter reports of its transport, at any time and as often as the transport does. */
export interface TransportEvents {
  /** Anything that is not a string is handed on as an empty message, which no protocol contains. */
  message(data: unknown): void;
  closed(): void;
}

/**
 * The rules of a `Port` in one place, so that an adapter only names the calls of its transport: what comes before
 * there is a receiver is kept for it; the end is reported once, after all messages, also to one who asks late; after
 * `close` nothing is sent or received.
 */
export function portOver(start: (events: TransportEvents) => Transport): Port {
  const early: string[] = [];
  let receive: ((message: string) => void) | undefined;
  let onClosed: (() => void) | undefined;
  let state: 'open' | 'closed' | 'reported' = 'open';

  const report = (): void => {
    if (state !== 'closed' || onClosed === undefined) return;
    state = 'reported';
    onClosed();
  };
  const end = (): void => {
    if (state !== 'open') return;
    state = 'closed';
    queueMicrotask(report);
  };
  const transport = start({
    message: (data) => {
      if (state !== 'open') return;
      const message = typeof data === 'string' ? data : '';
      if (receive === undefined) early.push(message);
      else receive(message);
    },
    closed: end,
  });

  return {
    send: (message) => {
      if (state === 'open') transport.send(message);
    },
    onMessage: (receiver) => {
      receive = receiver;
      // One at a time: the receiver may close the port, which forgets the rest.
      for (let message = early.shift(); message !== undefined; message = early.shift()) receiver(message);
    },
    onClose: (closed) => {
      onClosed = closed;
      queueMicrotask(report);
    },
    close: () => {
      if (state !== 'open') return;
      end();
      early.length = 0;
      transport.close();
    },
  };
}
