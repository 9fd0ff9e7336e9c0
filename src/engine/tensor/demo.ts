import { demoFromText, demoShape } from '#core/demo/from-text.ts';
import { onDisk } from '#core/errors/on-disk.ts';
import { writeHfFolder } from '../demo.ts';
import type { TensorHandlers } from './context.ts';
import { withProgress } from './progress.ts';
import { readText } from './text.ts';

export const demoHandler =
  (): TensorHandlers['demo'] =>
  ({ outputFolder, name, seed }, { signal }) =>
    withProgress(async (tell) => {
      tell({ phase: 'demo.learning', detail: name, amount: 0, total: 1, unit: 'bytes' });
      const { text } = await readText(null);
      const model = demoFromText({ ...demoShape, text, seed });
      const onProgress = (amount: number, total: number): void =>
        tell({ phase: 'demo.writing', detail: name, amount, total, unit: 'bytes' });
      await onDisk(outputFolder, () => writeHfFolder(model, outputFolder, { signal, onProgress }));
      return { type: 'finished' as const, sizeBytes: model.totalBytes };
    });
