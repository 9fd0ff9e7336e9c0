import { AppError, toErrorData, type AppErrorData } from '#core/errors/index.ts';
import { INT8_OUTLIER_THRESHOLD } from '#core/quantize/bitsandbytes.ts';
import { outlierTensors, type CalibrationPlan } from '#core/quantize/calibration-plan.ts';
import { parseTarget } from '#core/quantize/targets.ts';
import type { QuantizeOptions } from '#contract/quantize.ts';
import type { Native } from '../native.ts';
import { refuseExisting } from '../output-file.ts';
import { executeQuantization } from '../quantize/execute.ts';
import { gptqCalibration } from '../quantize/gptq-calibration.ts';
import { openQuantizable, type OpenedModel } from '../quantize/open-model.ts';
import { ggufPath, makeWorkingModel } from '../quantize/working-model.ts';
import { modelThreads, type TensorContext, type TensorHandlers } from './context.ts';
import { openImatrix, planWork, type Planned } from './plan.ts';
import { withProgress, type Tell } from './progress.ts';
import { trainedContext } from './run-model.ts';
import { fittingText, readText, type Text } from './text.ts';

/** Outliers are the same few inputs at nearly every position (LLM.int8(), section 4.2): a short text shows them. */
const OUTLIER_WINDOWS = 8;

/** Columns that are named of each matrix; the contract's limit. */
const NAMED_COLUMNS = 1000;

/** A model that is open for running it on a text. */
interface Run {
  readonly opened: OpenedModel;
  readonly calibration: CalibrationPlan;
  readonly text: Text;
  readonly options: QuantizeOptions;
  readonly scratchFolder: string;
  readonly kernels: Native;
  readonly threads: number | null;
  readonly signal: AbortSignal;
  readonly tell: Tell;
}

export const quantizeHandler =
  ({ native, version }: TensorContext): TensorHandlers['quantize'] =>
  ({ modelPath, target, format, outputPath, name, options, scratchFolder, threads }, { signal }) =>
    withProgress(async (tell) => {
      tell({ phase: 'quantize.reading', detail: null, amount: 0, total: 1, unit: 'bytes' });
      const parsed = parseTarget(target);
      // Before a calibration that may take hours; it is looked at again when the file gets its name.
      await refuseExisting(outputPath);
      const imatrix = await openImatrix(options);
      await using opened = await openQuantizable(modelPath, name);
      const planned = planWork({ opened, target: parsed, format, options, imatrix, version });
      const { plan, calibration } = planned;
      const kernels = native();
      const text = calibration === undefined ? undefined : await readText(options.calibrationPath);
      const run: Run | undefined = calibration &&
        text && { opened, calibration, text, options, scratchFolder, kernels, threads, signal, tell };
      const warnings: AppErrorData[] = [...plan.warnings];
      const outliers = run === undefined || plan.needsCalibration ? [] : await reportOutliers(run, planned, warnings);
      await using calibrated = run !== undefined && plan.needsCalibration ? await calibrate(run) : undefined;
      const made = await executeQuantization({
        plan,
        sources: opened.sources,
        sourceFolder: opened.sourceFolder,
        outputPath,
        kernels,
        imatrix: imatrix?.imatrix,
        calibration: calibrated?.calibration,
        calibrationKey: calibrated?.key,
        threads: threads ?? undefined,
        signal,
        progress: (amount, total, tensor) => tell({ phase: 'quantize.writing', detail: tensor, amount, total, unit: 'bytes' }),
        onWritten: () => tell({ phase: 'quantize.checking', detail: null, amount: 0, total: 1, unit: 'bytes' }),
      });
      warnings.push(...made.warnings);
      if (made.overflowed > 0)
        warnings.push(toErrorData(new AppError('convert.overflow', { count: made.overflowed, target: plan.target })));
      if (made.nonFinite > 0) warnings.push(toErrorData(new AppError('convert.nonFinite', { count: made.nonFinite })));
      return {
        type: 'finished' as const,
        sizeBytes: made.sizeBytes,
        warnings,
        resumedTensors: made.resumed,
        tensors: made.tensors.toSorted((left, right) => right.relativeError - left.relativeError),
        outliers,
      };
    });

/** The model as it is run: itself, or a working copy. Disposing closes and removes it. */
async function openCalibrator({ opened, calibration, text, options, scratchFolder, kernels, threads, signal, tell }: Run, windows: number) {
  await using stack = new AsyncDisposableStack();
  const { working } = calibration;
  const model =
    working &&
    stack.use(
      await makeWorkingModel({
        opened,
        plan: working,
        scratchFolder,
        kernels,
        threads: threads ?? undefined,
        signal,
        progress: (amount, total, tensor) => tell({ phase: 'quantize.reading', detail: tensor, amount, total, unit: 'bytes' }),
      }),
    );
  const modelPath = model?.path ?? ggufPath(opened);
  const contextLength = await trainedContext(options.calibrationContext, [modelPath]);
  tell({ phase: 'quantize.calibrating', detail: null, amount: 0, total: 1, unit: 'windows' });
  const calibrator = await kernels.openCalibrator({
    modelPath,
    text: await fittingText(text, modelPath, kernels, signal),
    contextLength,
    maxWindows: windows,
    threads: modelThreads(threads),
    signal,
  });
  stack.defer(() => calibrator.close());
  const owned = stack.move();
  return { calibrator, contextLength, modelPath, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** The second moments for GPTQ. */
async function calibrate(run: Run) {
  const { calibration, text, kernels, signal, tell, options } = run;
  const opened = await openCalibrator(run, options.calibrationWindows);
  const { calibrator, contextLength, modelPath } = opened;
  return {
    calibration: gptqCalibration({
      calibrator,
      passes: calibration.passes,
      workingPath: calibration.working === undefined ? undefined : modelPath,
      kernels,
      signal,
      progress: (pass, done, windows, tensor) => {
        const total = windows * calibration.passes.length;
        tell({ phase: 'quantize.calibrating', detail: tensor, amount: pass * windows + done, total, unit: 'windows' });
      },
    }),
    key: `${text.sha256} ${contextLength} ${calibrator.windows}`,
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
  };
}

type Outliers = { name: string; inputs: number; columns: number[]; count: number }[];

/** Inputs that reach LLM.int8()'s threshold. What is written does not depend on it, so its failure is a warning. */
async function reportOutliers(run: Run, { plan }: Planned, warnings: AppErrorData[]): Promise<Outliers> {
  const { opened, options, signal, tell } = run;
  try {
    await using session = await openCalibrator(run, Math.min(options.calibrationWindows, OUTLIER_WINDOWS));
    const found = await session.calibrator.squareSums({
      signal,
      onProgress: (amount, total) => tell({ phase: 'quantize.calibrating', detail: null, amount, total, unit: 'windows' }),
    });
    const largest = new Map(found.map(({ name, maxima }) => [name, maxima]));
    return outlierTensors(opened.model, plan).flatMap(({ name, ggufName, inputs }) => {
      const maxima = largest.get(ggufName);
      if (maxima === undefined) return [];
      const columns = [...maxima.keys()].filter((column) => (maxima[column] ?? 0) >= INT8_OUTLIER_THRESHOLD);
      return [{ name, inputs, columns: columns.slice(0, NAMED_COLUMNS), count: columns.length }];
    });
  } catch (error) {
    if (signal.aborted || !(error instanceof AppError)) throw error;
    warnings.push({ code: 'quantize.noOutlierReport', params: {} }, toErrorData(error));
    return [];
  }
}
