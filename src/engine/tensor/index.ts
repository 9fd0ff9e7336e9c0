import type { EngineLog } from '../log.ts';
import { loadNative, type Native } from '../native.ts';
import { latheVersion } from '../version.ts';
import { adapterChangesHandler, adapterFitsHandler, adapterHandler } from './adapter.ts';
import { calibrateHandler } from './calibrate.ts';
import { certifyHandler } from './certify.ts';
import type { TensorContext, TensorHandlers } from './context.ts';
import { demoHandler } from './demo.ts';
import { hashHandler } from './hash.ts';
import { mergeHandler } from './merge.ts';
import { perplexityHandler } from './perplexity.ts';
import { planHandler, recipesHandler } from './plan.ts';
import { qualityHandler } from './quality.ts';
import { quantizeHandler } from './quantize.ts';
import { combinedChangesHandler, combineHandler, convertAdapterHandler, extractHandler } from './write-adapters.ts';

/** The tensor engine: long work on files, each as one stream of progress that can be left at any time. */
export function createTensor(log: EngineLog): TensorHandlers {
  let loaded: Native | undefined;
  const native = (): Native => {
    if (loaded === undefined) {
      loaded = loadNative();
      log.write('info', `llama.cpp ${loaded.versions.release}, ggml ${loaded.versions.ggml}`);
    }
    return loaded;
  };
  const context: TensorContext = { native, version: latheVersion() };
  return {
    recipes: recipesHandler(context),
    plan: planHandler(context),
    quantize: quantizeHandler(context),
    calibrate: calibrateHandler(context),
    quality: qualityHandler(context),
    adapter: adapterHandler(),
    adapterFits: adapterFitsHandler(),
    adapterChanges: adapterChangesHandler(context),
    combinedChanges: combinedChangesHandler(context),
    merge: mergeHandler(context),
    combine: combineHandler(context),
    extract: extractHandler(context),
    convertAdapter: convertAdapterHandler(),
    certify: certifyHandler(context),
    hash: hashHandler(),
    perplexity: perplexityHandler(context),
    demo: demoHandler(),
  };
}
