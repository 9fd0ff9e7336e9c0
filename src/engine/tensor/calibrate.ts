import { open, rm } from 'node:fs/promises';
import { basename } from 'node:path';
import { onDisk } from '#core/errors/on-disk.ts';
import { writeImatrix } from '#core/quantize/imatrix-file.ts';
import { writeLegacyImatrix } from '#core/quantize/imatrix-legacy.ts';
import type { Imatrix } from '#core/quantize/imatrix.ts';
import { partialPath, publishFile, refuseExisting } from '../output-file.ts';
import { openQuantizable } from '../quantize/open-model.ts';
import { modelThreads, type TensorContext, type TensorHandlers } from './context.ts';
import { withProgress } from './progress.ts';
import { runnable, trainedContext } from './run-model.ts';
import { fittingText, readText } from './text.ts';

export const calibrateHandler =
  ({ native, version }: TensorContext): TensorHandlers['calibrate'] =>
  ({ modelPath, textPath, outputPath, contextLength, windows, scratchFolder, threads }, { signal }) =>
    withProgress(async (tell) => {
      tell({ phase: 'calibrate.reading', detail: null, amount: 0, total: 1, unit: 'bytes' });
      await refuseExisting(outputPath);
      const text = await readText(textPath);
      await using opened = await openQuantizable(modelPath, basename(modelPath));
      const kernels = native();
      await using model = await runnable(opened, version, {
        scratchFolder,
        kernels,
        threads: threads ?? undefined,
        signal,
        progress: (amount, total, tensor) => tell({ phase: 'calibrate.reading', detail: tensor, amount, total, unit: 'bytes' }),
      });
      const chunkSize = await trainedContext(contextLength, [model.path]);
      const calibrator = await kernels.openCalibrator({
        modelPath: model.path,
        text: await fittingText(text, model.path, kernels, signal),
        contextLength: chunkSize,
        maxWindows: windows ?? undefined,
        threads: modelThreads(threads),
        signal,
      });
      using _calibrator = { [Symbol.dispose]: () => calibrator.close() };
      const sums = await calibrator.squareSums({
        signal,
        onProgress: (amount, total) => tell({ phase: 'calibrate.running', detail: null, amount, total, unit: 'windows' }),
      });
      const entries = sums.map(({ name, squareSums, rows }) => [name, { squares: squareSums, counts: Float32Array.from(rows) }] as const);
      const imatrix: Imatrix = { entries: new Map(entries), datasets: [text.name], chunkCount: calibrator.windows, chunkSize };
      const bytes = outputPath.toLowerCase().endsWith('.dat') ? writeLegacyImatrix(imatrix) : writeImatrix(imatrix);
      await writeFile(outputPath, bytes);
      const tokens = calibrator.windows * chunkSize;
      return { type: 'finished' as const, sizeBytes: bytes.byteLength, matrices: entries.length, windows: calibrator.windows, tokens };
    });

/** It appears under its name when it is complete. Throws `convert.outputExists`, `disk.*`. */
async function writeFile(path: string, bytes: Uint8Array): Promise<void> {
  const partial = partialPath(path);
  try {
    await onDisk(path, async () => {
      await using file = await open(partial, 'w');
      await file.writeFile(bytes);
      await file.sync();
    });
    await onDisk(path, () => publishFile(path));
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}
