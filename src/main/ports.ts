import type { ChildProcess } from 'node:child_process';
import type { WebSocket } from 'ws';
import { portOver } from '#contract/port.ts';
import { MAX_MESSAGE_LENGTH, MAX_REPLY_LENGTH, type Port } from '#contract/wire.ts';

/**
 * Largest frame that a WebSocket server should take (`maxPayload`), in bytes. The contract counts UTF-16 units, and one
 * unit is at most three bytes of UTF-8: with this, the same messages pass over a WebSocket as over a MessagePort.
 */
export const MAX_PAYLOAD_BYTES = 3 * MAX_MESSAGE_LENGTH;

/**
 * What may wait in a socket for a reader that does not read. Streams stop by themselves when their credit is spent, so
 * only replies can pile up; two of the longest are more than any screen has under way.
 */
const MAX_BUFFERED_BYTES = 2 * 3 * MAX_REPLY_LENGTH;

/** The part of Node's `MessagePort` that is used here. */
interface NodeMessagePort {
  postMessage(message: string): void;
  on(event: 'message', listener: (message: unknown) => void): unknown;
  on(event: 'close', listener: () => void): unknown;
  close(): void;
}

/** A port over one end of a Node `MessageChannel`. */
export function nodeMessagePort(port: NodeMessagePort): Port {
  return portOver((events) => {
    port.on('close', events.closed);
    port.on('message', events.message);
    return { send: (message) => port.postMessage(message), close: () => port.close() };
  });
}

/** The part of Electron's `MessagePortMain` that is used here; named structurally, so that tests need no Electron. */
export interface ElectronMessagePort {
  postMessage(message: string): void;
  on(event: 'message', listener: (event: { data: unknown }) => void): unknown;
  on(event: 'close', listener: () => void): unknown;
  start(): void;
  close(): void;
}

/** A port over one end of an Electron `MessageChannelMain`. */
export function electronMessagePort(port: ElectronMessagePort): Port {
  return portOver((events) => {
    port.on('close', events.closed);
    port.on('message', (event) => events.message(event.data));
    port.start();
    return { send: (message) => port.postMessage(message), close: () => port.close() };
  });
}

/**
 * A port over the server's end of a WebSocket (or a client's, in tests). The server is made with `maxPayload:
 * MAX_PAYLOAD_BYTES`. A peer that stops reading while replies pile up is cut off.
 */
export function webSocketPort(socket: WebSocket): Port {
  return portOver((events) => {
    socket.on('close', events.closed);
    // Always followed by `close`; without a listener it would end the process.
    socket.on('error', () => undefined);
    socket.on('message', (data, isBinary) => events.message(isBinary || !Buffer.isBuffer(data) ? undefined : data.toString('utf8')));
    return {
      send: (message) => {
        if (socket.bufferedAmount > MAX_BUFFERED_BYTES) socket.terminate();
        else socket.send(message, () => undefined);
      },
      close: () => socket.close(),
    };
  });
}

/**
 * A port over a child process's message channel. The end is reported when the process has exited and its last messages
 * were read, so that whoever hears of it can ask how it died. Closing disconnects the channel: the child is expected to
 * exit then.
 */
export function childProcessPort(child: ChildProcess): Port {
  return portOver((events) => {
    let exited = child.exitCode !== null || child.signalCode !== null;
    const ended = (): void => {
      if (exited && !child.connected) events.closed();
    };
    child.on('disconnect', ended);
    child.on('exit', () => ((exited = true), ended()));
    // Raised when the process cannot be started or a message cannot be written.
    child.on('error', () => {
      if (child.pid === undefined) events.closed();
    });
    child.on('message', events.message);
    return {
      send: (message) => {
        if (child.connected) child.send(message, () => undefined);
      },
      close: () => {
        if (child.connected) child.disconnect();
      },
    };
  });
}

/** The part of Electron's `UtilityProcess` that is used here. */
export interface ElectronUtilityProcess {
  readonly pid: number | undefined;
  postMessage(message: string): void;
  on(event: 'message', listener: (message: unknown) => void): unknown;
  on(event: 'exit', listener: (code: number) => void): unknown;
  kill(): boolean;
}

/** A port over an Electron utility process. It has no channel of its own to close: closing ends the process. */
export function utilityProcessPort(child: ElectronUtilityProcess): Port {
  return portOver((events) => {
    child.on('exit', events.closed);
    child.on('message', events.message);
    return {
      // Electron keeps what is sent before the process has started, and drops what is sent after it has ended.
      send: (message) => child.postMessage(message),
      close: () => void child.kill(),
    };
  });
}
