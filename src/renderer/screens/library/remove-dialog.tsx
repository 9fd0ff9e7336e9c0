import { Button, Modal, Radio } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { DialogFoot } from '../../components/dialog-foot.tsx';
import { ErrorPanel } from '../../components/error-panel.tsx';
import { useFormat } from '../../format.ts';
import { useModel } from '../../models.ts';
import { useAction, useCall } from '../../queries.ts';
import { removeEntry } from './removals.ts';
import classes from './dialogs.module.css';

/** Take a model out of the library. Says what happens to the files before it happens. */
export function RemoveDialog({ modelId, onClose }: { readonly modelId: string; readonly onClose: () => void }) {
  const { t } = useTranslation();
  const format = useFormat();
  const model = useModel(modelId);
  const { data: host } = useCall('system.host', {});
  const remove = useAction('library.remove');
  const [files, setFiles] = useState<'keep' | 'away'>('keep');
  if (model === undefined) return null;
  const fate = host?.hasTrash === false ? 'delete' : 'trash';

  const confirm = (): void => {
    if (files === 'away') return remove.mutate({ modelId, files: fate }, { onSuccess: onClose });
    removeEntry(model);
    onClose();
  };

  return (
    <Modal
      opened
      onClose={onClose}
      title={t('library.remove.title', { name: model.name })}
      closeButtonProps={{ 'aria-label': t('common.close') }}
    >
      <Radio.Group value={files} onChange={(value) => setFiles(value)} aria-label={t('library.remove.files')}>
        <div className={classes.choices}>
          <label className={classes.choice}>
            <Radio value="keep" data-autofocus />
            <span>
              <strong>{t('library.remove.keep')}</strong>
              <span className={classes.choiceNote}>{t('library.remove.keepNote')}</span>
            </span>
          </label>
          <label className={classes.choice}>
            <Radio value="away" />
            <span>
              <strong>{t(`library.remove.${fate}`)}</strong>
              <span className={classes.choiceNote}>
                {t(`library.remove.${fate}Note`, { size: format.bytes(model.sizeBytes), count: model.fileCount })}
              </span>
            </span>
          </label>
        </div>
      </Radio.Group>
      <p className={classes.path}>{model.path}</p>
      <DialogFoot>
        {remove.error !== null && <ErrorPanel error={remove.error} />}
        <Button variant="default" onClick={onClose}>
          {t('common.cancel')}
        </Button>
        <Button color={files === 'away' ? 'red' : 'verdigris'} loading={remove.isPending} onClick={confirm}>
          {t(
            files === 'keep'
              ? 'library.remove.confirmKeep'
              : fate === 'delete'
                ? 'library.remove.confirmDelete'
                : 'library.remove.confirmTrash',
          )}
        </Button>
      </DialogFoot>
    </Modal>
  );
}
