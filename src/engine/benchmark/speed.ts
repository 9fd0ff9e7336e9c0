import { openRuntimeAdapters } from '../inference/adapters.ts';
import { modelThreads } from '../tensor/context.ts';
import { withProgress } from '../tensor/progress.ts';
import type { Native } from '../native.ts';
import type { BenchmarkContext, BenchmarkHandlers } from './context.ts';
import { startEnergyMeter } from './energy.ts';
import { startMeters } from './meters.ts';

/** What is taken of all graphics cards at the moment; null where there is none. */
const usedVram = (kernels: Native): (() => number | null) => {
  const cards = () => kernels.systemInfo().devices.filter(({ kind }) => kind === 'gpu' || kind === 'integratedGpu');
  return cards().length === 0
    ? () => null
    : () => cards().reduce((sum, { totalBytes, freeBytes }) => sum + Math.max(0, totalBytes - freeBytes), 0);
};

export const speedHandler =
  ({ native }: BenchmarkContext): BenchmarkHandlers['speed'] =>
  ({ modelPath, adapters, settings, threads, scratchFolder }, { signal }) =>
    withProgress(async (tell) => {
      tell({ phase: 'benchmark.speed', detail: null, amount: 0, total: 1, unit: 'windows' });
      const { promptTokens, newTokens, context: depth, repetitions, threads: asked, ...rest } = settings;
      const kernels = await native(settings.gpuLayers > 0);
      await using beside = await openRuntimeAdapters(modelPath, adapters, scratchFolder, signal);
      const used = asked === 0 ? modelThreads(threads) : asked;
      using energy = startEnergyMeter();
      const stop = startMeters(usedVram(kernels));
      const { speed, taken } = await kernels
        .measureSpeed({
          ...rest,
          modelPath,
          adapters: beside.files,
          promptTokens,
          newTokens,
          depth,
          repetitions,
          threads: used,
          signal,
          onProgress: (amount, total) => tell({ phase: 'benchmark.speed', detail: null, amount, total, unit: 'windows' }),
        })
        // The meters stop also where it fails.
        .then(
          (speed) => ({ speed, taken: stop() }),
          (error: unknown) => {
            stop();
            throw error;
          },
        );
      return {
        type: 'finished' as const,
        ...taken,
        joulesPerToken: energy.joulesPer(newTokens * repetitions, speed.newStarts, speed.newSeconds),
        loadMs: speed.loadSeconds * 1000,
        promptSeconds: [...speed.promptSeconds],
        newSeconds: [...speed.newSeconds],
        threads: used,
      };
    });
