import { basename } from 'node:path';
import type { AdapterDetails } from '#contract/adapters.ts';
import { elementCount } from '#core/element-count.ts';
import { AppError, toErrorData, type AppErrorData } from '#core/errors/index.ts';
import { tensorsOf } from '#core/lora/adapter.ts';
import { adapterBase } from '#core/lora/base.ts';
import { fitAdapter } from '#core/lora/fit.ts';
import { mergedTensors, mergedValues } from '../lora/merged-values.ts';
import { openAdapter } from '../lora/open-adapter.ts';
import { openQuantizable } from '../quantize/open-model.ts';
import { modelThreads, type TensorContext, type TensorHandlers } from './context.ts';
import { openAdapters } from '../lora/open-adapters.ts';

export const adapterHandler =
  (): TensorHandlers['adapter'] =>
  async ({ adapterPath }): Promise<AdapterDetails> => {
    await using opened = await openAdapter(adapterPath, 'adapter');
    const { adapter } = opened;
    const { format, baseName = null, architecture = null, modules, replaced, rows } = adapter;
    return {
      format,
      baseName,
      architecture,
      modules: modules.map(({ weight, kind, rank, inputs, outputs, scale, magnitude, bias }) => ({
        weight,
        kind,
        rank,
        inputs,
        outputs,
        scale,
        hasMagnitude: magnitude !== undefined,
        hasBias: bias !== undefined,
      })),
      replaced: replaced.map(({ name }) => name),
      rows: rows.map(({ weight, tokens }) => ({ weight, tokens: tokens.length })),
      parameterCount: tensorsOf(adapter).reduce((sum, { shape }) => sum + elementCount(shape), 0),
    };
  };

export const adapterFitsHandler =
  (): TensorHandlers['adapterFits'] =>
  async ({ adapterPath, models }, { signal }) => {
    await using opened = await openAdapter(adapterPath, 'adapter');
    const fits: { problems: AppErrorData[]; warnings: AppErrorData[] }[] = [];
    for (const { path, names } of models) {
      signal.throwIfAborted();
      try {
        await using model = await openQuantizable(path, names[0] ?? basename(path));
        const { problems, warnings } = fitAdapter(opened.adapter, adapterBase(model.model), names);
        fits.push({ problems: [...problems], warnings: [...warnings] });
      } catch (error) {
        // A model that cannot be read is no obstacle for the others.
        if (!(error instanceof AppError)) throw error;
        fits.push({ problems: [toErrorData(error)], warnings: [] });
      }
    }
    return fits;
  };

export const adapterChangesHandler =
  ({ native, version }: TensorContext): TensorHandlers['adapterChanges'] =>
  async ({ basePath, adapters }, { signal }) => {
    await using stack = new AsyncDisposableStack();
    const base = stack.use(await openQuantizable(basePath, basename(basePath)));
    const opened = await openAdapters(adapters, stack);
    const tools = { kernels: native(), threads: modelThreads(null), signal };
    const merged = await mergedTensors(base, opened, version, tools);
    const changes = [];
    for (const tensor of merged.tensors.filter(({ isChanged }) => isChanged)) {
      const sum = { change: 0, base: 0 };
      for await (const { base: before, expected } of mergedValues(tensor, merged.sources, tools)) {
        signal.throwIfAborted();
        const sums = await tools.kernels.changeSums(before, expected, expected, tools.threads);
        sum.change += sums.change;
        sum.base += sums.base;
      }
      const relativeChange = sum.base === 0 ? 0 : Math.sqrt(sum.change / sum.base);
      changes.push({ weight: tensor.name, layer: tensor.layer, relativeChange });
    }
    return changes;
  };
