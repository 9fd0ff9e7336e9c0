import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AppError, type AppErrorData } from '#core/errors/index.ts';
import { onDisk } from '#core/errors/on-disk.ts';
import type { Model } from '#contract/library.ts';
import type { Engines } from '../engines/index.ts';
import type { Library } from '../library/index.ts';
import type { FoundModel } from '../library/inspect.ts';
import { exists, resolveUserPath } from '../library/paths.ts';
import { inspectPath } from '../library/walk.ts';
import { followWork } from './inputs.ts';
import { checkOutputFile, checkSpace, removePartial } from './output.ts';
import type { JobContext, JobRunner, SpecOf } from './runner.ts';

interface ConvertOptions {
  readonly library: Pick<Library, 'usable' | 'enter' | 'hashOf'>;
  readonly engines: Pick<Engines, 'tensor'>;
  /** Whether another unfinished job is going to write a path. */
  readonly isOutputTaken: (path: string, exceptJobId: string | null) => boolean;
  readonly versions: Readonly<Record<string, string>>;
  readonly clock: () => number;
}

type Spec = SpecOf<'convert'>;

const BYTES_OF = { f32: 4, f16: 2, bf16: 2 } as const;

/** Hugging Face folder to one GGUF file. */
export function convertRunner({ library, engines, isOutputTaken, versions, clock }: ConvertOptions): JobRunner<'convert'> {
  /** Write the file, and say what it met on the way. */
  const write = async (spec: Spec, model: Model, outputPath: string, { signal, progress }: JobContext): Promise<AppErrorData[]> => {
    const { tensor } = await engines.tensor();
    const request = { modelPath: model.path, target: spec.target, outputPath, name: spec.name ?? model.name };
    return (await followWork(tensor.convert(request, { signal }), progress)).warnings;
  };

  return {
    lane: 'cpu',
    check: async (spec, { jobId, again }) => {
      const model = await library.usable(spec.modelId);
      if (model.kind === 'gptq' || model.kind === 'bitsandbytes')
        throw new AppError('model.quantized', { method: model.facts.quantization ?? model.kind });
      if (model.kind !== 'hf') throw new AppError('jobs.needsHf', { name: model.name });
      const path = resolveUserPath(spec.outputPath);
      await checkOutputFile(path, ['.gguf'], { again, isTaken: isOutputTaken(path, jobId) });
      await checkSpace([{ folder: dirname(path), needBytes: predictedBytes(model, spec.target) }]);
    },
    run: async (spec, context) => {
      const startMs = clock();
      const model = await library.usable(spec.modelId);
      const outputPath = resolveUserPath(spec.outputPath);
      // The program may have ended between the file's last step and its entry in the library.
      const earlier = context.earlierRunMs === null ? null : await finishedEarlier(outputPath, spec.target, context.earlierRunMs);
      const warnings = earlier === null ? await write(spec, model, outputPath, context) : [];
      const found = earlier ?? (await onlyModel(outputPath));
      const sha256 = await library.hashOf(model.id, {
        signal: context.signal,
        progress: (progress) => context.progress({ ...progress, phase: 'convert.hashing' }),
      });
      const { size: sizeBytes } = await onDisk(outputPath, () => stat(outputPath));
      const result = { kind: 'convert' as const, modelId: '', path: outputPath, sizeBytes, durationMs: clock() - startMs, warnings };
      return {
        result,
        record: () => {
          result.modelId = library.enter(found, 'made', spec.name ?? `${model.name}-${spec.target.toUpperCase()}`, {
            parents: [{ modelId: model.id, name: model.name, sha256, role: 'source' }],
            recipe: { kind: 'convert', target: spec.target, name: spec.name ?? model.name },
            versions: { ...versions },
            madeMs: clock(),
          });
        },
      };
    },
    canGoOn: async () => false,
    cleanUp: ({ outputPath }) => removePartial(resolveUserPath(outputPath)),
  };
}

/** The weights' share of the result; the engine knows it to the byte, but only once it has read the whole folder. */
function predictedBytes({ facts, sizeBytes }: Model, target: Spec['target']): number {
  return facts.parameterCount === undefined ? sizeBytes : facts.parameterCount * BYTES_OF[target];
}

async function onlyModel(path: string): Promise<FoundModel> {
  const { models, problems } = await inspectPath(path);
  const [model] = models;
  if (model !== undefined) return model;
  const [problem] = problems;
  throw problem === undefined ? new AppError('model.noWeights', { path }) : AppError.from(problem.error);
}

/**
 * What an interrupted run left under the result's own name: that name is given only to what is complete. Null where there is
 * nothing. Throws `convert.outputExists` for what the run cannot have made.
 */
async function finishedEarlier(path: string, target: Spec['target'], sinceMs: number): Promise<FoundModel | null> {
  if (!(await exists(path))) return null;
  const { mtimeMs } = await onDisk(path, () => stat(path));
  const { models } = await inspectPath(path);
  const [model] = models;
  if (mtimeMs < sinceMs || model?.facts.quantization !== target.toUpperCase()) throw new AppError('convert.outputExists', { path });
  return model;
}
