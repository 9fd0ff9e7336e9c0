import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { contract } from '#contract/index.ts';
import type { EngineKind } from '#contract/engine.ts';
import { serve } from '#contract/serve.ts';
import type { Port } from '#contract/wire.ts';
import { createEngines, forkEngine, type EngineProcess } from './engines/index.ts';
import { nodeHost, type Host } from './host.ts';
import { openLog } from './log.ts';
import type { ApiMount } from './openai/index.ts';
import { openServices } from './services.ts';
import { appVersions } from './versions.ts';

/** The program, whoever shows it. */
export interface App {
  /** Answer the contract to whoever is at the other end. */
  answer(port: Port): void;
  /** The OpenAI-compatible server, for a server that is there already to mount. */
  readonly api: ApiMount;
  /** Cancel what runs, stop the engines, close the database. */
  close(): Promise<void>;
}

export interface AppOptions {
  readonly home: string;
  readonly host: Host;
  /** Start an engine's process; `printed` gets the lines that it prints. */
  readonly spawn: (kind: EngineKind, printed: (line: string) => void) => EngineProcess;
}

/** Put the program together: log, engines, services. */
export async function openApp({ home, host, spawn }: AppOptions): Promise<App> {
  await mkdir(home, { recursive: true });
  const log = openLog({ folder: join(home, 'logs') });
  const engines = createEngines({
    spawn: (kind) => spawn(kind, (line) => log.write('info', `engine.${kind}`, line)),
    log: log.write,
  });
  try {
    const services = openServices({ home, host, engines, log });
    return {
      answer: (port) => void serve(contract, services.handlers, port),
      api: services.api,
      close: async () => {
        await services.close();
        await engines.close();
        await log.close();
      },
    };
  } catch (error) {
    await engines.close();
    await log.close();
    throw error;
  }
}

export interface NodeAppOptions {
  readonly home: string;
  /** The folder of the running entry; the engine lies beside it. */
  readonly here: string;
  readonly kind: 'serve' | 'cli';
}

/** The program without Electron: engines are child processes of Node. */
export function openOnNode({ home, here, kind }: NodeAppOptions): Promise<App> {
  const entry = join(here, 'engine.js');
  return openApp({ home, host: nodeHost(kind, appVersions(here)), spawn: (engine, printed) => forkEngine(engine, { entry, printed }) });
}
