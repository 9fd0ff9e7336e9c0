import { readFile, stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { demoFromText, demoShape } from '#core/demo/from-text.ts';
import { AppError, toErrorData, type AppErrorData } from '#core/errors/index.ts';
import type { tensorContract } from '#contract/engine.ts';
import type { Handlers } from '#contract/define.ts';
import { executePlan } from '../convert/execute.ts';
import { openHfFolder } from '../convert/hf-folder.ts';
import { prepareConversion } from '../convert/prepare.ts';
import { writeHfFolder } from '../demo.ts';
import { onDisk } from '#core/errors/on-disk.ts';
import type { EngineLog } from '../log.ts';
import { loadNative, type Native } from '../native.ts';
import { resourcePath } from '../resource.ts';
import { hashFile } from './hash.ts';
import { withProgress } from './progress.ts';

type TensorHandlers = Handlers<typeof tensorContract>['tensor'];

/** Largest text whose perplexity is measured: it is held whole, and as tokens. */
const MAX_TEXT_BYTES = 256 * 1024 * 1024;

/** The tensor engine: long work on files, each as one stream of progress that can be left at any time. */
export function createTensor(log: EngineLog): TensorHandlers {
  let loaded: Native | undefined;
  const native = (): Native => {
    if (loaded === undefined) {
      loaded = loadNative();
      log.write('info', `llama.cpp ${loaded.versions.release}, ggml ${loaded.versions.ggml}`);
    }
    return loaded;
  };

  return {
    convert: ({ modelPath, target, outputPath, name }, { signal }) =>
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
      }),

    hash: ({ folder, files }, { signal }) =>
      withProgress(async (tell) => {
        const sizes = await Promise.all(files.map(async (name) => (await onDisk(name, () => stat(join(folder, name)))).size));
        const total = sizes.reduce((sum, sizeBytes) => sum + sizeBytes, 0);
        let amount = 0;
        const hashes = [];
        for (const name of files) {
          const report = (bytes: number): void => {
            amount += bytes;
            tell({ phase: 'hash.reading', detail: name, amount, total, unit: 'bytes' });
          };
          hashes.push({ name, sha256: await hashFile(join(folder, name), signal, report) });
        }
        return { type: 'finished' as const, files: hashes };
      }),

    perplexity: ({ modelPath, textPath, contextLength, threads }, { signal }) =>
      withProgress(async (tell) => {
        tell({ phase: 'perplexity.loading', detail: null, amount: 0, total: 1, unit: 'windows' });
        const { perplexity, standardError, tokens, windows } = await native().perplexity({
          modelPath,
          text: await readText(textPath),
          contextLength,
          threads: threads ?? Math.max(1, availableParallelism() - 1),
          signal,
          onProgress: (amount, total) => tell({ phase: 'perplexity.scoring', detail: null, amount, total, unit: 'windows' }),
        });
        return { type: 'finished' as const, perplexity, standardError, tokens, windows };
      }),

    demo: ({ outputFolder, name, seed }, { signal }) =>
      withProgress(async (tell) => {
        tell({ phase: 'demo.learning', detail: name, amount: 0, total: 1, unit: 'bytes' });
        const text = await readFile(resourcePath(join('demo', 'stories.txt')), 'utf8');
        const model = demoFromText({ ...demoShape, text, seed });
        const onProgress = (amount: number, total: number): void =>
          tell({ phase: 'demo.writing', detail: name, amount, total, unit: 'bytes' });
        await onDisk(outputFolder, () => writeHfFolder(model, outputFolder, { signal, onProgress }));
        return { type: 'finished' as const, sizeBytes: model.totalBytes };
      }),
  };
}

/** A text file, whole. Throws `evaluate.textTooLong`, `disk.*`. */
async function readText(path: string): Promise<string> {
  return onDisk(path, async () => {
    const { size: sizeBytes } = await stat(path);
    if (sizeBytes > MAX_TEXT_BYTES) throw new AppError('evaluate.textTooLong', { sizeBytes, limitBytes: MAX_TEXT_BYTES });
    return readFile(path, 'utf8');
  });
}
