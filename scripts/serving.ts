import { spawn } from 'node:child_process';
import { WebSocket } from 'ws';
import { connect } from '#contract/connect.ts';
import { contract, type AppClient } from '#contract/index.ts';
import { webSocketPort } from '#main/ports.ts';

/** A running `lathe serve`, and how to talk to it. */
export interface Serving {
  readonly pid: number;
  /** With the token. */
  readonly address: URL;
  /** Come in as a page does. */
  enter(): Promise<Entered>;
  stop(): Promise<void>;
}

export interface Entered {
  readonly client: AppClient;
  leave(): void;
}

interface ServeOptions {
  /** The runtime, and the bundled `serve.js`. */
  readonly command: string;
  readonly entry: string;
  readonly home: string;
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
}

/** Of what a program printed, its last characters. */
const OUTPUT_SHOWN = 4000;

/** Start the program in a process of its own, and wait until it can be reached. */
export async function startServing({ command, entry, home, cwd = home, env = process.env }: ServeOptions): Promise<Serving> {
  const child = spawn(command, [entry, '--home', home], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  let asked = false;
  const ended = new Promise<void>((resolve) =>
    child.on('close', (code, signal) => {
      // To whoever is connected it is only a connection that has gone.
      if (!asked) process.stderr.write(`lathe serve ended by itself (${signal ?? `code ${code}`}):\n${output.slice(-OUTPUT_SHOWN)}\n`);
      resolve();
    }),
  );
  const address = await new Promise<URL>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
        // Not before the line's end: a piece of the token would be found too.
        const found = /http:\/\/\S+(?=\s)/.exec(output)?.[0];
        if (found !== undefined) resolve(new URL(found));
      });
    child.on('error', reject);
    child.on('close', (code) => reject(new Error(`lathe serve ended with code ${code}:\n${output}`)));
  });
  return {
    pid: child.pid ?? 0,
    address,
    enter: () => enter(address),
    stop: async () => {
      asked = true;
      child.kill('SIGTERM');
      await ended;
    },
  };
}

async function enter(address: URL): Promise<Entered> {
  const session = await fetch(`${address.origin}/session`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Origin: address.origin },
    body: JSON.stringify({ token: address.hash.slice('#token='.length) }),
  });
  const [cookie = ''] = session.headers.getSetCookie();
  const socket = new WebSocket(`ws://${address.host}/port`, { headers: { Origin: address.origin, Cookie: cookie.split(';', 1)[0] ?? '' } });
  await new Promise<void>((resolve, reject) => socket.on('open', resolve).on('error', reject));
  const connection = connect(contract, webSocketPort(socket));
  await connection.ready;
  return { client: connection.client, leave: () => connection.close() };
}
