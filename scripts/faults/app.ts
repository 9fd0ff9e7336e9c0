import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { connect } from '#contract/connect.ts';
import type { EngineKind } from '#contract/engine.ts';
import { contract, type AppClient } from '#contract/index.ts';
import { memoryPorts } from '#contract/memory-port.ts';
import { serve } from '#contract/serve.ts';
import { createEngines, forkEngine, type EngineProcess, type Engines, type EnginesOptions } from '#main/engines/index.ts';
import { nodeHost } from '#main/host.ts';
import { openLog } from '#main/log.ts';
import { openServices } from '#main/services.ts';

const entry = fileURLToPath(new URL('../../src/engine/index.ts', import.meta.url));

export interface FaultApp {
  readonly client: AppClient;
  readonly engines: Engines;
  close(): Promise<void>;
}

export interface FaultAppOptions extends Partial<EnginesOptions> {
  /** Sees each engine's process as it is started, and may put another in its place. */
  readonly started?: (kind: EngineKind, engine: EngineProcess) => EngineProcess | undefined;
}

/** The whole program with its real engines, from the sources, asked through its contract as the command line does. */
export async function openFaultApp(home: string, { started, ...options }: FaultAppOptions = {}): Promise<FaultApp> {
  await mkdir(home, { recursive: true });
  const log = openLog({ folder: join(home, 'logs') });
  const engines = createEngines({
    spawn: (kind) => {
      const engine = forkEngine(kind, { entry });
      return started?.(kind, engine) ?? engine;
    },
    log: log.write,
    ...options,
  });
  try {
    const services = openServices({ home, host: nodeHost('cli', { lathe: 'faults' }), engines, log });
    const [ours, theirs] = memoryPorts();
    const hangUp = serve(contract, services.handlers, theirs);
    const { client } = connect(contract, ours);
    return {
      client,
      engines,
      close: async () => {
        hangUp();
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
