import { availableParallelism } from 'node:os';
import type { AppErrorData } from '#core/errors/index.ts';
import { planMerge, planMergedWorkingModel, type MergePlan, type MergeRequest } from '#core/lora/merge.ts';
import { planCalibration, type CalibrationPlan } from '#core/quantize/calibration-plan.ts';
import type { FileSource } from '../file-source.ts';
import type { NativeLora } from '../native-lora.ts';
import { executeQuantization, type Executed, type ExecuteOptions } from '../quantize/execute.ts';
import type { OpenedModel } from '../quantize/open-model.ts';
import { valueEdits } from './edits.ts';
import { inspectAdapter, type OpenedAdapter } from './open-adapter.ts';

/** An opened adapter, and how much of it. */
export interface WeightedAdapter {
  readonly opened: OpenedAdapter;
  /** 1 is what was trained; negative takes it off. */
  readonly weight: number;
}

/** Everything that is needed to carry a merge out. */
export interface PreparedMerge extends MergePlan {
  readonly request: MergeRequest;
  /** Files of the model and of the adapters. */
  readonly sources: ReadonlyMap<string, FileSource>;
  readonly sourceFolder: string | undefined;
}

/** A calibration of a merged model, which is there as a working model first. */
export interface MergedCalibration {
  readonly plan: CalibrationPlan;
  /** Of the working model. */
  readonly edits: MergePlan['edits'];
}

/**
 * Plan a merge; every value of the adapters is looked at once. Opened adapters need different keys.
 * Throws `adapters.*` and what `planMerge` throws; nothing is written.
 */
export async function prepareMerge(
  base: OpenedModel,
  adapters: readonly WeightedAdapter[],
  request: Omit<MergeRequest, 'model' | 'parts'>,
  signal: AbortSignal,
): Promise<PreparedMerge> {
  const parts: MergeRequest['parts'][number][] = [];
  for (const { opened, weight } of adapters) parts.push({ adapter: opened.adapter, weight, ...(await inspectAdapter(opened, signal)) });
  const sources = new Map([...base.sources, ...adapters.flatMap(({ opened }) => [...opened.sources])]);
  const whole: MergeRequest = { ...request, model: base.model, parts };
  return { ...planMerge(whole), request: whole, sources, sourceFolder: base.sourceFolder };
}

/**
 * How a merged model is run before it is written, or undefined where its target does not ask for that.
 * @param contextLength tokens of a window
 * Throws what keeps a folder from being run as GGUF (tokenizer.*, model.*).
 */
export function planMergedCalibration({ plan, request }: PreparedMerge, contextLength: number): MergedCalibration | undefined {
  const { model, version } = request;
  const calibration = plan.needsCalibration ? planCalibration(model, plan, { version, contextLength }) : undefined;
  if (calibration === undefined) return undefined;
  const { plan: working, edits } = planMergedWorkingModel(request);
  return { plan: { ...calibration, working }, edits };
}

export interface MergeOptions extends Omit<ExecuteOptions, 'plan' | 'sources' | 'sourceFolder' | 'edits' | 'kernels'> {
  readonly prepared: PreparedMerge;
  readonly kernels: ExecuteOptions['kernels'] & NativeLora;
}

/** Carry a merge out, as `executeQuantization` does: whole, checked, and resumable. Throws what that throws. */
export async function executeMerge({ prepared, ...options }: MergeOptions): Promise<Executed> {
  const { plan, edits, sources, sourceFolder } = prepared;
  const { kernels, signal, threads = availableParallelism() } = options;
  const executed = await executeQuantization({
    ...options,
    plan,
    sources,
    sourceFolder,
    edits: valueEdits(edits, { kernels, sources, threads, signal }),
  });
  const warnings: readonly AppErrorData[] = [...prepared.warnings, ...executed.warnings];
  return { ...executed, warnings };
}
