import { rm } from 'node:fs/promises';
import type { Engines } from '../engines/index.ts';
import type { Library } from '../library/index.ts';
import { resolveUserPath } from '../library/paths.ts';
import { checkFile, checkIsModel, followWork } from './inputs.ts';
import { checkOutputFile, makeFolder, publishedSince, removePartial } from './output.ts';
import type { JobRunner } from './runner.ts';

interface CalibrateOptions {
  readonly library: Pick<Library, 'usable' | 'setUsed'>;
  readonly engines: Pick<Engines, 'tensor'>;
  readonly isOutputTaken: (path: string, exceptJobId: string | null) => boolean;
  readonly threads: () => number | null;
  readonly clock: () => number;
}

/** GGUF, and what llama.cpp wrote before 2025. */
const ENDINGS = ['.gguf', '.dat'];

/** Run a model on a text, and write down how much each of its inputs matters. */
export function calibrateRunner({ library, engines, isOutputTaken, threads, clock }: CalibrateOptions): JobRunner<'calibrate'> {
  return {
    lane: 'cpu',
    check: async ({ modelId, textPath, outputPath }, { jobId, again }) => {
      checkIsModel(await library.usable(modelId));
      if (textPath !== null) await checkFile(resolveUserPath(textPath));
      const path = resolveUserPath(outputPath);
      await checkOutputFile(path, ENDINGS, { again, isTaken: isOutputTaken(path, jobId) });
    },
    run: async ({ modelId, textPath, outputPath, contextLength, windows }, { signal, progress, scratchFolder, earlierRunMs }) => {
      const startMs = clock();
      const { path: modelPath } = await library.usable(modelId);
      library.setUsed(modelId);
      await makeFolder(scratchFolder);
      const path = resolveUserPath(outputPath);
      // A run that ended with its program may have finished the file, but told nobody what it found.
      if (earlierRunMs !== null && (await publishedSince(path, earlierRunMs)) !== null) await rm(path);
      const { tensor } = await engines.tensor();
      const request = {
        modelPath,
        textPath: textPath === null ? null : resolveUserPath(textPath),
        outputPath: path,
        contextLength,
        windows,
        scratchFolder,
        threads: threads(),
      };
      const { sizeBytes, matrices, windows: read, tokens } = await followWork(tensor.calibrate(request, { signal }), progress);
      return { result: { kind: 'calibrate', path, sizeBytes, matrices, windows: read, tokens, durationMs: clock() - startMs } };
    },
    // The sums of a text are only known at its end.
    canGoOn: async () => false,
    cleanUp: ({ outputPath }) => removePartial(resolveUserPath(outputPath)),
  };
}
