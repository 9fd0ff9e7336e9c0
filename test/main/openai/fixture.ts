import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import OpenAI from 'openai';
import { onTestFinished } from 'vitest';
import { connect } from '#contract/connect.ts';
import { contract, type AppClient } from '#contract/index.ts';
import { memoryPorts } from '#contract/memory-port.ts';
import { serve } from '#contract/serve.ts';
import type { ServerStatus } from '#contract/server.ts';
import { createEngines, forkEngine, type Engines } from '#main/engines/index.ts';
import { nodeHost } from '#main/host.ts';
import { openLog } from '#main/log.ts';
import { openServices } from '#main/services.ts';
import { writeGeneratedModel, type GeneratedModel } from '../../engine/generated-model.ts';
import { fakeEngines } from '../support/fake-engines.ts';
import { temporaryFolder } from '../support/open.ts';

const entry = fileURLToPath(new URL('../../../src/engine/index.ts', import.meta.url));

export type Running = Extract<ServerStatus, { state: 'running' }>;

export interface Api {
  readonly client: AppClient;
  readonly running: Running;
  readonly openai: OpenAI;
  /** Stop everything: also called after the test. */
  readonly close: () => Promise<void>;
}

export const realEngines = (): Engines => createEngines({ spawn: (kind) => forkEngine(kind, { entry }), log: () => undefined });

/** The services with one model called `teller`, and their server switched on. For a whole file, the caller closes. */
export async function startApi(
  engines: Engines = fakeEngines(),
  home = join(temporaryFolder(), 'home'),
  model: GeneratedModel = {},
): Promise<Api> {
  const log = openLog({ folder: join(home, 'logs') });
  const services = openServices({ home, host: nodeHost('cli', { lathe: '0.0.0' }), engines, log });
  const [ours, theirs] = memoryPorts();
  const hangUp = serve(contract, services.handlers, theirs);
  const { client } = connect(contract, ours);
  const path = join(home, 'teller.gguf');
  await writeGeneratedModel(path, model);
  await client.library.find({ reference: path });
  const running = await client.server.start({});
  if (running.state !== 'running') throw new Error('the server did not start');
  const openai = new OpenAI({ baseURL: running.address, apiKey: running.token, maxRetries: 0 });
  let closed = false;
  const close = async (): Promise<void> => {
    if (closed) return;
    closed = true;
    hangUp();
    await services.close();
    await engines.close();
    await log.close();
  };
  return { client, running, openai, close };
}

/** One for a test, with scripted engines. */
export async function testApi(engines: Engines = fakeEngines()): Promise<Api> {
  const api = await startApi(engines);
  onTestFinished(api.close);
  return api;
}

/** A plain request, with any headers. */
export const post = (api: Api, path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(`http://127.0.0.1:${api.running.port}${path}`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${api.running.token}`, 'Content-Type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
