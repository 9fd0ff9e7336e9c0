import { rename } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { quantizeOptions } from '#contract/quantize.ts';
import type { Engines } from '../engines/index.ts';
import type { Library } from '../library/index.ts';
import { hashContent } from '../library/identity.ts';
import { fileNameOf, freePath, withoutLinks } from '../library/paths.ts';
import { inspectEntry } from '../library/states.ts';
import { followWork } from './inputs.ts';
import { makeFolder } from './output.ts';
import { leavesNothing, type JobRunner } from './runner.ts';

interface DemoOptions {
  readonly library: Pick<Library, 'enter'>;
  readonly engines: Pick<Engines, 'tensor'>;
  readonly modelFolder: string;
  readonly threads: () => number | null;
  readonly versions: Readonly<Record<string, string>>;
  readonly clock: () => number;
}

/** What the demo model is converted to, so that it can be chatted with at once. */
const TARGET = 'F16';

/** The model that comes with Lathe, as a Hugging Face folder and as a GGUF file, so that everything can be tried without a download. */
export function demoRunner({ library, engines, modelFolder, threads, versions, clock }: DemoOptions): JobRunner<'demo'> {
  return {
    lane: 'cpu',
    check: async () => makeFolder(modelFolder),
    run: async ({ name }, { signal, progress, scratchFolder }) => {
      // Made where what a killed program left is cleared away, and moved a moment before the library gets it.
      const working = join(scratchFolder, 'demo');
      await makeFolder(working);
      const folder = await freePath(modelFolder, fileNameOf(name));
      const file = `${folder}-${TARGET}.gguf`;
      const madeFolder = join(working, basename(folder));
      const madeFile = join(working, basename(file));
      const options = quantizeOptions.parse({});
      const { tensor } = await engines.tensor();
      await followWork(tensor.demo({ outputFolder: madeFolder, name }, { signal }), progress);
      const request = { modelPath: madeFolder, target: TARGET, outputPath: madeFile, name, options, scratchFolder, threads: threads() };
      await followWork(tensor.quantize(request, { signal }), progress);
      const source = await inspectEntry({ path: madeFolder, kind: 'hf' });
      const { sha256 } = await hashContent(engines, source, source.files, { signal });
      const converted = await inspectEntry({ path: madeFile, kind: 'gguf' });
      const realFolder = await withoutLinks(modelFolder);
      const real = (path: string): string => join(realFolder, basename(path));
      signal.throwIfAborted();
      await rename(madeFolder, folder);
      await rename(madeFile, file);
      const result = { kind: 'demo' as const, modelId: '' };
      return {
        result,
        record: () => {
          const made = { versions: { ...versions }, madeMs: clock() };
          const sourceAt = { ...source, path: folder, realPath: real(folder), folder };
          const sourceId = library.enter(sourceAt, 'made', name, { parents: [], recipe: { kind: 'demo' }, ...made });
          const convertedAt = { ...converted, path: file, realPath: real(file), folder: modelFolder };
          result.modelId = library.enter(convertedAt, 'made', `${name}-${TARGET}`, {
            parents: [{ modelId: sourceId, name, sha256, role: 'source' }],
            recipe: { kind: 'quantize', target: TARGET, format: 'gguf', options, name },
            ...made,
          });
        },
      };
    },
    ...leavesNothing,
  };
}
