import { useNavigate, useSearch } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import { ErrorPanel } from '../../components/error-panel.tsx';
import { ScreenTitle } from '../../components/screen-title.tsx';
import { useCall } from '../../queries.ts';
import { Comparison } from './comparison.tsx';
import { RunList } from './run-list.tsx';
import { RunView } from './run-view.tsx';
import { comparedOf } from './search.ts';
import { SetupView } from './setup.tsx';
import { WaitingRun } from './waiting-run.tsx';
import classes from './training.module.css';

/** Teach a model something: set a run up, watch it learn, compare what came of it. */
export function TrainingScreen() {
  const { t } = useTranslation();
  const search = useSearch({ from: '/training' });
  const navigate = useNavigate({ from: '/training' });
  const runs = useCall('training.runs', {});
  const compared = comparedOf(search);
  const list = runs.data ?? [];
  const waiting = list[0]?.state === 'paused' ? list[0] : undefined;
  return (
    <div className={classes.screen}>
      <header className={classes.header}>
        <ScreenTitle className={classes.title}>{t('training.title')}</ScreenTitle>
        <p className={classes.intro}>{t('training.intro')}</p>
      </header>
      {runs.isError && (
        <div className={classes.notice}>
          <ErrorPanel error={runs.error} action={{ label: t('common.retry'), run: () => void runs.refetch(), busy: runs.isFetching }} />
        </div>
      )}
      {waiting !== undefined && search.run === undefined && compared.length === 0 && (
        <WaitingRun run={waiting} onOpen={() => void navigate({ search: { run: waiting.id } })} />
      )}
      <div className={classes.columns}>
        {list.length > 0 && (
          <RunList
            runs={list}
            openId={search.run}
            compared={compared}
            onNew={() => void navigate({ search: {} })}
            onOpen={(run) => void navigate({ search: { run } })}
            onCompare={(ids) => void navigate({ search: ids.length === 0 ? {} : { compare: ids.join(',') } })}
          />
        )}
        {compared.length > 0 ? (
          <Comparison runs={list.filter(({ id }) => compared.includes(id))} />
        ) : search.run === undefined ? (
          <SetupView />
        ) : (
          <RunView key={search.run} runId={search.run} onGone={() => void navigate({ search: {}, replace: true })} />
        )}
      </div>
    </div>
  );
}
