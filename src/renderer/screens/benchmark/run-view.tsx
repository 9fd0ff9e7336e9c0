import { NativeSelect } from '@mantine/core';
import { useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { paretoView } from '#core/benchmark/recommend.ts';
import type { BenchmarkRun } from '#contract/benchmark.ts';
import { ErrorPanel } from '../../components/error-panel.tsx';
import { Progress } from '../../components/progress.tsx';
import { useFormat } from '../../format.ts';
import { useJobs } from '../../jobs/use-jobs.ts';
import { useCall } from '../../queries.ts';
import { AnswersView } from './answers.tsx';
import { Controls } from './controls.tsx';
import { Environment } from './environment.tsx';
import { Failures } from './failures.tsx';
import { FiguresTable } from './figures-table.tsx';
import { ParetoSection } from './pareto.tsx';
import { reasonText } from './reason.ts';
import { rowsOf, settingsOf, variantsOf } from './results.ts';
import { RunFollower } from './run-follower.ts';
import { SweepTable } from './sweep-table.tsx';
import classes from './benchmark.module.css';

interface Props {
  readonly runId: string;
  readonly besideId: string | undefined;
  readonly runs: readonly BenchmarkRun[];
  readonly onBeside: (runId: string | null) => void;
  readonly onGone: () => void;
}

/** A run while it is measured and afterwards: which variant to take, all figures, what failed, what was answered. */
export function RunView({ runId, besideId, runs, onBeside, onGone }: Props) {
  const { t } = useTranslation();
  const format = useFormat();
  const { active } = useJobs();
  const chart = useRef<SVGSVGElement>(null);
  const [chosen, setChosen] = useState<string>();
  const asked = useCall('benchmark.get', { runId });
  const beside = useCall('benchmark.get', { runId: besideId ?? '' }, { enabled: besideId !== undefined });
  if (asked.isError)
    return (
      <div className={classes.notice}>
        <ErrorPanel error={asked.error} action={{ label: t('benchmark.runs.new'), run: onGone }} />
      </div>
    );
  if (asked.data === undefined) return <div className={classes.work} />;
  const { run, cells } = asked.data;
  const isAtWork = run.state === 'running' || run.state === 'waiting';
  const settings = settingsOf(cells);
  const shown = settings.find(({ name }) => name === chosen) ?? settings[0];
  const rows = rowsOf(asked.data, shown?.name);
  const others = besideId === undefined || beside.data === undefined ? [] : rowsOf(beside.data, shown?.name, true);
  const variants = variantsOf(rows);
  const view = paretoView(variants);
  const advice = isAtWork || view.recommendation === null ? null : reasonText(view.recommendation, variants, format, t);
  const job = active.find(({ id }) => id === run.jobId);
  const finished = run.cells.done + run.cells.failed;
  const choices = runs.filter(({ id }) => id !== runId);
  return (
    <div className={classes.work}>
      {isAtWork && <RunFollower runId={runId} />}
      <div className={classes.runBody}>
        <header className={classes.runHead}>
          <div className={classes.runTitle}>
            <h2>{run.name}</h2>
            <p className="num">
              {[
                t(`benchmark.states.${run.state}`),
                run.state === 'done'
                  ? null
                  : t('benchmark.runs.progress', { done: format.number(finished), total: format.number(run.cells.total) }),
                run.state === 'running' ? (job?.detail ?? null) : null,
                run.state === 'running' && job?.remainingMs != null
                  ? t('jobs.remaining', { time: format.duration(job.remainingMs) })
                  : null,
                isAtWork ? null : format.moment(run.createdMs),
                run.environment?.name ?? null,
              ]
                .filter((part) => part !== null)
                .join(' · ')}
            </p>
          </div>
          <Controls run={run} chart={variants.length === 0 ? null : chart} advice={advice} onGone={onGone} />
        </header>
        {isAtWork && (
          <Progress label={run.name} fraction={run.state === 'waiting' ? null : (job?.fraction ?? finished / run.cells.total)} />
        )}
        {run.error !== null && <ErrorPanel error={run.error} />}
        {run.state === 'paused' && <p className={classes.cautionText}>{t('benchmark.cancelledNote')}</p>}
        {(settings.length > 1 || choices.length > 0) && (
          <div className={classes.choices}>
            {settings.length > 1 && (
              <NativeSelect
                label={t('benchmark.pareto.settings')}
                value={shown?.name ?? ''}
                data={settings.map(({ name }) => name)}
                onChange={(event) => setChosen(event.currentTarget.value)}
              />
            )}
            {choices.length > 0 && (
              <NativeSelect
                label={t('benchmark.besides.label')}
                value={besideId ?? ''}
                data={[
                  { value: '', label: t('benchmark.besides.none') },
                  ...choices.map(({ id, name, createdMs, isImported, environment }) => ({
                    value: id,
                    label: [name, isImported ? (environment?.name ?? t('benchmark.runs.computer')) : format.day(createdMs)].join(' · '),
                  })),
                ]}
                onChange={(event) => onBeside(event.currentTarget.value === '' ? null : event.currentTarget.value)}
              />
            )}
          </div>
        )}
        {beside.isError && besideId !== undefined && <ErrorPanel error={beside.error} onDismiss={() => onBeside(null)} />}
        <ParetoSection variants={variants} others={variantsOf(others)} view={view} chart={chart} isAtWork={isAtWork} advice={advice} />
        <FiguresTable rows={[...rows, ...others]} view={view} isAtWork={isAtWork} />
        {settings.length > 1 && <SweepTable run={run} cells={cells} />}
        <Failures run={run} cells={cells} />
        <AnswersView measured={asked.data} />
        {run.environment !== null && <Environment environment={run.environment} />}
      </div>
    </div>
  );
}
