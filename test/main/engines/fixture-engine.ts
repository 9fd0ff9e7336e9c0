import { setTimeout as delay } from 'node:timers/promises';
import { tensorContract } from '#contract/engine.ts';
import { serve } from '#contract/serve.ts';
import { createEngineLog } from '#engine/log.ts';
import { parentPort } from '#engine/port.ts';

/**
 * An engine whose work does what an engine should not: `fixture-engine.ts tensor`, with the behaviour in
 * LATHE_TEST_ENGINE. Real engines die of llama.cpp; this one dies on demand.
 */
const behaviour = process.env['LATHE_TEST_ENGINE'] ?? 'serve';

if (behaviour === 'exit') process.exit(3);
if (behaviour === 'silent') process.on('message', () => undefined);
if (behaviour === 'garbage') process.on('message', () => process.send?.('what?'));
if (behaviour === 'serve' || behaviour === 'lingering') {
  const log = createEngineLog();
  log.write('info', 'the fixture has started');
  process.stderr.write('a library said something\n');
  process.on('disconnect', () => (behaviour === 'lingering' ? setInterval(() => undefined, 1000) : process.exit(0)));
  const crash = async function* (): AsyncGenerator<never> {
    setImmediate(() => process.exit(7));
    await delay(60_000);
  };
  serve(
    tensorContract,
    {
      health: { ping: () => ({ residentBytes: process.memoryUsage.rss() }), log: (_, { signal }) => log.read(signal) },
      tensor: {
        // Ends by cancellation only.
        hash: async function* (_, { signal }) {
          yield { type: 'progress', phase: 'hash', detail: null, amount: 0, total: 1, unit: 'bytes' };
          await delay(60_000, undefined, { signal });
        },
        // Blocks the event loop for so many milliseconds.
        demo: async function* ({ name }) {
          const until = performance.now() + Number(name);
          while (performance.now() < until);
          yield { type: 'finished', sizeBytes: 0 };
        },
        quantize: crash,
        calibrate: crash,
        quality: crash,
        merge: crash,
        combine: crash,
        extract: crash,
        convertAdapter: crash,
        certify: crash,
        adapter: () => process.exit(7),
        adapterFits: () => [],
        adapterChanges: () => [],
        combinedChanges: () => [],
        recipes: () => [],
        plan: () => process.exit(7),
        perplexity: async function* () {
          setImmediate(() => {
            throw new Error('nobody catches this');
          });
          await delay(60_000);
        },
      },
    },
    parentPort(),
  );
}
