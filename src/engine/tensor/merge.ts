import { availableParallelism } from 'node:os';
import { AppError, toErrorData, type AppErrorData } from '#core/errors/index.ts';
import { parseTarget } from '#core/quantize/targets.ts';
import { valueEdits } from '../lora/edits.ts';
import { executeMerge, planMergedCalibration, prepareMerge } from '../lora/merge.ts';
import { refuseExisting } from '../output-file.ts';
import { openQuantizable } from '../quantize/open-model.ts';
import { calibrate } from './calibration-run.ts';
import type { TensorContext, TensorHandlers } from './context.ts';
import { openAdapters } from '../lora/open-adapters.ts';
import { openImatrix } from './plan.ts';
import { withProgress } from './progress.ts';
import { readText } from './text.ts';

export const mergeHandler =
  ({ native, version }: TensorContext): TensorHandlers['merge'] =>
  ({ basePath, adapters, target, format, outputPath, name, options, scratchFolder, threads }, { signal }) =>
    withProgress(async (tell) => {
      tell({ phase: 'merge.reading', detail: null, amount: 0, total: 1, unit: 'bytes' });
      await refuseExisting(outputPath);
      const imatrix = await openImatrix(options);
      await using stack = new AsyncDisposableStack();
      const base = stack.use(await openQuantizable(basePath, name));
      const opened = await openAdapters(adapters, stack);
      const prepared = await prepareMerge(
        base,
        opened,
        {
          version,
          options,
          ...(target === null ? {} : { target: parseTarget(target) }),
          ...(format === undefined ? {} : { format }),
          ...(imatrix === undefined ? {} : { imatrix: imatrix.facts }),
        },
        signal,
      );
      const { plan, edits } = prepared;
      const edited = new Set(edits.map((edit) => edit.name));
      const changed = plan.tensors.filter(
        (tensor) => edited.has(tensor.name) || (tensor.source.kind === 'stored' && !base.sources.has(tensor.source.tensor.shard)),
      );
      const kernels = native();
      const calibration = planMergedCalibration(prepared, options.calibrationContext);
      const { sources } = prepared;
      const editTools = { kernels, sources, threads: threads ?? availableParallelism(), signal };
      await using calibrated =
        calibration &&
        (await calibrate({
          opened: { ...base, sources },
          calibration: calibration.plan,
          edits: valueEdits(calibration.edits, editTools),
          text: await readText(options.calibrationPath),
          options,
          scratchFolder,
          kernels,
          threads,
          signal,
          tell,
        }));
      const made = await executeMerge({
        prepared,
        outputPath,
        kernels,
        calibration: calibrated?.calibration,
        calibrationKey: calibrated?.key,
        imatrix: imatrix?.imatrix,
        threads: threads ?? undefined,
        signal,
        progress: (amount, total, tensor) => tell({ phase: 'merge.writing', detail: tensor, amount, total, unit: 'bytes' }),
        onWritten: () => tell({ phase: 'merge.checking', detail: null, amount: 0, total: 1, unit: 'bytes' }),
      });
      const warnings: AppErrorData[] = [...made.warnings];
      if (made.overflowed > 0)
        warnings.push(toErrorData(new AppError('convert.overflow', { count: made.overflowed, target: plan.target })));
      if (made.nonFinite > 0) warnings.push(toErrorData(new AppError('convert.nonFinite', { count: made.nonFinite })));
      return {
        type: 'finished' as const,
        sizeBytes: made.sizeBytes,
        warnings,
        resumedTensors: made.resumed,
        changedTensors: changed.length,
      };
    });
