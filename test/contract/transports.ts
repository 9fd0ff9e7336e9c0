import { fork } from 'node:child_process';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { MessageChannel } from 'node:worker_threads';
import { WebSocket, WebSocketServer } from 'ws';
import { memoryPorts } from '#contract/memory-port.ts';
import type { Port } from '#contract/wire.ts';
import { childProcessPort, MAX_PAYLOAD_BYTES, nodeMessagePort, webSocketPort } from '#main/ports.ts';
import { answeringSides, type AnsweringSide } from './probe.ts';

/** The asking end of a transport whose other end is answered by `side`. */
export interface Opened {
  readonly port: Port;
  /** The other end disappears without a word. */
  drop(): void;
  dispose(): Promise<void>;
}

export interface TransportUnderTest {
  readonly name: string;
  open(side: AnsweringSide): Promise<Opened>;
}

const memory: TransportUnderTest = {
  name: 'memory',
  open: async (side) => {
    const [asking, answering] = memoryPorts();
    answeringSides[side](answering);
    return { port: asking, drop: () => answering.close(), dispose: async () => asking.close() };
  },
};

const messageChannel: TransportUnderTest = {
  name: 'MessageChannel',
  open: async (side) => {
    const { port1, port2 } = new MessageChannel();
    answeringSides[side](nodeMessagePort(port2));
    return { port: nodeMessagePort(port1), drop: () => port2.close(), dispose: async () => port1.close() };
  },
};

const webSocket: TransportUnderTest = {
  name: 'WebSocket',
  open: async (side) => {
    const server = new WebSocketServer({ host: '127.0.0.1', port: 0, maxPayload: MAX_PAYLOAD_BYTES });
    await once(server, 'listening');
    const accepted = Promise.withResolvers<WebSocket>();
    server.on('connection', (socket) => {
      answeringSides[side](webSocketPort(socket));
      accepted.resolve(socket);
    });
    const client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const port = webSocketPort(client);
    await once(client, 'open');
    const socket = await accepted.promise;
    return {
      port,
      drop: () => socket.terminate(),
      dispose: async () => {
        client.terminate();
        socket.terminate();
        await new Promise((resolve) => server.close(resolve));
      },
    };
  },
};

const childProcess: TransportUnderTest = {
  name: 'child process',
  open: async (side) => {
    const child = fork(fileURLToPath(new URL('./probe-process.ts', import.meta.url)), [side]);
    const exited = once(child, 'exit');
    return {
      port: childProcessPort(child),
      drop: () => child.kill('SIGKILL'),
      dispose: async () => {
        child.kill('SIGKILL');
        await exited;
      },
    };
  },
};

export const transports: readonly TransportUnderTest[] = [memory, messageChannel, webSocket, childProcess];
