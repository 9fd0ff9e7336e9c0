import { basename } from 'node:path';
import type { CertificateMeasure } from '#contract/adapters.ts';
import { AppError } from '#core/errors/index.ts';
import { changedTokenizerField, isTemplateChanged } from '#core/lora/same-tokenizer.ts';
import { judgeMerge, type MeasuredTensor } from '#core/lora/verdict.ts';
import { certifyWeights } from '../lora/certify-weights.ts';
import { mergedTensors } from '../lora/merged-values.ts';
import { makeRoundingControl } from '../lora/rounding-control.ts';
import { runtimeAdaptersOrWhy } from '../lora/runtime-adapters.ts';
import type { AdapterFile } from '../native-quantize.ts';
import type { Native } from '../native.ts';
import { openQuantizable, type OpenedModel } from '../quantize/open-model.ts';
import { workingFolder } from '../quantize/working-model.ts';
import { modelThreads, type TensorContext, type TensorHandlers } from './context.ts';
import { openAdapters } from '../lora/open-adapters.ts';
import { withProgress, type Tell } from './progress.ts';
import { runnable, trainedContext } from './run-model.ts';
import { samplesOf, SAMPLES } from './samples.ts';
import { fittingText, readText, type Text } from './text.ts';

const WORST_TENSORS = 50;

/** Errors of rounding are not quite independent of each other and of the weights, as those of the control are. */
const MARGIN = 4;
/** Below this the logarithms of float32 probabilities differ by themselves. */
const LEAST_BOUND = 1e-7;

export const certifyHandler =
  ({ native, version }: TensorContext): TensorHandlers['certify'] =>
  ({ basePath, adapters, mergedPath, options, scratchFolder, threads }, { signal }) =>
    withProgress(async (tell) => {
      tell({ phase: 'certify.loading', detail: null, amount: 0, total: 1, unit: 'bytes' });
      const kernels = native();
      const text = await readText(options.textPath);
      await using stack = new AsyncDisposableStack();
      const base = stack.use(await openQuantizable(basePath, basename(basePath)));
      const merged = stack.use(await openQuantizable(mergedPath, basename(mergedPath)));
      const opened = await openAdapters(adapters, stack);
      const tools = {
        kernels,
        threads: modelThreads(threads),
        signal,
        progress: (amount: number, total: number, tensor: string) =>
          tell({ phase: 'certify.comparing', detail: tensor, amount, total, unit: 'tensors' }),
      };
      const { tensors, otherTensors } = await certifyWeights(await mergedTensors(base, opened, version, tools), merged, tools);

      const [before, after] = [metadataOf(base), metadataOf(merged)];
      const changedTokenizer = changedTokenizerField(before, after);
      const folder = stack.use(await workingFolder(scratchFolder));
      const beside = await runtimeAdaptersOrWhy(opened, base.model, folder.path, signal);
      const setting = { base, merged, tensors, text, options, scratchFolder, kernels, threads, signal, tell, version };
      // Models of different tokens, or of other weights, cannot be run in step.
      const canRun = 'files' in beside && changedTokenizer === undefined && otherTensors.length === 0;
      const { runtime, samples } = canRun ? await runBoth({ ...setting, adapters: beside.files }) : { runtime: null, samples: [] };
      const judgement = judgeMerge({
        tensors,
        otherTensors,
        runtime,
        notRunnable: 'files' in beside ? undefined : beside,
        changedTokenizer,
        isTemplateChanged: isTemplateChanged(before, after),
      });
      const measure: CertificateMeasure = {
        verdict: judgement.verdict,
        findings: [...judgement.findings],
        runtime,
        tensors: judgement.tensors.slice(0, WORST_TENSORS),
        checkedTensors: tensors.length,
        changedTensors: tensors.filter(({ change }) => change > 0).length,
        samples,
      };
      return { type: 'finished' as const, measure };
    });

function metadataOf({ model: { gguf } }: OpenedModel) {
  if ('code' in gguf) throw AppError.from(gguf);
  return gguf.metadata(0);
}

/** Whether llama.cpp computes with codes; a folder is run as floats. */
const isQuantizedFile = ({ model: { gguf, folder } }: OpenedModel): boolean =>
  folder === undefined &&
  !('code' in gguf) &&
  gguf.tensors.some(({ source }) => source.kind === 'stored' && source.tensor.packed?.kind === 'ggml');

interface Setting {
  readonly base: OpenedModel;
  readonly merged: OpenedModel;
  readonly adapters: readonly AdapterFile[];
  readonly tensors: readonly MeasuredTensor[];
  readonly text: Text;
  readonly options: Parameters<TensorHandlers['certify']>[0]['options'];
  readonly scratchFolder: string;
  readonly kernels: Native;
  readonly threads: number | null;
  readonly signal: AbortSignal;
  readonly tell: Tell;
  readonly version: string;
}

/** The base with the adapters beside its weights, held against the merged model; against the base alone; and what rounding may cost. */
async function runBoth(setting: Setting): Promise<Pick<CertificateMeasure, 'runtime' | 'samples'>> {
  const { base, merged, adapters, tensors, text, options, scratchFolder, kernels, threads, signal, tell, version } = setting;
  const working = {
    scratchFolder,
    kernels,
    threads: threads ?? undefined,
    signal,
    progress: (amount: number, total: number, tensor: string) =>
      tell({ phase: 'certify.loading', detail: tensor, amount, total, unit: 'bytes' }),
  };
  await using runBase = await runnable(base, version, working);
  await using runMerged = await runnable(merged, version, working);
  const paths = [runBase.path, runMerged.path];
  const contextLength = await trainedContext(options.contextLength, paths);
  const run = { text: await fittingText(text, runBase.path, kernels, signal), threads: modelThreads(threads), signal };
  const compare = (variantPath: string, sourceAdapters: readonly AdapterFile[], step: number) =>
    kernels.compare({
      ...run,
      sourcePath: runBase.path,
      sourceAdapters,
      variantPath,
      contextLength,
      maxWindows: options.windows,
      onProgress: (amount, total) =>
        tell({ phase: 'certify.measuring', detail: null, amount: step * total + amount, total: 3 * total, unit: 'windows' }),
    });
  const agreement = await compare(runMerged.path, adapters, 0);
  const effect = await compare(runBase.path, adapters, 1);
  const boundMeanKl = await (async () => {
    const isMergedQuantized = isQuantizedFile(merged);
    const isBaseQuantized = isQuantizedFile(base);
    await using control = await makeRoundingControl(base, { ...working, version, tensors, isMergedQuantized, isBaseQuantized });
    const { meanKl } = await compare(control.path, [], 2);
    return Math.max(LEAST_BOUND, (MARGIN * meanKl) / control.factor ** 2);
  })();
  const sampling = {
    kernels,
    run,
    paths,
    tell: (amount: number) => tell({ phase: 'certify.sampling', detail: null, amount, total: 2 * SAMPLES, unit: 'windows' }),
  };
  const [runtimeSamples, mergedSamples] = await samplesOf(sampling, [
    { path: runBase.path, adapters },
    { path: runMerged.path, adapters: [] },
  ]);
  return {
    runtime: {
      windows: agreement.windows,
      tokens: agreement.tokens,
      meanKl: agreement.meanKl,
      maxKl: agreement.maxKl,
      topOneAgreement: agreement.topOneAgreement,
      boundMeanKl,
      effectKl: effect.meanKl,
    },
    samples: (runtimeSamples ?? []).map(({ prompt, continuation }, i) => ({
      prompt,
      runtime: continuation,
      merged: mergedSamples?.[i]?.continuation ?? '',
    })),
  };
}
