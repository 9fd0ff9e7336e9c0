import { Button } from '@mantine/core';
import { IconFileImport } from '@tabler/icons-react';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { ErrorPanel } from '../../components/error-panel.tsx';
import { ScreenTitle } from '../../components/screen-title.tsx';
import { useCall } from '../../queries.ts';
import { ImportDialog } from './import-dialog.tsx';
import { RunList } from './run-list.tsx';
import { RunView } from './run-view.tsx';
import { SetupView } from './setup.tsx';
import classes from './benchmark.module.css';

/** Which variant to run here: set a benchmark up, watch it, read what came of it. */
export function BenchmarkScreen() {
  const { t } = useTranslation();
  const search = useSearch({ from: '/benchmark' });
  const navigate = useNavigate({ from: '/benchmark' });
  const runs = useCall('benchmark.runs', {});
  const [importing, setImporting] = useState(false);
  const list = runs.data ?? [];
  const open = (run: string): void => void navigate({ search: { run } });
  return (
    <div className={classes.screen}>
      <header className={classes.header}>
        <ScreenTitle className={classes.title}>{t('benchmark.title')}</ScreenTitle>
        <p className={classes.intro}>{t('benchmark.intro')}</p>
        <Button variant="subtle" color="gray" leftSection={<IconFileImport size={15} />} onClick={() => setImporting(true)}>
          {t('benchmark.runs.import')}
        </Button>
      </header>
      {runs.isError && (
        <div className={classes.notice}>
          <ErrorPanel error={runs.error} action={{ label: t('common.retry'), run: () => void runs.refetch(), busy: runs.isFetching }} />
        </div>
      )}
      <div className={classes.columns}>
        {list.length > 0 && <RunList runs={list} openId={search.run} onNew={() => void navigate({ search: {} })} onOpen={open} />}
        {search.run === undefined ? (
          <SetupView onOpen={open} />
        ) : (
          <RunView
            key={search.run}
            runId={search.run}
            besideId={search.beside}
            runs={list}
            onBeside={(beside) =>
              void navigate({
                search: { ...(search.run === undefined ? {} : { run: search.run }), ...(beside === null ? {} : { beside }) },
                replace: true,
              })
            }
            onGone={() => void navigate({ search: {}, replace: true })}
          />
        )}
      </div>
      {importing && (
        <ImportDialog
          onClose={() => setImporting(false)}
          onDone={(id) => {
            setImporting(false);
            open(id);
          }}
        />
      )}
    </div>
  );
}
