import { createEngines, forkEngine } from '#main/engines/index.ts';

/** A program with an engine, for the test that kills it: prints the engine's process number and lives on. */
const [, , entry = ''] = process.argv;
const engines = createEngines({ spawn: (kind) => forkEngine(kind, { entry }), log: () => undefined });
const { health } = await engines.tensor();
await health.ping({});
process.stdout.write(`${engines.processes()[0]?.pid}\n`);
