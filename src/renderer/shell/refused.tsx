import { Button } from '@mantine/core';
import { IconLock } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import type { AppError } from '#core/errors/index.ts';
import { EmptyState } from '../components/empty-state.tsx';
import { ErrorPanel } from '../components/error-panel.tsx';

/** The program is there, but this page cannot talk to it. */
export function Refused({ error }: { readonly error: AppError | null }) {
  const { t } = useTranslation();
  const reload = (): void => location.reload();
  if (error !== null)
    return (
      <main>
        <ErrorPanel error={error} action={{ label: t('shell.reload'), run: reload }} />
      </main>
    );
  return (
    <main style={{ height: '100%' }}>
      <h1 className="sr-only">Lathe</h1>
      <EmptyState icon={<IconLock size={22} stroke={1.5} />} title={t('shell.refused.title')} text={t('shell.refused.text')}>
        <Button variant="default" onClick={reload}>
          {t('shell.reload')}
        </Button>
      </EmptyState>
    </main>
  );
}
