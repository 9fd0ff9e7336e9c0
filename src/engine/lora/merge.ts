import { availableParallelism } from 'node:os';
import type { AppErrorData } from '#core/errors/index.ts';
import { planMerge, type MergePlan, type MergeRequest } from '#core/lora/merge.ts';
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
  /** Files of the model and of the adapters. */
  readonly sources: ReadonlyMap<string, FileSource>;
  readonly sourceFolder: string | undefined;
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
  return { ...planMerge({ ...request, model: base.model, parts }), sources, sourceFolder: base.sourceFolder };
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
