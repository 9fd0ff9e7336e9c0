import type { CalibrationPlan } from '#core/quantize/calibration-plan.ts';
import type { QuantizeOptions } from '#contract/quantize.ts';
import type { Native } from '../native.ts';
import type { ValueEdits } from '../quantize/edit.ts';
import { gptqCalibration } from '../quantize/gptq-calibration.ts';
import type { OpenedModel } from '../quantize/open-model.ts';
import { ggufPath, makeWorkingModel } from '../quantize/working-model.ts';
import { modelThreads } from './context.ts';
import type { Tell } from './progress.ts';
import { trainedContext } from './run-model.ts';
import { fittingText, type Text } from './text.ts';

/** A model that is open for running it on a text. */
export interface CalibrationRun {
  readonly opened: OpenedModel;
  readonly calibration: CalibrationPlan;
  /** What the working model has that the opened one has not: adapters, for one. Without a working model there are none. */
  readonly edits?: ValueEdits | undefined;
  readonly text: Text;
  readonly options: QuantizeOptions;
  readonly scratchFolder: string;
  readonly kernels: Native;
  readonly threads: number | null;
  readonly signal: AbortSignal;
  readonly tell: Tell;
}

/** The model as it is run: itself, or a working copy. Disposing closes and removes it. Throws `evaluate.*`, `disk.*`. */
export async function openCalibrator(run: CalibrationRun, windows: number) {
  const { opened, calibration, edits, text, options, scratchFolder, kernels, threads, signal, tell } = run;
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
        edits,
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

/** The second moments for GPTQ, and what they rest on. Disposing closes and removes what is run. Throws what opening throws. */
export async function calibrate(run: CalibrationRun) {
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
