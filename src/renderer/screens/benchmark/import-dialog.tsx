import { Button, Modal } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { DialogFoot } from '../../components/dialog-foot.tsx';
import { ErrorPanel } from '../../components/error-panel.tsx';
import { PathField } from '../../components/path-field.tsx';
import { keyOf, queryClient, useAction } from '../../queries.ts';
import classes from './benchmark.module.css';

/** A result of another computer, from its file. */
export function ImportDialog({ onClose, onDone }: { readonly onClose: () => void; readonly onDone: (runId: string) => void }) {
  const { t } = useTranslation();
  const [path, setPath] = useState('');
  const read = useAction('benchmark.import');
  const start = (): void =>
    read.mutate(
      { path: path.trim() },
      {
        onSuccess: ({ id }) => {
          void queryClient.invalidateQueries({ queryKey: keyOf('benchmark.runs', {}) });
          onDone(id);
        },
      },
    );
  return (
    <Modal opened onClose={onClose} title={t('benchmark.importing.title')} closeButtonProps={{ 'aria-label': t('common.close') }}>
      <div className={classes.dialog}>
        <p className={classes.note}>{t('benchmark.importing.note')}</p>
        <PathField first label={t('benchmark.importing.file')} value={path} onChange={setPath} />
        {read.isError && <ErrorPanel error={read.error} />}
      </div>
      <DialogFoot>
        <Button variant="default" onClick={onClose}>
          {t('common.cancel')}
        </Button>
        <Button disabled={path.trim() === ''} loading={read.isPending} onClick={start}>
          {t('benchmark.importing.start')}
        </Button>
      </DialogFoot>
    </Modal>
  );
}
