import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { connect } from '#contract/connect.ts';
import { contract, type AppClient } from '#contract/index.ts';
import { memoryPorts } from '#contract/memory-port.ts';
import { serve } from '#contract/serve.ts';
import { nodeHost, type Host } from '#main/host.ts';
import { openLog, type Log } from '#main/log.ts';
import { openServices } from '#main/services.ts';
import { fakeEngines, type FakeEngines } from './fake-engines.ts';

export interface Opened {
  readonly client: AppClient;
  readonly engines: FakeEngines;
  readonly home: string;
  readonly log: Log;
  /** As the program does it: services, then engines. */
  close(): Promise<void>;
}

export interface OpenOptions {
  readonly home?: string;
  readonly engines?: FakeEngines;
  readonly host?: Partial<Host>;
}

/** A new empty folder, removed after the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'lathe-main-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** The services on a real folder and database, asked through the real contract. The kind is `cli`: nothing is hashed unasked. */
export async function openTest({
  home = join(temporaryFolder(), 'home'),
  engines = fakeEngines(),
  host = {},
}: OpenOptions = {}): Promise<Opened> {
  const log = openLog({ folder: join(home, 'logs') });
  const services = openServices({ home, host: { ...nodeHost('cli', { lathe: '0.0.0' }), ...host }, engines, log });
  const [ours, theirs] = memoryPorts();
  const hangUp = serve(contract, services.handlers, theirs);
  const { client } = connect(contract, ours);
  let closed = false;
  const close = async (): Promise<void> => {
    if (closed) return;
    closed = true;
    hangUp();
    await services.close();
    await engines.close();
    await log.close();
  };
  onTestFinished(close);
  return { client, engines, home, log, close };
}

export async function all<T>(values: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const value of values) list.push(value);
  return list;
}

/** Ask until the answer is right; fails the test after some seconds. */
export async function eventually<T>(ask: () => Promise<T> | T, isRight: (value: T) => boolean): Promise<T> {
  const endMs = Date.now() + 8000;
  for (;;) {
    const value = await ask();
    if (isRight(value)) return value;
    if (Date.now() > endMs) throw new Error(`It never came: last was ${JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
