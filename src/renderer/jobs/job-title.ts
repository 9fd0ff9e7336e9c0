import type { TFunction } from 'i18next';
import type { Job, JobSpec } from '#contract/jobs.ts';
import type { Model } from '#contract/library.ts';
import type { Formats } from '../format.ts';
import { targetName } from '../targets.ts';

/** The model or adapter that a job is about; null for one that makes its first. */
export function subjectOf(spec: JobSpec): string | null {
  switch (spec.kind) {
    case 'demo':
      return null;
    case 'merge':
    case 'train':
      return spec.baseId;
    case 'benchmark':
      return spec.models[0]?.modelId ?? null;
    case 'combine':
      return spec.adapters[0]?.adapterId ?? null;
    case 'extract':
      return spec.tunedId;
    case 'convertAdapter':
      return spec.adapterId;
    case 'certify':
      return spec.mergedId;
    default:
      return spec.modelId;
  }
}

/** What a job does, in one line. */
export function jobTitle(spec: JobSpec, models: readonly Pick<Model, 'id' | 'name'>[], t: TFunction): string {
  if (spec.kind === 'demo') return t('jobs.titles.demo', { name: spec.name });
  if (spec.kind === 'train' || spec.kind === 'benchmark') return t(`jobs.titles.${spec.kind}`, { name: spec.name });
  const nameOf = (modelId: string | null): string => models.find(({ id }) => id === modelId)?.name ?? t('jobs.removedModel');
  const name = nameOf(subjectOf(spec));
  if (spec.kind === 'merge' || spec.kind === 'combine') {
    const adapters = spec.adapters.map(({ adapterId }) => nameOf(adapterId)).join(', ');
    return t(`jobs.titles.${spec.kind}`, { name, adapters });
  }
  if (spec.kind === 'convertAdapter') return t('jobs.titles.convertAdapter', { name, format: spec.format === 'gguf' ? 'GGUF' : 'PEFT' });
  if (spec.kind === 'quantize') return t('jobs.titles.quantize', { name, target: targetName(spec.target) });
  return t(`jobs.titles.${spec.kind}`, { name });
}

/** Phases that the runners name, as keys of the translations. One that is not here is shown as plain work. */
export const PHASES: ReadonlySet<string> = new Set([
  'quantize.hashing',
  'quantize.reading',
  'quantize.calibrating',
  'quantize.writing',
  'quantize.checking',
  'quantize.hashing',
  'calibrate.reading',
  'calibrate.running',
  'calibrate.writing',
  'quality.loading',
  'quality.measuring',
  'quality.comparing',
  'quality.sampling',
  'merge.hashing',
  'merge.reading',
  'merge.writing',
  'merge.checking',
  'adapter.hashing',
  'combine.combining',
  'extract.comparing',
  'convertAdapter.writing',
  'certify.loading',
  'certify.measuring',
  'certify.comparing',
  'certify.sampling',
  'benchmark.measuring',
  'train.reading',
  'train.loading',
  'train.training',
  'train.writing',
  'demo.writing',
  'verify.hashing',
  'perplexity.loading',
  'perplexity.scoring',
]);

export function phaseText(job: Pick<Job, 'state' | 'phase'>, t: TFunction): string {
  if (job.state === 'queued') return t('jobs.queued');
  return job.phase !== null && PHASES.has(job.phase) ? t(`jobs.phases.${job.phase}` as 'jobs.working') : t('jobs.working');
}

/** How far, how fast, how long still: "412 MiB of 988 MiB · 210 MiB/s · 3 s left". Only what is known. */
export function progressParts(job: Pick<Job, 'done' | 'ratePerSecond' | 'remainingMs'>, format: Formats, t: TFunction): string[] {
  const parts: string[] = [];
  if (job.done !== null) {
    const { amount, total, unit } = job.done;
    const isBytes = unit === 'bytes';
    const write = isBytes ? format.bytes : format.number;
    parts.push(t(isBytes ? 'jobs.ofBytes' : `jobs.of.${unit}`, { amount: write(amount), total: write(total) }));
    if (job.ratePerSecond !== null && job.ratePerSecond > 0) {
      parts.push(t('jobs.rate', { rate: isBytes ? format.bytes(job.ratePerSecond) : format.figure(job.ratePerSecond) }));
    }
  }
  if (job.remainingMs !== null) parts.push(t('jobs.remaining', { time: format.duration(job.remainingMs) }));
  return parts;
}
