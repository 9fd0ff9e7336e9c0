import { modelThreads } from '../tensor/context.ts';
import { withProgress } from '../tensor/progress.ts';
import { trainedContext } from '../tensor/run-model.ts';
import { fittingText, readText } from '../tensor/text.ts';
import { openRunnable, type BenchmarkContext, type BenchmarkHandlers } from './context.ts';

/** What a model knows of a text; against a base, what it has lost or learned. Both run in step, window by window. */
export const qualityHandler =
  ({ native, version }: BenchmarkContext): BenchmarkHandlers['quality'] =>
  ({ modelPath, adapters, basePath, textPath, contextLength: asked, windows: most, scratchFolder, threads: wanted }, { signal }) =>
    withProgress(async (tell) => {
      const text = await readText(textPath);
      const kernels = await native(false);
      const threads = modelThreads(wanted);
      const working = {
        scratchFolder,
        kernels,
        version,
        threads,
        signal,
        progress: (amount: number, total: number, detail: string) =>
          tell({ phase: 'benchmark.loading', detail, amount, total, unit: 'bytes' }),
      };
      tell({ phase: 'benchmark.loading', detail: null, amount: 0, total: 1, unit: 'bytes' });
      await using model = await openRunnable({ modelPath, adapters, ...working });
      await using base = basePath === null ? null : await openRunnable({ modelPath: basePath, adapters: [], ...working });
      const paths = base === null ? [model.path] : [base.path, model.path];
      const contextLength = await trainedContext(asked, paths);
      const run = {
        text: await fittingText(text, paths[0] ?? model.path, kernels, signal),
        contextLength,
        maxWindows: most ?? undefined,
        threads,
        signal,
        onProgress: (amount: number, total: number) => tell({ phase: 'benchmark.quality', detail: null, amount, total, unit: 'windows' }),
      };
      const facts = { type: 'finished' as const, textName: text.name, textSha256: text.sha256, contextLength };
      if (base === null) {
        const { perplexity, standardError, windows, tokens } = await kernels.perplexity({
          ...run,
          modelPath: model.path,
          adapters: model.adapters,
        });
        return { ...facts, windows, tokens, perplexity, perplexityError: standardError, against: null };
      }
      const compared = await kernels.compare({
        ...run,
        sourcePath: base.path,
        variantPath: model.path,
        variantAdapters: model.adapters,
      });
      const { windows, tokens, perplexity, perplexityError, sourcePerplexity, klError, ...divergence } = compared;
      return {
        ...facts,
        windows,
        tokens,
        perplexity,
        perplexityError,
        against: { ...divergence, perplexity: sourcePerplexity, meanKlError: klError },
      };
    });
