import { AppError, toErrorData, type AppErrorData } from '#core/errors/index.ts';
import { INT8_OUTLIER_THRESHOLD } from '#core/quantize/bitsandbytes.ts';
import { outlierTensors } from '#core/quantize/calibration-plan.ts';
import { parseTarget } from '#core/quantize/targets.ts';
import { refuseExisting } from '../output-file.ts';
import { executeQuantization } from '../quantize/execute.ts';
import { openQuantizable } from '../quantize/open-model.ts';
import { calibrate, openCalibrator, type CalibrationRun } from './calibration-run.ts';
import type { TensorContext, TensorHandlers } from './context.ts';
import { openImatrix, planWork, type Planned } from './plan.ts';
import { withProgress } from './progress.ts';
import { readText } from './text.ts';

/** Outliers are the same few inputs at nearly every position (LLM.int8(), section 4.2): a short text shows them. */
const OUTLIER_WINDOWS = 8;

/** Columns that are named of each matrix; the contract's limit. */
const NAMED_COLUMNS = 1000;

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
      const run: CalibrationRun | undefined = calibration &&
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

type Outliers = { name: string; inputs: number; columns: number[]; count: number }[];

/** Inputs that reach LLM.int8()'s threshold. What is written does not depend on it, so its failure is a warning. */
async function reportOutliers(run: CalibrationRun, { plan }: Planned, warnings: AppErrorData[]): Promise<Outliers> {
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
