import { AppError, toErrorData, type AppErrorData } from '#core/errors/index.ts';
import { executePlan } from '../convert/execute.ts';
import { openHfFolder } from '../convert/hf-folder.ts';
import { prepareConversion } from '../convert/prepare.ts';
import type { TensorContext, TensorHandlers } from './context.ts';
import { withProgress } from './progress.ts';

export const convertHandler =
  ({ native }: TensorContext): TensorHandlers['convert'] =>
  ({ modelPath, target, outputPath, name }, { signal }) =>
    withProgress(async (tell) => {
      tell({ phase: 'convert.reading', detail: null, amount: 0, total: 1, unit: 'bytes' });
      await using folder = await openHfFolder(modelPath);
      const plan = await prepareConversion(folder, target, name);
      const met = await executePlan({
        plan,
        sources: folder.sources,
        outputPath,
        kernels: native(),
        signal,
        progress: (amount, tensor) => tell({ phase: 'convert.writing', detail: tensor, amount, total: plan.totalBytes, unit: 'bytes' }),
      });
      const warnings: AppErrorData[] = [...plan.warnings];
      if (met.overflowed > 0)
        warnings.push(toErrorData(new AppError('convert.overflow', { count: met.overflowed, target: target.toUpperCase() })));
      if (met.nonFinite > 0) warnings.push(toErrorData(new AppError('convert.nonFinite', { count: met.nonFinite })));
      return { type: 'finished' as const, sizeBytes: plan.totalBytes, warnings };
    });
