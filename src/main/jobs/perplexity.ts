import { AppError } from '#core/errors/index.ts';
import type { Engines } from '../engines/index.ts';
import type { Library } from '../library/index.ts';
import { resolveUserPath } from '../library/paths.ts';
import { checkFile, followWork } from './inputs.ts';
import { leavesNothing, type JobRunner } from './runner.ts';

interface PerplexityOptions {
  readonly library: Pick<Library, 'usable' | 'setUsed'>;
  readonly engines: Pick<Engines, 'tensor'>;
  readonly threads: () => number | null;
}

/** Figures are comparable only where they were made in the same way. */
const METHOD =
  "as llama.cpp's perplexity tool: windows of the context length without overlap, an incomplete last one left out, the first token of each " +
  'replaced by BOS where the model adds one, predictions of the second half scored';

/** How well a model predicts a text. */
export function perplexityRunner({ library, engines, threads }: PerplexityOptions): JobRunner<'perplexity'> {
  return {
    lane: 'cpu',
    check: async ({ modelId, textPath }) => {
      const model = await library.usable(modelId);
      if (model.kind !== 'gguf') throw new AppError('jobs.needsGguf', { name: model.name });
      await checkFile(resolveUserPath(textPath));
    },
    run: async ({ modelId, textPath, contextLength }, { signal, progress }) => {
      const { path } = await library.usable(modelId);
      library.setUsed(modelId);
      const { tensor } = await engines.tensor();
      const request = { modelPath: path, textPath: resolveUserPath(textPath), contextLength, threads: threads() };
      const measured = await followWork(tensor.perplexity(request, { signal }), progress);
      const { perplexity, standardError, tokens, windows } = measured;
      return { result: { kind: 'perplexity', perplexity, standardError, tokens, windows, contextLength, method: METHOD } };
    },
    ...leavesNothing,
  };
}
