import { portOver, type TransportEvents } from './port.ts';
import type { Port } from './wire.ts';

/** Two ends of a pipe within one process: the command line and the tests ask the contract through it. */
export function memoryPorts(): [Port, Port] {
  const ends: TransportEvents[] = [];
  const side = (own: 0 | 1): Port =>
    portOver((events) => {
      ends[own] = events;
      // Delivered in a later microtask, as every other transport does: a sender is never re-entered.
      return {
        send: (message) => queueMicrotask(() => ends[1 - own]?.message(message)),
        close: () => queueMicrotask(() => ends[1 - own]?.closed()),
      };
    });
  return [side(0), side(1)];
}
