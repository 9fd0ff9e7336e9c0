import { Button, TextInput } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { AppError } from '#core/errors/index.ts';
import { ErrorPanel } from '../../components/error-panel.tsx';
import { useFormat } from '../../format.ts';
import { apiInUse, asAppError, keyOf, queryClient } from '../../queries.ts';
import { roundTime } from './round-time.ts';
import { set } from './store.ts';
import type { Setup } from './use-setup.ts';
import classes from './benchmark.module.css';

/** What it will be called, and the start. The button says what is missing, and how long it will take. */
export function SetupFoot({ setup, onOpen }: { readonly setup: Setup; readonly onOpen: (runId: string) => void }) {
  const { t } = useTranslation();
  const format = useFormat();
  const [problem, setProblem] = useState<AppError | null>(null);
  const [busy, setBusy] = useState(false);
  const { draft, base, plan, request } = setup;
  const missing = setup.missing ?? (plan.isError ? 'broken' : plan.data === undefined ? 'plan' : null);
  const what = t('benchmark.start', { count: plan.data?.cells ?? 0 });
  const estimateMs = plan.data?.estimateMs ?? null;
  const words = estimateMs === null ? what : t('benchmark.startTime', { what, time: format.duration(roundTime(estimateMs)) });
  const start = async (): Promise<void> => {
    setBusy(true);
    setProblem(null);
    try {
      const run = await apiInUse().call('benchmark.start', request);
      await queryClient.invalidateQueries({ queryKey: keyOf('benchmark.runs', {}) });
      set({ name: '' });
      onOpen(run.id);
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
          label={t('benchmark.name')}
          placeholder={base?.name ?? ''}
          value={draft.name}
          maxLength={200}
          onChange={(event) => set({ name: event.currentTarget.value })}
        />
        <Button size="md" disabled={missing !== null} loading={busy} onClick={() => void start()}>
          {missing === null ? words : t(`benchmark.missing.${missing}`)}
        </Button>
      </div>
    </footer>
  );
}
