import { AppError, toErrorData, type AppErrorData } from '#core/errors/index.ts';
import { parseTarget } from '#core/quantize/targets.ts';
import { executeMerge, prepareMerge } from '../lora/merge.ts';
import { refuseExisting } from '../output-file.ts';
import { openQuantizable } from '../quantize/open-model.ts';
import type { TensorContext, TensorHandlers } from './context.ts';
import { openAdapters } from '../lora/open-adapters.ts';
import { openImatrix } from './plan.ts';
import { withProgress } from './progress.ts';

export const mergeHandler =
  ({ native, version }: TensorContext): TensorHandlers['merge'] =>
  ({ basePath, adapters, target, format, outputPath, name, options, threads }, { signal }) =>
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
      // What GPTQ looks at is how the merged model computes: it has to be there first.
      if (plan.needsCalibration)
        throw new AppError('adapters.badOption', { option: 'target', value: plan.target, expected: 'one that needs no calibration' });
      const edited = new Set(edits.map((edit) => edit.name));
      const changed = plan.tensors.filter(
        (tensor) => edited.has(tensor.name) || (tensor.source.kind === 'stored' && !base.sources.has(tensor.source.tensor.shard)),
      );
      const made = await executeMerge({
        prepared,
        outputPath,
        kernels: native(),
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
