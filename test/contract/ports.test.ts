import { EventEmitter, once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { connect } from '#contract/connect.ts';
import type { Port } from '#contract/wire.ts';
import { electronMessagePort, MAX_PAYLOAD_BYTES, utilityProcessPort, webSocketPort } from '#main/ports.ts';
import { answeringSides, probeContract } from './probe.ts';
import { transports, type Opened } from './transports.ts';

const open: Opened[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((transport) => transport.dispose()));
});

const closing = (port: Port): Promise<void> => new Promise((resolve) => port.onClose(resolve));
const pause = (durationMs: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, durationMs));

describe.each(transports)('a port over $name', (transport) => {
  it('keeps what came before there was a receiver, in order, and the closing for after it', async () => {
    const opened = await transport.open('probe');
    open.push(opened);
    const { port } = opened;
    port.send('{"type":"hello","protocol":1}');
    port.send('{"type":"open","id":1,"path":"probe.echo","input":{"text":"a"}}');
    port.send('not of the protocol');
    await pause(transport.name === 'child process' ? 600 : 100);
    const heard: string[] = [];
    const closed = closing(port).then(() => heard.push('closed'));
    port.onMessage((text) => heard.push(JSON.parse(text).type));
    await closed;
    expect(heard[0]).toBe('welcome');
    expect(heard.at(-1)).toBe('closed');
  });

  it('reports its own closing once, sends nothing after it and does not throw', async () => {
    const opened = await transport.open('probe');
    open.push(opened);
    const { port } = opened;
    const heard: string[] = [];
    port.onMessage((text) => heard.push(text));
    port.onClose(() => heard.push('closed'));
    port.close();
    port.close();
    port.send('{"type":"hello","protocol":1}');
    opened.drop();
    await pause(30);
    expect(heard).toEqual(['closed']);
  });

  it('does not throw when the other end is already gone', async () => {
    const opened = await transport.open('silent');
    open.push(opened);
    const closed = closing(opened.port);
    opened.drop();
    for (let message = 0; message < 50; message += 1) opened.port.send('x'.repeat(10_000));
    await closed;
    expect(() => opened.port.send('x')).not.toThrow();
  });
});

describe('webSocketPort', () => {
  async function pair(maxPayload = MAX_PAYLOAD_BYTES): Promise<{ socket: WebSocket; server: WebSocketServer; port: Port }> {
    const server = new WebSocketServer({ host: '127.0.0.1', port: 0, maxPayload });
    await once(server, 'listening');
    const accepted = once(server, 'connection') as Promise<[WebSocket]>;
    const socket = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const [[answering]] = await Promise.all([accepted, once(socket, 'open')]);
    open.push({ port: webSocketPort(socket), drop: () => undefined, dispose: async () => (socket.terminate(), server.close(), undefined) });
    return { socket, server, port: webSocketPort(answering) };
  }

  it('closes on a frame over the payload limit before it is in memory, and the server lives', async () => {
    const { socket, port } = await pair();
    answeringSides.probe(port);
    socket.send(Buffer.alloc(MAX_PAYLOAD_BYTES + 1, 0x20).toString());
    const [code] = (await once(socket, 'close')) as [number];
    expect(code).toBe(1009);
  });

  it('closes on a binary frame', async () => {
    const { socket, port } = await pair();
    answeringSides.probe(port);
    socket.send(Buffer.from('{"type":"hello","protocol":1}'), { binary: true });
    await expect(once(socket, 'close')).resolves.toBeDefined();
  });

  it('cuts off a peer that does not read while replies pile up', async () => {
    const { socket, port } = await pair();
    socket.pause();
    const closed = closing(port);
    const message = 'x'.repeat(8 * 1024 * 1024);
    let sent = 0;
    const sending = setInterval(() => (port.send(message), (sent += 1)), 1);
    await closed;
    clearInterval(sending);
    // 192 MiB of buffer and what the system's sockets take.
    expect(sent).toBeLessThan(60);
  });
});

describe('the structural Electron ports', () => {
  /** One end of Electron's message channel, as its documentation describes it: silent until `start`. */
  class FakeMessagePort extends EventEmitter {
    other: FakeMessagePort | undefined;
    private waiting: string[] | undefined = [];
    postMessage(message: string): void {
      setImmediate(() => this.other?.deliver(message));
    }
    deliver(message: string): void {
      if (this.waiting === undefined) this.emit('message', { data: message });
      else this.waiting.push(message);
    }
    start(): void {
      for (const message of this.waiting ?? []) this.emit('message', { data: message });
      this.waiting = undefined;
    }
    close(): void {
      setImmediate(() => (this.emit('close'), this.other?.emit('close')));
    }
  }

  it('carry the contract over a MessagePortMain', async () => {
    const left = new FakeMessagePort();
    const right = new FakeMessagePort();
    left.other = right;
    right.other = left;
    answeringSides.probe(electronMessagePort(right));
    const { client, close, closed } = connect(probeContract, electronMessagePort(left));
    expect(await client.probe.echo({ text: 'a' })).toEqual({ text: 'a', times: 1 });
    close();
    await closed;
  });

  it('carry the contract over a utility process and end with it', async () => {
    class FakeUtilityProcess extends EventEmitter {
      // As Electron's: no pid until it has started, messages kept until then, and dropped after the end.
      pid: number | undefined = undefined;
      private gone = false;
      readonly toChild = new EventEmitter();
      constructor() {
        super();
        setTimeout(() => (this.pid = 1), 5);
      }
      postMessage(message: string): void {
        if (!this.gone) setTimeout(() => this.toChild.emit('message', message), 10);
      }
      kill(): boolean {
        this.gone = true;
        this.pid = undefined;
        return setImmediate(() => this.emit('exit', 15)).hasRef();
      }
    }
    const child = new FakeUtilityProcess();
    answeringSides.probe({
      send: (message) => setImmediate(() => child.emit('message', message)),
      onMessage: (receive) => child.toChild.on('message', receive),
      onClose: () => undefined,
      close: () => undefined,
    });
    const { client, closed } = connect(probeContract, utilityProcessPort(child));
    expect(await client.probe.echo({ text: 'a' })).toEqual({ text: 'a', times: 1 });
    child.kill();
    await expect(client.probe.echo({ text: 'b' })).rejects.toMatchObject({ code: 'transport.closed' });
    await closed;
  });
});
