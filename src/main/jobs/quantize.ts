import { stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { AppError, toErrorData, type AppErrorData } from '#core/errors/index.ts';
import { onDisk } from '#core/errors/on-disk.ts';
import { isPackedTarget } from '#core/quantize/targets.ts';
import type { Model } from '#contract/library.ts';
import type { QualityCard, QuantizePlan } from '#contract/quantize.ts';
import type { CardRepository } from '../db/cards.ts';
import type { Lineage } from '../db/models.ts';
import type { Library } from '../library/index.ts';
import { exists, resolveUserPath } from '../library/paths.ts';
import { inspectEntry } from '../library/states.ts';
import type { Memory } from '../memory/index.ts';
import { inputPaths, resolveOptions } from '../quantize/options.ts';
import { checkFile, checkIsModel, followWork, hashOfFile } from './inputs.ts';
import { measureQuality, type MeasureOptions } from './measure.ts';
import {
  checkOutputFile,
  checkOutputFolder,
  checkSpace,
  hasFinishedTensors,
  keptBytes,
  makeFolder,
  publishedSince,
  removeEmptyFolder,
  removePartial,
} from './output.ts';
import { measuredWork } from './peak.ts';
import type { JobContext, JobRunner, SpecOf, WorkReport } from './runner.ts';

interface QuantizeOptions extends MeasureOptions {
  readonly library: Pick<Library, 'usable' | 'enter' | 'hashOf'>;
  readonly cards: CardRepository;
  readonly memory: Pick<Memory, 'record'>;
  /** Whether another unfinished job is going to write a path. */
  readonly isOutputTaken: (path: string, exceptJobId: string | null) => boolean;
  /** Where working models are while they are needed. */
  readonly scratchFolder: string;
}

type Spec = SpecOf<'quantize'>;

/** What writing told, beside the model itself. */
interface Written {
  readonly sizeBytes: number;
  readonly warnings: AppErrorData[];
  readonly resumedTensors: number;
  readonly tensors: { readonly name: string; readonly to: string; readonly relativeError: number }[];
  readonly outliers: { readonly name: string; readonly inputs: number; readonly columns: number[]; readonly count: number }[];
}

const WORST_TENSORS = 20;

/** A model as another one of fewer bits, or of floats: a GGUF file or a folder, and what it lost. */
export function quantizeRunner(services: QuantizeOptions): JobRunner<'quantize'> {
  const { library, engines, cards, memory, isOutputTaken, threads, versions, clock } = services;

  const planOf = async ({ target, format, options, name }: Spec, { path: modelPath, name: modelName }: Model): Promise<QuantizePlan> => {
    const { tensor } = await engines.tensor();
    return tensor.plan({ modelPath, name: name ?? modelName, target, format, options: resolveOptions(options) });
  };

  const write = async (spec: Spec, model: Model, plan: QuantizePlan, outputPath: string, context: JobContext): Promise<Written> => {
    const { signal, progress, scratchFolder } = context;
    await makeFolder(scratchFolder);
    if (plan.format === 'hf') await removeEmptyFolder(outputPath);
    const request = {
      modelPath: model.path,
      target: plan.target,
      format: plan.format,
      outputPath,
      name: spec.name ?? model.name,
      options: resolveOptions(spec.options),
      scratchFolder,
      threads: threads(),
    };
    const engine = await engines.tensor();
    const { target, format, memoryBytes } = plan;
    const told = { kind: 'quantize', modelName: model.name, settings: { target, format }, memoryBytes } as const;
    return measuredWork(engine, memory, told, () => followWork(engine.tensor.quantize(request, { signal }), progress));
  };

  /** The model, and the user's own texts where they had a part in it. */
  const parentsOf = async (spec: Spec, model: Model, plan: QuantizePlan, { signal, progress }: JobContext): Promise<Lineage['parents']> => {
    const context = { signal, progress: (report: WorkReport) => progress({ ...report, phase: 'quantize.hashing' }) };
    const sha256 = await library.hashOf(model.id, context);
    const parents: Lineage['parents'] = [{ modelId: model.id, name: model.name, sha256, role: 'source' }];
    const { calibrationPath, imatrixPath } = resolveOptions(spec.options);
    const used = [
      plan.calibrationPasses > 0 ? calibrationPath : null,
      plan.format === 'gguf' && !isPackedTarget(plan.target) ? imatrixPath : null,
    ];
    for (const path of used.filter((path) => path !== null))
      parents.push({ modelId: null, name: basename(path), sha256: await hashOfFile(engines, path, context), role: 'calibration' });
    return parents;
  };

  /** The card, or why there is none: what is written is good without it. */
  const measure = async (
    options: Exclude<Spec['quality'], null>,
    source: Model,
    variantPath: string,
    context: JobContext,
  ): Promise<{ readonly card: Omit<QualityCard, 'modelId'> | null; readonly problem: AppErrorData | null }> => {
    try {
      return { card: await measureQuality(services, { variantPath, source, options }, context), problem: null };
    } catch (error) {
      return { card: null, problem: toErrorData(error) };
    }
  };

  return {
    lane: 'cpu',
    check: async (spec, { jobId, again }) => {
      const model = await library.usable(spec.modelId);
      checkIsModel(model);
      for (const path of inputPaths(spec.options)) await checkFile(path);
      if (spec.quality !== null && spec.quality.textPath !== null) await checkFile(resolveUserPath(spec.quality.textPath));
      const plan = await planOf(spec, model);
      const path = resolveUserPath(spec.outputPath);
      const output = { again, isTaken: isOutputTaken(path, jobId) };
      if (plan.format === 'gguf') await checkOutputFile(path, ['.gguf'], output);
      else await checkOutputFolder(path, output);
      if (again && (await exists(path))) return;
      const { scratchFolder } = services;
      await makeFolder(scratchFolder);
      await checkSpace([
        { folder: dirname(path), needBytes: plan.sizeBytes - (again ? await keptBytes(path) : 0) },
        { folder: scratchFolder, needBytes: plan.scratchBytes },
      ]);
    },
    run: async (spec, context) => {
      const startMs = clock();
      const model = await library.usable(spec.modelId);
      const outputPath = resolveUserPath(spec.outputPath);
      const plan = await planOf(spec, model);
      const parents = await parentsOf(spec, model, plan, context);
      // The program may have ended between the model's last step and its entry in the library.
      const earlier = context.earlierRunMs === null ? null : await finishedEarlier(outputPath, plan, context.earlierRunMs);
      const written = earlier ?? (await write(spec, model, plan, outputPath, context));
      const found = await inspectEntry({ path: outputPath, kind: plan.format });
      const { card, problem } =
        spec.quality === null ? { card: null, problem: null } : await measure(spec.quality, model, outputPath, context);
      const name = spec.name ?? `${nameOf(model)}-${plan.target}`;
      const result = {
        kind: 'quantize' as const,
        modelId: '',
        path: outputPath,
        sizeBytes: written.sizeBytes,
        durationMs: clock() - startMs,
        warnings: written.warnings,
        resumedTensors: written.resumedTensors,
        worstTensors: written.tensors.toSorted((left, right) => right.relativeError - left.relativeError).slice(0, WORST_TENSORS),
        outliers: written.outliers,
        card: null as QualityCard | null,
        cardProblem: problem,
      };
      return {
        result,
        record: () => {
          const { target, format } = plan;
          result.modelId = library.enter(found, 'made', name, {
            parents,
            recipe: { kind: 'quantize', target, format, options: spec.options, name: spec.name ?? model.name },
            versions: { ...versions },
            madeMs: clock(),
          });
          if (card === null) return;
          result.card = { ...card, modelId: result.modelId };
          cards.add(result.card);
        },
      };
    },
    canGoOn: ({ outputPath }) => hasFinishedTensors(resolveUserPath(outputPath)),
    cleanUp: ({ outputPath }) => removePartial(resolveUserPath(outputPath)),
  };
}

/** A model's name without the type that Lathe wrote after it: `Story-F16` becomes `Story-Q4_0`. */
function nameOf({ name, facts }: Model): string {
  const type = `-${facts.quantization ?? ''}`;
  return name.endsWith(type) && name.length > type.length ? name.slice(0, -type.length) : name;
}

/** What an interrupted run finished. Throws `convert.outputExists` for what it cannot have made. */
async function finishedEarlier(path: string, plan: QuantizePlan, sinceMs: number): Promise<Written | null> {
  const sizeBytes = await publishedSince(path, sinceMs);
  if (sizeBytes === null) return null;
  const isFolder = (await onDisk(path, () => stat(path))).isDirectory();
  if (isFolder !== (plan.format === 'hf') || sizeBytes !== plan.sizeBytes) throw new AppError('convert.outputExists', { path });
  return { sizeBytes, warnings: plan.warnings, resumedTensors: plan.tensors.length, tensors: [], outliers: [] };
}
