import { basename } from 'node:path';
import { AppError, toErrorData, type AppErrorData } from '#core/errors/index.ts';
import { adapterBase, baseOfAdapters } from '#core/lora/base.ts';
import { planCombination } from '#core/lora/combine.ts';
import { planExtraction } from '#core/lora/extract.ts';
import { combineAdapters, type CombineTools, type Combined } from '../lora/combine.ts';
import { convertAdapter } from '../lora/convert-adapter.ts';
import { extractAdapter } from '../lora/extract.ts';
import { openAdapter } from '../lora/open-adapter.ts';
import { writeAdapter } from '../lora/write-adapter.ts';
import { refuseExisting } from '../output-file.ts';
import { openQuantizable } from '../quantize/open-model.ts';
import { modelThreads, type TensorContext, type TensorHandlers } from './context.ts';
import { openAdapters } from '../lora/open-adapters.ts';
import { withProgress } from './progress.ts';

/** What the ranks of an extraction are bounded by where its energy decides. */
const MOST_RANK = 256;

export const convertAdapterHandler =
  (): TensorHandlers['convertAdapter'] =>
  ({ adapterPath, basePath, format, outputPath, name }, { signal }) =>
    withProgress(async (tell) => {
      tell({ phase: 'convertAdapter.writing', detail: name, amount: 0, total: 1, unit: 'bytes' });
      await refuseExisting(outputPath);
      await using opened = await openAdapter(adapterPath, 'adapter');
      await using base = await openQuantizable(basePath, basename(basePath));
      const sizeBytes = await convertAdapter(opened, base.model, format, outputPath, signal);
      return { type: 'finished' as const, sizeBytes, warnings: [] };
    });

type CombineInput = Pick<Parameters<TensorHandlers['combine']>[0], 'adapters' | 'options' | 'basePath'>;

/** Adapters as one, in memory. `format`: what they have to be in already where no base is given. */
async function combined(
  { adapters, options, basePath }: CombineInput,
  format: 'peft' | 'gguf' | null,
  tools: CombineTools,
): Promise<Combined> {
  await using stack = new AsyncDisposableStack();
  const opened = await openAdapters(adapters, stack);
  const parts = opened.map(({ opened: { adapter }, weight }, i) => ({ adapter, weight, name: basename(adapters[i]?.path ?? '') }));
  const [first] = parts;
  if (basePath === null && parts.some(({ adapter }) => adapter.format !== (format ?? first?.adapter.format)))
    throw new AppError('adapters.badOption', { option: 'base', value: 'none', expected: 'a model, to change the format' });
  const base =
    basePath === null
      ? baseOfAdapters(parts.map(({ adapter }) => adapter))
      : adapterBase(stack.use(await openQuantizable(basePath, basename(basePath))).model);
  const { rank, ...rest } = options;
  const plan = planCombination(parts, base, { ...rest, ...(rank === null ? {} : { rank }) });
  return await combineAdapters(
    opened.map((each) => each.opened),
    plan,
    tools,
  );
}

export const combineHandler =
  ({ native }: TensorContext): TensorHandlers['combine'] =>
  ({ format, outputPath, ...input }, { signal }) =>
    withProgress(async (tell) => {
      tell({ phase: 'combine.combining', detail: null, amount: 0, total: 1, unit: 'tensors' });
      await refuseExisting(outputPath);
      const { made } = await combined(input, format, {
        kernels: native(),
        signal,
        progress: (amount, total, weight) => tell({ phase: 'combine.combining', detail: weight, amount, total, unit: 'tensors' }),
      });
      return { type: 'finished' as const, sizeBytes: await writeAdapter(made, format, outputPath, signal), warnings: [] };
    });

/** The layer in a weight's name: `model.layers.3.mlp.up_proj`, `blk.3.ffn_up`. */
const layerOf = (weight: string): number | null => {
  const found = /(?:^|\.)(?:layers|blk|h)\.(\d+)\./.exec(weight)?.[1];
  return found === undefined ? null : Number(found);
};

export const combinedChangesHandler =
  ({ native }: TensorContext): TensorHandlers['combinedChanges'] =>
  async (input, { signal }) => {
    const { changes } = await combined(input, null, { kernels: native(), threads: modelThreads(null), signal });
    return changes.map(({ energy, ...change }) => ({
      ...change,
      layer: layerOf(change.weight),
      ...(energy === undefined ? {} : { energy: [...energy] }),
    }));
  };

export const extractHandler =
  ({ native }: TensorContext): TensorHandlers['extract'] =>
  ({ basePath, tunedPath, rank, energy, format, outputPath }, { signal }) =>
    withProgress(async (tell) => {
      tell({ phase: 'extract.comparing', detail: null, amount: 0, total: 1, unit: 'tensors' });
      await refuseExisting(outputPath);
      await using base = await openQuantizable(basePath, basename(basePath));
      await using tuned = await openQuantizable(tunedPath, basename(tunedPath));
      const plan = planExtraction(base.model, tuned.model, {
        rank: rank ?? MOST_RANK,
        energy: energy ?? undefined,
        linearOnly: format === 'gguf',
      });
      const { made, weights, leftOut } = await extractAdapter(plan, {
        base,
        tuned,
        kernels: native(),
        baseName: basename(basePath),
        signal,
        progress: (amount, total, weight) => tell({ phase: 'extract.comparing', detail: weight, amount, total, unit: 'tensors' }),
      });
      const sizeBytes = await writeAdapter(made, format, outputPath, signal);
      const warnings: AppErrorData[] = [];
      const [left] = leftOut;
      if (left !== undefined) warnings.push(toErrorData(new AppError('adapters.leftOut', { tensor: left, count: leftOut.length })));
      // Every weight counts by how much it changed.
      const change = weights.reduce((sum, { length }) => sum + length ** 2, 0);
      const missed = weights.reduce((sum, { length, residual }) => sum + residual * length ** 2, 0);
      return {
        type: 'finished' as const,
        sizeBytes,
        warnings,
        residual: change === 0 ? 0 : Math.sqrt(missed / change),
        rank: Math.max(0, ...weights.map((weight) => weight.rank)),
      };
    });
