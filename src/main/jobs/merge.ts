import { basename, dirname } from 'node:path';
import { toErrorData, type AppErrorData } from '#core/errors/index.ts';
import { estimateConversion } from '#core/memory/jobs.ts';
import { formatsOf, parseTarget } from '#core/quantize/targets.ts';
import type { Certificate } from '#contract/adapters.ts';
import type { Model } from '#contract/library.ts';
import type { QuantizePlan } from '#contract/quantize.ts';
import type { CertificateRepository } from '../db/certificates.ts';
import type { Library } from '../library/index.ts';
import { exists, resolveUserPath } from '../library/paths.ts';
import { inspectEntry } from '../library/states.ts';
import type { Memory } from '../memory/index.ts';
import { inputPaths, resolveOptions } from '../quantize/options.ts';
import { adaptersAt, parentsOf, usableAdapters, type UsedAdapter } from './adapters.ts';
import { certifyMerge, type CertifyServices } from './certify.ts';
import { checkFile, checkIsModel, followWork, hashOfFile } from './inputs.ts';
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
import type { JobContext, JobRunner, SpecOf } from './runner.ts';

interface MergeOptions extends CertifyServices {
  readonly library: Pick<Library, 'usable' | 'enter' | 'hashOf'>;
  readonly certificates: CertificateRepository;
  readonly memory: Pick<Memory, 'record'>;
  /** Whether another unfinished job is going to write a path. */
  readonly isOutputTaken: (path: string, exceptJobId: string | null) => boolean;
  /** Where working models are while they are needed. */
  readonly scratchFolder: string;
}

type Spec = SpecOf<'merge'>;

interface Written {
  readonly sizeBytes: number;
  readonly warnings: AppErrorData[];
  readonly resumedTensors: number;
  readonly changedTensors: number;
}

/** Adapters in the weights of a model, for good, with the proof that they are. */
export function mergeRunner(services: MergeOptions): JobRunner<'merge'> {
  const { library, engines, certificates, memory, isOutputTaken, scratchFolder, threads, versions, clock } = services;

  const write = async (spec: Spec, base: Model, adapters: readonly UsedAdapter[], context: JobContext): Promise<Written> => {
    const { signal, progress, scratchFolder } = context;
    const outputPath = resolveUserPath(spec.outputPath);
    await makeFolder(scratchFolder);
    if (formatOf(spec, base) === 'hf') await removeEmptyFolder(outputPath);
    const { memoryBytes } = await sizesOf(spec, base);
    const engine = await engines.tensor();
    const request = {
      basePath: base.path,
      adapters: adaptersAt(adapters),
      target: spec.target,
      format: formatOf(spec, base),
      outputPath,
      name: nameOf(spec, base, adapters),
      options: resolveOptions(spec.options),
      scratchFolder,
      threads: threads(),
    };
    const settings = { target: spec.target ?? 'as it is', adapters: adapters.length };
    const told = { kind: 'merge', modelName: base.name, settings, memoryBytes } as const;
    return measuredWork(engine, memory, told, () => followWork(engine.tensor.merge(request, { signal }), progress));
  };

  /** The proof, or why there is none: what is written stays. */
  const certify = async (
    options: Exclude<Spec['certify'], null>,
    base: Model,
    adapters: readonly UsedAdapter[],
    mergedPath: string,
    context: JobContext,
  ): Promise<{ readonly made: Omit<Certificate, 'modelId'> | null; readonly problem: AppErrorData | null }> => {
    try {
      return { made: await certifyMerge(services, { base, adapters, mergedPath, options }, context), problem: null };
    } catch (error) {
      return { made: null, problem: toErrorData(error) };
    }
  };

  return {
    lane: 'cpu',
    check: async (spec, { jobId, again }) => {
      const base = await library.usable(spec.baseId);
      checkIsModel(base);
      await usableAdapters(library, spec.adapters);
      for (const path of inputPaths(spec.options)) await checkFile(path);
      if (spec.certify !== null && spec.certify.textPath !== null) await checkFile(resolveUserPath(spec.certify.textPath));
      const path = resolveUserPath(spec.outputPath);
      const output = { again, isTaken: isOutputTaken(path, jobId) };
      if (formatOf(spec, base) === 'gguf') await checkOutputFile(path, ['.gguf'], output);
      else await checkOutputFolder(path, output);
      if (again && (await exists(path))) return;
      const { sizeBytes, scratchBytes } = await sizesOf(spec, base);
      await makeFolder(scratchFolder);
      await checkSpace([
        { folder: dirname(path), needBytes: sizeBytes - (again ? await keptBytes(path) : 0) },
        { folder: scratchFolder, needBytes: scratchBytes },
      ]);
    },
    run: async (spec, context) => {
      const startMs = clock();
      const base = await library.usable(spec.baseId);
      const adapters = await usableAdapters(library, spec.adapters);
      const outputPath = resolveUserPath(spec.outputPath);
      const sources = [
        { model: base, role: 'base' as const },
        ...adapters.map(({ adapter }) => ({ model: adapter, role: 'adapter' as const })),
      ];
      const parents = await parentsOf(library, sources, context, 'merge.hashing');
      const { calibrationPath } = resolveOptions(spec.options);
      if (calibrationPath !== null && (await sizesOf(spec, base)).calibrationPasses > 0) {
        const progress: JobContext['progress'] = (report) => context.progress({ ...report, phase: 'merge.hashing' });
        const sha256 = await hashOfFile(engines, calibrationPath, { signal: context.signal, progress });
        parents.push({ modelId: null, name: basename(calibrationPath), sha256, role: 'calibration' });
      }
      // The program may have ended between the model's last step and its entry in the library.
      const earlier = context.earlierRunMs === null ? null : await publishedSince(outputPath, context.earlierRunMs);
      const written: Written =
        earlier === null
          ? await write(spec, base, adapters, context)
          : { sizeBytes: earlier, warnings: [], resumedTensors: 0, changedTensors: 0 };
      const found = await inspectEntry({ path: outputPath, kind: formatOf(spec, base) });
      const proof =
        spec.certify === null ? { made: null, problem: null } : await certify(spec.certify, base, adapters, outputPath, context);
      const result = {
        kind: 'merge' as const,
        modelId: '',
        path: outputPath,
        sizeBytes: written.sizeBytes,
        durationMs: clock() - startMs,
        warnings: written.warnings,
        resumedTensors: written.resumedTensors,
        changedTensors: written.changedTensors,
        certificate: null as Certificate | null,
        certificateProblem: proof.problem,
      };
      return {
        result,
        record: () => {
          const { target, options } = spec;
          const scales = adapters.map(({ scale }) => scale);
          result.modelId = library.enter(found, 'made', nameOf(spec, base, adapters), {
            parents,
            recipe: { kind: 'merge', target, format: formatOf(spec, base), scales, options },
            versions: { ...versions },
            madeMs: clock(),
          });
          if (proof.made === null) return;
          result.certificate = { ...proof.made, modelId: result.modelId };
          certificates.add(result.certificate);
        },
      };
    },
    canGoOn: ({ outputPath }) => hasFinishedTensors(resolveUserPath(outputPath)),
    cleanUp: ({ outputPath }) => removePartial(resolveUserPath(outputPath)),
  };

  /** Exact for a target: merging changes values, not sizes. */
  async function sizesOf(
    spec: Spec,
    base: Model,
  ): Promise<Pick<QuantizePlan, 'sizeBytes' | 'scratchBytes' | 'memoryBytes' | 'calibrationPasses'>> {
    const { target, format, options, name } = spec;
    const { sizeBytes } = base;
    // Its tensors stream through, as in a conversion.
    const { totalBytes: memoryBytes } = estimateConversion({ totalBytes: sizeBytes });
    if (target === null) return { sizeBytes, scratchBytes: 0, memoryBytes, calibrationPasses: 0 };
    const { tensor } = await engines.tensor();
    // A merged model is calibrated in a copy, as a model is whose weights change while it is calibrated.
    const resolved = { ...resolveOptions(options), trueSequential: true };
    return tensor.plan({ modelPath: base.path, name: name ?? base.name, target, format, options: resolved });
  }
}

/** Without a target the base's own; else the target's first. */
const formatOf = ({ target, format }: Spec, { kind }: Model): 'hf' | 'gguf' =>
  format ?? (target === null ? (kind === 'gguf' ? 'gguf' : 'hf') : (formatsOf(parseTarget(target))[0] ?? 'gguf'));

const nameOf = ({ name, target }: Spec, base: Model, adapters: readonly UsedAdapter[]): string =>
  name ?? [base.name, ...adapters.map(({ adapter }) => adapter.name), target].filter((part) => part !== null).join('-');
