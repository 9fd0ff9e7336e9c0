import { loadLlama } from '../inference/llama.ts';
import { llamaLibraries } from '../llama-libraries.ts';
import type { EngineLog } from '../log.ts';
import { loadNative, type Native } from '../native.ts';
import { latheVersion } from '../version.ts';
import type { BenchmarkContext, BenchmarkHandlers } from './context.ts';
import { cardsHandler, devicesHandler, environmentHandler } from './environment.ts';
import { qualityHandler } from './quality.ts';
import { questionsHandler } from './questions.ts';
import { speedHandler } from './speed.ts';

/** The benchmark engine: measurements that nothing else in the process disturbs. */
export function createBenchmark(log: EngineLog): BenchmarkHandlers {
  let loaded: Promise<Native> | undefined;
  const load = async (wantsCards: boolean): Promise<Native> => {
    // Trying the drivers takes time and memory: only where a card is asked for.
    const variant = wantsCards ? (await loadLlama(log)).llama.gpu : false;
    const native = loadNative({ libraries: llamaLibraries(variant) });
    log.write('info', `llama.cpp ${native.versions.release}, ggml ${native.versions.ggml}, ${variant === false ? 'CPU' : variant}`);
    return native;
  };
  const context: BenchmarkContext = { native: (wantsCards) => (loaded ??= load(wantsCards)), version: latheVersion() };
  return {
    environment: environmentHandler(context),
    devices: devicesHandler(context),
    cards: cardsHandler(context),
    speed: speedHandler(context),
    quality: qualityHandler(context),
    questions: questionsHandler(context),
  };
}
