import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll } from 'vitest';
import type { TokenChoice } from '#contract/chat.ts';
import { quantizeOptions } from '#contract/quantize.ts';
import { createEngines, forkEngine, type EngineClient, type Engines } from '#main/engines/index.ts';
import { writeGeneratedModel, type GeneratedModel } from './generated-model.ts';

const demo = fileURLToPath(new URL('../../resources/demo/model', import.meta.url));
const entry = fileURLToPath(new URL('../../src/engine/index.ts', import.meta.url));

export type Inference = EngineClient<'inference'>['inference'];
type Events<F extends (...args: never[]) => AsyncIterable<unknown>> = ReturnType<F> extends AsyncIterable<infer E> ? E : never;
type Finished = Extract<Events<Inference['generate']>, { type: 'finished' }>;
export type GenerateRequest = Parameters<Inference['generate']>[0];

export const user = (text: string) => ({ role: 'user', text }) as const;
export const assistant = (text: string) => ({ role: 'assistant', text }) as const;

export interface Answer {
  readonly text: string;
  readonly tokens: readonly TokenChoice[];
  readonly facts: Finished['facts'];
}

/** A real inference engine for the tests of a file, in a process of its own. */
export function useInference() {
  let folder: string;
  let engines: Engines;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lathe inference '));
    engines = createEngines({ spawn: (kind) => forkEngine(kind, { entry }), log: () => undefined });
  });
  afterAll(async () => {
    await engines.close();
    await rm(folder, { recursive: true });
  });
  const inference = async (): Promise<Inference> => (await engines.inference()).inference;
  const load = async (modelPath: string, contextLength: number | null = null): Promise<void> => {
    for await (const _ of (await inference()).load({ modelPath, contextLength, threads: 1 }));
  };
  return {
    inference,
    load,
    /** Make a model, and load it. */
    loadGenerated: async (name: string, options: GeneratedModel = {}, contextLength: number | null = null): Promise<void> => {
      const path = join(folder, `${name}.gguf`);
      await writeGeneratedModel(path, options);
      await load(path, contextLength);
    },
    /** The model that comes with Lathe, which says words; its own context is of 1024 tokens. */
    loadDemo: async (): Promise<void> => {
      const outputPath = join(folder, 'demo.gguf');
      const { tensor } = await engines.tensor();
      const common = { format: 'gguf' as const, options: quantizeOptions.parse({}), name: 'demo', scratchFolder: folder, threads: 1 };
      for await (const _ of tensor.quantize({ ...common, modelPath: demo, target: 'F16', outputPath }));
      await load(outputPath);
    },
    ask: async (request: Partial<GenerateRequest> & Pick<GenerateRequest, 'turns'>): Promise<Answer> => {
      let text = '';
      const tokens: TokenChoice[] = [];
      for await (const event of (await inference()).generate({ mode: 'text', systemPrompt: '', sampling: {}, ...request })) {
        if (event.type === 'text') {
          text += event.text;
          tokens.push(...(event.tokens ?? []));
        }
        if (event.type === 'finished') return { text, tokens, facts: event.facts };
      }
      throw new Error('the answer ended without being finished');
    },
  };
}
