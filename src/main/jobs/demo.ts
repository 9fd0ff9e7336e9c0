import { rm } from 'node:fs/promises';
import { quantizeOptions } from '#contract/quantize.ts';
import type { Engines } from '../engines/index.ts';
import type { Library } from '../library/index.ts';
import { hashContent } from '../library/identity.ts';
import { fileNameOf, freePath } from '../library/paths.ts';
import { inspectEntry } from '../library/states.ts';
import { followWork } from './inputs.ts';
import { makeFolder, removePartial } from './output.ts';
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
      const folder = await freePath(modelFolder, fileNameOf(name));
      const file = `${folder}-${TARGET}.gguf`;
      const options = quantizeOptions.parse({});
      const { tensor } = await engines.tensor();
      await followWork(tensor.demo({ outputFolder: folder, name }, { signal }), progress);
      try {
        const request = { modelPath: folder, target: TARGET, outputPath: file, name, options, scratchFolder, threads: threads() };
        await followWork(tensor.quantize(request, { signal }), progress);
      } catch (error) {
        await rm(folder, { recursive: true, force: true });
        await removePartial(file);
        throw error;
      }
      const source = await inspectEntry({ path: folder, kind: 'hf' });
      const { sha256 } = await hashContent(engines, source, source.files, { signal });
      const converted = await inspectEntry({ path: file, kind: 'gguf' });
      const result = { kind: 'demo' as const, modelId: '' };
      return {
        result,
        record: () => {
          const made = { versions: { ...versions }, madeMs: clock() };
          const sourceId = library.enter(source, 'made', name, { parents: [], recipe: { kind: 'demo' }, ...made });
          result.modelId = library.enter(converted, 'made', `${name}-${TARGET}`, {
            parents: [{ modelId: sourceId, name, sha256, role: 'source' }],
            recipe: { kind: 'quantize', target: TARGET, format: 'gguf', options, name },
            ...made,
          });
        },
      };
    },
    // The engine removes its unfinished outputs itself; what is left after a crash of both goes at the next start.
    ...leavesNothing,
  };
}
