import { fileURLToPath } from 'node:url';
import { createEngines, forkEngine } from '#main/engines/index.ts';

const ROUNDS = 5;
const entry = fileURLToPath(new URL('../../../src/engine/index.ts', import.meta.url));

/** Seconds until the first token of an answer is there. */
export interface Swaps {
  /** After another scale of an adapter, with the model where it is. */
  readonly changed: readonly number[];
  /** With an engine that has loaded nothing yet; the file is in the system's cache. */
  readonly fresh: readonly number[];
}

/** Change the scale of an adapter as the mixer of a chat does, beside loading model and adapter anew. */
export async function measureSwaps(modelPath: string, adapterPath: string, threads: number): Promise<Swaps> {
  const open = () => createEngines({ spawn: (kind) => forkEngine(kind, { entry }), log: () => undefined });
  const first = async (engines: ReturnType<typeof open>, scale: number): Promise<number> => {
    const { inference } = await engines.inference();
    const startMs = performance.now();
    for await (const _ of inference.load({ modelPath, contextLength: 512, threads, adapters: [{ path: adapterPath, scale }] }));
    const request: Parameters<typeof inference.generate>[0] = {
      mode: 'text',
      systemPrompt: '',
      turns: [{ role: 'user', text: 'the cat in the hat' }],
      sampling: { temperature: 0, maxTokens: 1 },
    };
    for await (const _ of inference.generate(request));
    return (performance.now() - startMs) / 1000;
  };
  const changed: number[] = [];
  const fresh: number[] = [];
  const kept = open();
  await first(kept, 1);
  for (let round = 0; round < ROUNDS; round += 1) {
    changed.push(await first(kept, round / ROUNDS));
    const engines = open();
    // The process itself is there before a person asks for anything.
    await engines.inference();
    fresh.push(await first(engines, round / ROUNDS));
    await engines.close();
  }
  await kept.close();
  return { changed, fresh };
}
