import { basename } from 'node:path';
import type { QualityMeasure } from '#contract/quantize.ts';
import { compareWeights } from '../quantize/compare-weights.ts';
import { openQuantizable } from '../quantize/open-model.ts';
import { modelThreads, type TensorContext, type TensorHandlers } from './context.ts';
import { withProgress } from './progress.ts';
import { runnable, trainedContext } from './run-model.ts';
import { samplesOf, SAMPLES } from './samples.ts';
import { fittingText, readText } from './text.ts';

const WORST_TENSORS = 20;

export const qualityHandler =
  ({ native, version }: TensorContext): TensorHandlers['quality'] =>
  ({ variantPath, sourcePath, options, scratchFolder, threads }, { signal }) =>
    withProgress(async (tell) => {
      tell({ phase: 'quality.loading', detail: null, amount: 0, total: 1, unit: 'bytes' });
      const text = await readText(options.textPath);
      const kernels = native();
      await using source = await openQuantizable(sourcePath, basename(sourcePath));
      await using variant = await openQuantizable(variantPath, basename(variantPath));
      const working = {
        scratchFolder,
        kernels,
        threads: threads ?? undefined,
        signal,
        progress: (amount: number, total: number, tensor: string) =>
          tell({ phase: 'quality.loading', detail: tensor, amount, total, unit: 'bytes' }),
      };
      await using runSource = await runnable(source, version, working);
      await using runVariant = await runnable(variant, version, working);
      const paths = [runSource.path, runVariant.path];
      const contextLength = await trainedContext(options.contextLength, paths);
      const run = { text: await fittingText(text, runSource.path, kernels, signal), threads: modelThreads(threads), signal };
      const compared = await kernels.compare({
        ...run,
        sourcePath: runSource.path,
        variantPath: runVariant.path,
        contextLength,
        maxWindows: options.windows ?? undefined,
        onProgress: (amount, total) => tell({ phase: 'quality.measuring', detail: null, amount, total, unit: 'windows' }),
      });
      const errors = await compareWeights({
        source,
        variant,
        kernels,
        threads: run.threads,
        signal,
        progress: (amount, total, tensor) => tell({ phase: 'quality.comparing', detail: tensor, amount, total, unit: 'tensors' }),
      });
      const [fromSource = [], fromVariant = []] = await samplesOf(
        {
          kernels,
          run,
          paths,
          tell: (amount) => tell({ phase: 'quality.sampling', detail: null, amount, total: 2 * SAMPLES, unit: 'windows' }),
        },
        paths.map((path) => ({ path, adapters: [] })),
      );
      const measure: QualityMeasure = {
        textName: text.name,
        textSha256: text.sha256,
        contextLength,
        windows: compared.windows,
        tokens: compared.tokens,
        perplexity: compared.perplexity,
        sourcePerplexity: compared.sourcePerplexity,
        meanKl: compared.meanKl,
        meanKlError: compared.klError,
        kl999: compared.kl999,
        maxKl: compared.maxKl,
        topOneAgreement: compared.topOneAgreement,
        worstTensors: errors.slice(0, WORST_TENSORS),
        samples: fromSource.map(({ prompt, continuation }, i) => ({
          prompt,
          source: continuation,
          variant: fromVariant[i]?.continuation ?? '',
        })),
      };
      return { type: 'finished' as const, measure };
    });
