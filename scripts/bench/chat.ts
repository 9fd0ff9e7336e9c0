import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { getLlama, LlamaLogLevel, type Token } from 'node-llama-cpp';
import { speedSettings } from '#contract/benchmark.ts';
import { createEngines, forkEngine } from '#main/engines/index.ts';
import { writeGeneratedModel } from '#test/engine/generated-model.ts';
import { median, spread, type BenchRow } from './row.ts';

export const name = 'chat';

const TOKENS = 200;
const ROUNDS = 7;
const PROMPT = 'the cat in the hat';
const entry = fileURLToPath(new URL('../../src/engine/index.ts', import.meta.url));

/** Two ways to the same tokens: each makes `TOKENS` greedily and returns the tokens a second after the first one. */
interface Way {
  once(): Promise<number>;
  close(): Promise<void>;
}

/** Our engine: a process of its own, the contract, text in events. */
async function throughEngine(modelPath: string): Promise<Way & { readonly threads: number }> {
  const engines = createEngines({ spawn: (kind) => forkEngine(kind, { entry }), log: () => undefined });
  const { inference } = await engines.inference();
  let threads = 0;
  for await (const event of inference.load({ modelPath, contextLength: 512, threads: null }))
    if (event.type === 'ready') threads = event.threads;
  const request: Parameters<typeof inference.generate>[0] = {
    mode: 'text',
    systemPrompt: '',
    turns: [{ role: 'user', text: PROMPT }],
    sampling: { temperature: 0, maxTokens: TOKENS },
  };
  return {
    threads,
    once: async () => {
      const startMs = performance.now();
      for await (const event of inference.generate(request)) {
        if (event.type !== 'finished') continue;
        const { answerTokens, timeToFirstTokenMs } = event.facts;
        if (answerTokens !== TOKENS) throw new Error(`the answer ended after ${answerTokens} tokens`);
        // Measured at the reader: what the way back costs counts.
        return ((answerTokens - 1) * 1000) / (performance.now() - startMs - (timeToFirstTokenMs ?? 0));
      }
      throw new Error('the answer did not finish');
    },
    close: () => engines.close(),
  };
}

/** node-llama-cpp in this process, as fast as its interface allows: same threads, no waiting for a batch to fill, no text. */
async function direct(modelPath: string, threads: number): Promise<Way> {
  const llama = await getLlama({ build: 'never', maxThreads: 0, logLevel: LlamaLogLevel.error });
  const model = await llama.loadModel({ modelPath });
  const context = await model.createContext({ contextSize: 512, threads, batching: { dispatchSchedule: (dispatch) => dispatch() } });
  const sequence = context.getSequence();
  const prompt = [...(model.tokens.bos === null ? [] : [model.tokens.bos]), ...model.tokenize(PROMPT)];
  return {
    once: async () => {
      await sequence.clearHistory();
      let firstMs = 0;
      const made: Token[] = [];
      for await (const token of sequence.evaluate(prompt, { temperature: 0 })) {
        made.push(token);
        if (made.length === 1) firstMs = performance.now();
        if (made.length === TOKENS) break;
      }
      if (made.length !== TOKENS) throw new Error(`the answer ended after ${made.length} tokens`);
      return ((TOKENS - 1) * 1000) / (performance.now() - firstMs);
    },
    close: () => llama.dispose(),
  };
}

/** llama.cpp's decode loop in the addon, without a word of JavaScript: what a benchmark measures as writing. */
async function decodeLoop(modelPath: string, threads: number, scratchFolder: string): Promise<Way> {
  const engines = createEngines({ spawn: (kind) => forkEngine(kind, { entry }), log: () => undefined });
  const { benchmark } = await engines.benchmark();
  const settings = speedSettings.parse({
    promptTokens: 8,
    newTokens: TOKENS,
    context: 0,
    repetitions: 1,
    batch: 512,
    ubatch: 512,
    keyType: 'F16',
    valueType: 'F16',
    flashAttention: 'auto',
    threads,
    gpuLayers: 0,
  });
  return {
    once: async () => {
      for await (const event of benchmark.speed({ modelPath, adapters: [], settings, threads: null, scratchFolder }))
        if (event.type === 'finished') return TOKENS / median(event.newSeconds);
      throw new Error('the measurement did not finish');
    },
    close: () => engines.close(),
  };
}

/** Tokens a second through the engine, held against node-llama-cpp called directly in the same run. */
export async function run(): Promise<BenchRow[]> {
  const folder = await mkdtemp(join(tmpdir(), 'lathe-bench-'));
  const modelPath = join(folder, 'model.gguf');
  try {
    await writeGeneratedModel(modelPath, { layers: 6, embedding: 512, feedForward: 1536, seed: 3 });
    const engine = await throughEngine(modelPath);
    const library = await direct(modelPath, engine.threads);
    const loop = await decodeLoop(modelPath, engine.threads, folder);
    const ours: number[] = [];
    const theirs: number[] = [];
    const bare: number[] = [];
    // In turns, so that a busy moment of the machine meets both; the first round only warms up.
    for (let round = 0; round <= ROUNDS; round += 1) {
      const [engineRate, libraryRate, loopRate] = [await engine.once(), await library.once(), await loop.once()];
      if (round === 0) continue;
      ours.push(engineRate);
      theirs.push(libraryRate);
      bare.push(loopRate);
    }
    await engine.close();
    await library.close();
    await loop.close();
    const ratios = ours.map((rate, round) => rate / (theirs[round] ?? Number.NaN));
    const ofLoop = ours.map((rate, round) => rate / (bare[round] ?? Number.NaN));
    const note = `generated model, 81 MB F32, ${TOKENS} greedy tokens, threads: ${engine.threads}`;
    return [
      { name: 'chat: tokens a second through the engine', value: median(ours), unit: 'tokens/s', spread: spread(ours, 1), note },
      { name: 'chat: node-llama-cpp called directly', value: median(theirs), unit: 'tokens/s', spread: spread(theirs, 1), note },
      { name: 'chat: ratio', value: median(ratios), unit: '×', spread: spread(ratios, 3), goal: '≥ 0.97' },
      { name: 'chat: the decode loop alone (tg of a benchmark)', value: median(bare), unit: 'tokens/s', spread: spread(bare, 1), note },
      { name: 'chat: of the decode loop', value: median(ofLoop), unit: '×', spread: spread(ofLoop, 3) },
    ];
  } finally {
    await rm(folder, { recursive: true });
  }
}
