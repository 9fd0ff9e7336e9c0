import { Button, TextInput } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { AppError } from '#core/errors/index.ts';
import { ErrorPanel } from '../../components/error-panel.tsx';
import { nameOf } from '../../paths.ts';
import { apiInUse, asAppError, keyOf, queryClient } from '../../queries.ts';
import { set } from './store.ts';
import type { Setup } from './use-setup.ts';
import classes from './training.module.css';

/** What it will be called, where it runs, and the start. The button says what is missing. */
export function SetupFoot({ setup }: { readonly setup: Setup }) {
  const { t } = useTranslation();
  const [problem, setProblem] = useState<AppError | null>(null);
  const [busy, setBusy] = useState(false);
  const { draft, base, report, problems } = setup;
  const suggested = [base?.name, nameOf(draft.dataPath).replace(/\.\w+$/, '')]
    .filter((part) => part !== undefined && part !== '')
    .join('-');
  const missing =
    base === undefined
      ? 'base'
      : draft.dataPath.trim() === ''
        ? 'data'
        : problems.length > 0
          ? 'settings'
          : report.isError
            ? 'broken'
            : report.data === undefined
              ? 'checking'
              : report.data.trainSamples === 0
                ? 'samples'
                : null;
  const left = report.data?.problemCount ?? 0;
  const begin = left === 0 ? t('training.start') : t('training.startWithout', { count: left });
  const start = async (): Promise<void> => {
    if (base === undefined) return;
    setBusy(true);
    setProblem(null);
    try {
      const run = await apiInUse().call('training.start', {
        baseId: base.id,
        dataPath: draft.dataPath.trim(),
        columns: draft.columns,
        name: draft.name.trim() === '' ? suggested : draft.name.trim(),
        template: draft.template,
        settings: draft.given,
        adapterId: setup.adapterId,
        device: setup.device,
      });
      await queryClient.invalidateQueries({ queryKey: keyOf('training.runs', {}) });
      set({ name: '' });
      setup.openRun(run.id);
    } catch (error) {
      setProblem(asAppError(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <footer className={classes.foot}>
      {problem !== null && <ErrorPanel error={problem} onDismiss={() => setProblem(null)} />}
      <div className={classes.footRow}>
        <TextInput
          className={classes.footName ?? ''}
          label={t('training.name')}
          placeholder={suggested}
          value={draft.name}
          onChange={(event) => set({ name: event.currentTarget.value })}
        />
        <Button size="md" disabled={missing !== null} loading={busy} onClick={() => void start()}>
          {missing === null ? begin : t(`training.missing.${missing}`)}
        </Button>
      </div>
    </footer>
  );
}
