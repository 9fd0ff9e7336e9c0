import { modelThreads, type TensorContext, type TensorHandlers } from './context.ts';
import { withProgress } from './progress.ts';
import { readText } from './text.ts';

export const perplexityHandler =
  ({ native }: TensorContext): TensorHandlers['perplexity'] =>
  ({ modelPath, textPath, contextLength, threads }, { signal }) =>
    withProgress(async (tell) => {
      tell({ phase: 'perplexity.loading', detail: null, amount: 0, total: 1, unit: 'windows' });
      const { perplexity, standardError, tokens, windows } = await native().perplexity({
        modelPath,
        text: (await readText(textPath)).text,
        contextLength,
        threads: modelThreads(threads),
        signal,
        onProgress: (amount, total) => tell({ phase: 'perplexity.scoring', detail: null, amount, total, unit: 'windows' }),
      });
      return { type: 'finished' as const, perplexity, standardError, tokens, windows };
    });
