import { join } from 'node:path';
import { onDisk } from '#core/errors/on-disk.ts';
import { copyFolder } from '../demo.ts';
import { resourcePath } from '../resource.ts';
import type { TensorHandlers } from './context.ts';
import { withProgress } from './progress.ts';

/** The model that comes with Lathe, as a folder of the user's own. scripts/train-demo-model.ts makes it. */
export const demoHandler =
  (): TensorHandlers['demo'] =>
  ({ outputFolder, name }, { signal }) =>
    withProgress(async (tell) => {
      const onProgress = (amount: number, total: number): void =>
        tell({ phase: 'demo.writing', detail: name, amount, total, unit: 'bytes' });
      const source = resourcePath(join('demo', 'model'));
      const sizeBytes = await onDisk(outputFolder, () => copyFolder(source, outputFolder, { signal, onProgress }));
      return { type: 'finished' as const, sizeBytes };
    });
