import { Button } from '@mantine/core';
import type { TFunction } from 'i18next';
import { useTranslation } from 'react-i18next';
import type { Job } from '#contract/jobs.ts';
import type { QualityMeasure } from '#contract/quantize.ts';
import type { Formats } from '../format.ts';
import { closeJobs } from '../layers.ts';
import { canChat, isAdapter, needsConversion, useModel } from '../models.ts';
import { goTo } from '../navigation.ts';
import { useAction, useCall } from '../queries.ts';
import { subjectOf } from './job-title.ts';

const durationOf = (job: Job): number | null => (job.startedMs === null || job.finishedMs === null ? null : job.finishedMs - job.startedMs);

const measureText = ({ perplexity, meanKl }: QualityMeasure, format: Formats, t: TFunction): string =>
  t('jobs.results.quality', { perplexity: format.fixed(perplexity, 2), kl: format.small(meanKl) });

/** What came out of a finished job, in one line. */
export function resultText(job: Job, format: Formats, t: TFunction): string {
  const { result } = job;
  const time = format.duration(durationOf(job));
  if (result === null) return t('jobs.results.plain', { time });
  if (result.kind === 'quantize') {
    const size = format.bytes(result.sizeBytes);
    if (result.card === null) return t('jobs.results.convert', { size, time });
    return t('jobs.results.quantize', { size, time, quality: measureText(result.card.measure, format, t) });
  }
  if (result.kind === 'merge') {
    const written = t('jobs.results.convert', { size: format.bytes(result.sizeBytes), time });
    if (result.certificate === null) return written;
    return `${written} · ${t(`jobs.verdicts.${result.certificate.measure.verdict}`)}`;
  }
  if (result.kind === 'certify') return t(`jobs.verdicts.${result.certificate.measure.verdict}`);
  if (result.kind === 'combine' || result.kind === 'convertAdapter' || result.kind === 'extract')
    return t('jobs.results.convert', { size: format.bytes(result.sizeBytes), time });
  if (result.kind === 'train') return t('jobs.results.train', { step: format.number(result.step), time });
  if (result.kind === 'benchmark') {
    const { done, failed } = result;
    if (failed === 0) return t('jobs.results.benchmark', { count: done, time });
    return t('jobs.results.benchmarkFailed', { done: format.number(done), total: format.number(done + failed), time });
  }
  if (result.kind === 'quality') return measureText(result.card.measure, format, t);
  if (result.kind === 'calibrate')
    return t('jobs.results.calibrate', { count: result.matrices, tokens: format.number(result.tokens), time });
  if (result.kind === 'perplexity') {
    return t('jobs.results.perplexity', { perplexity: format.figure(result.perplexity), error: format.figure(result.standardError) });
  }
  if (result.kind === 'verify')
    return result.matches ? t('jobs.results.verified') : t('jobs.results.changed', { files: result.changedFiles.join(', ') });
  return t('jobs.results.plain', { time });
}

/** Jobs whose outcome one may want to hold against what it was made of. */
const BENCHMARKED: ReadonlySet<Job['spec']['kind']> = new Set(['quantize', 'merge', 'train']);

/** What one may want to do with what a job made. */
export function NextSteps({ job, onDone = closeJobs }: { readonly job: Job; readonly onDone?: () => void }) {
  const { t } = useTranslation();
  const { data: host } = useCall('system.host', {});
  const reveal = useAction('system.reveal');
  const { result, spec } = job;
  const madeId = result !== null && 'modelId' in result ? result.modelId : null;
  const writtenPath = result !== null && 'path' in result ? result.path : null;
  const trained = result?.kind === 'train' ? result : null;
  const made = useModel(madeId ?? trained?.modelIds[0]);
  const shownId = made?.id ?? madeId ?? subjectOf(spec);
  // An adapter runs beside its base, which the benchmark begins with.
  const measuredId = spec.kind === 'train' && made !== undefined && isAdapter(made) ? spec.baseId : made?.id;
  const then = (act: () => void) => () => {
    act();
    onDone();
  };
  return (
    <>
      {made !== undefined && canChat(made) && (
        <Button variant="light" onClick={then(() => goTo.newChat(made.id))}>
          {t('jobs.next.chat')}
        </Button>
      )}
      {made?.kind === 'hf' && needsConversion(made) && (
        <Button variant="light" onClick={then(() => goTo.convert(made.id))}>
          {t('jobs.next.convert')}
        </Button>
      )}
      {trained !== null && (
        <Button variant="light" onClick={then(() => goTo.run(trained.runId))}>
          {t('jobs.next.run')}
        </Button>
      )}
      {result?.kind === 'benchmark' && (
        <Button variant="light" onClick={then(() => goTo.benchmarkRun(result.runId))}>
          {t('jobs.next.results')}
        </Button>
      )}
      {made !== undefined && BENCHMARKED.has(spec.kind) && (
        <Button variant="default" onClick={then(() => goTo.benchmark(measuredId))}>
          {t('jobs.next.benchmark')}
        </Button>
      )}
      {shownId !== null && (
        <Button variant="default" onClick={then(() => goTo.library(shownId))}>
          {t('jobs.next.show')}
        </Button>
      )}
      {writtenPath !== null && host?.canReveal === true && (
        <Button variant="default" onClick={() => reveal.mutate({ path: writtenPath })}>
          {t('jobs.next.reveal')}
        </Button>
      )}
    </>
  );
}
