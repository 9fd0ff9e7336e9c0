import { writeSync } from 'node:fs';
import {
  benchmarkContract,
  engineContracts,
  inferenceContract,
  tensorContract,
  trainerContract,
  type EngineKind,
} from '#contract/engine.ts';
import type { Contract, Handlers } from '#contract/define.ts';
import { serve } from '#contract/serve.ts';
import { createEngineLog, type EngineLog } from './log.ts';
import { parentPort } from './port.ts';

/** The program of an engine process: `engine KIND`, started by main with a message channel. */

/** After main is gone, work that is under way may remove what it has half written. */
const ORPHAN_GRACE_MS = 2000;

const isEngineKind = (kind: string | undefined): kind is EngineKind => kind !== undefined && Object.hasOwn(engineContracts, kind);

const kind = process.argv.slice(2).find(isEngineKind);
if (kind === undefined) throw new Error(`An engine is one of ${Object.keys(engineContracts).join(', ')}.`);

const log = createEngineLog();

// Nothing is known of the state after this: main starts a new engine. The pipe to main is read to its end, so a
// synchronous write arrives although the process ends at once.
process.on('uncaughtException', (error) => {
  writeSync(2, `${error.stack ?? error.message}\n`);
  process.exit(1);
});

process.on('disconnect', () => setTimeout(() => process.exit(0), ORPHAN_GRACE_MS).unref());

/** What all kinds answer. */
const health = (from: EngineLog): Handlers<Pick<typeof tensorContract, 'health'>>['health'] => ({
  ping: () => ({ residentBytes: process.memoryUsage.rss() }),
  log: (_, { signal }) => from.read(signal),
});

/** Each kind loads only its own libraries. */
async function start(port: ReturnType<typeof parentPort>): Promise<void> {
  const answer = <C extends Contract>(contract: C, handlers: Handlers<C>): void => void serve(contract, handlers, port);
  if (kind === 'inference') {
    const { createInference } = await import('./inference/index.ts');
    answer(inferenceContract, { health: health(log), inference: createInference(log) });
  } else if (kind === 'trainer') {
    const { createTrainer } = await import('./trainer/index.ts');
    answer(trainerContract, { health: health(log), trainer: createTrainer(log) });
  } else if (kind === 'benchmark') {
    const { createBenchmark } = await import('./benchmark/index.ts');
    answer(benchmarkContract, { health: health(log), benchmark: createBenchmark(log) });
  } else {
    const { createTensor } = await import('./tensor/index.ts');
    answer(tensorContract, { health: health(log), tensor: createTensor(log) });
  }
}

await start(parentPort());
