import { Button, Modal, TextInput } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { DialogFoot } from '../../components/dialog-foot.tsx';
import { ErrorPanel } from '../../components/error-panel.tsx';
import { useModel } from '../../models.ts';
import { useAction } from '../../queries.ts';

/** Give a model another name. Its files keep theirs. */
export function RenameDialog({ modelId, onClose }: { readonly modelId: string; readonly onClose: () => void }) {
  const { t } = useTranslation();
  const model = useModel(modelId);
  const update = useAction('library.update');
  const [name, setName] = useState(model?.name ?? '');
  return (
    <Modal opened onClose={onClose} title={t('library.rename.title')} closeButtonProps={{ 'aria-label': t('common.close') }}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          update.mutate({ modelId, name: name.trim() }, { onSuccess: onClose });
        }}
      >
        <TextInput
          data-autofocus
          label={t('library.rename.name')}
          description={t('library.rename.hint')}
          maxLength={200}
          value={name}
          onFocus={(event) => event.currentTarget.select()}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <DialogFoot>
          {update.error !== null && <ErrorPanel error={update.error} />}
          <Button variant="default" onClick={onClose}>
            {t('common.cancel')}
          </Button>
          <Button type="submit" disabled={name.trim() === ''} loading={update.isPending}>
            {t('library.actions.rename')}
          </Button>
        </DialogFoot>
      </form>
    </Modal>
  );
}
