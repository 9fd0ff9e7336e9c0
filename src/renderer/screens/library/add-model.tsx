import { Button, Modal, Radio } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { DialogFoot } from '../../components/dialog-foot.tsx';
import { PathField } from '../../components/path-field.tsx';
import { useFormat } from '../../format.ts';
import { asFolder, folderOf, nameOf } from '../../paths.ts';
import { useAction, useCall } from '../../queries.ts';
import { startImport } from './imports.ts';
import classes from './dialogs.module.css';

/** Bytes below a path, as far as one look into its folder tells; undefined where nothing is there. */
function useSizeBytes(path: string): number | undefined {
  const trimmed = path.replace(/(.)[\\/]+$/, '$1');
  const parent = useCall('system.listFolder', { path: folderOf(trimmed) }, { enabled: path !== '' });
  const entry = parent.data?.entries.find(({ name }) => name === nameOf(trimmed));
  const inside = useCall('system.listFolder', { path: asFolder(trimmed) }, { enabled: entry?.isFolder === true });
  if (entry === undefined) return undefined;
  if (!entry.isFolder) return entry.sizeBytes ?? undefined;
  return inside.data?.entries.reduce((sum, { sizeBytes }) => sum + (sizeBytes ?? 0), 0);
}

/** Name a file or a folder, say whether to link or to copy it, and begin. */
export function AddModel({ path: given, onClose }: { readonly path?: string | undefined; readonly onClose: () => void }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { data: host } = useCall('system.host', {});
  const { data: settings } = useCall('system.settings', {});
  const { data: disk } = useCall('system.disk', { path: host?.modelFolder ?? '' }, { enabled: host !== undefined });
  const remember = useAction('system.changeSettings');
  const [path, setPath] = useState(given ?? (host === undefined ? '' : asFolder(host.home)));
  const [chosenMode, setMode] = useState<'link' | 'copy' | null>(null);
  const mode = chosenMode ?? settings?.importMode ?? 'link';
  const sizeBytes = useSizeBytes(path);
  const lacks = mode === 'copy' && disk !== undefined && sizeBytes !== undefined && sizeBytes > disk.freeBytes;

  return (
    <Modal opened onClose={onClose} size="34rem" title={t('library.add.title')} closeButtonProps={{ 'aria-label': t('common.close') }}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (mode !== settings?.importMode) remember.mutate({ importMode: mode });
          void startImport(path.trim().replace(/(.)[\\/]+$/, '$1'), mode);
          onClose();
        }}
      >
        <PathField label={t('library.add.path')} description={t('library.add.pathHint')} value={path} onChange={setPath} first />
        <div className={classes.field}>
          <Radio.Group value={mode} onChange={(value) => setMode(value)} aria-label={t('library.add.mode')}>
            <div className={classes.choices}>
              <label className={classes.choice}>
                <Radio value="link" />
                <span>
                  <strong>{t('library.add.link')}</strong>
                  <span className={classes.choiceNote}>{t('library.add.linkNote')}</span>
                </span>
                <span className={`${classes.choiceSize} num`}>{t('library.add.noSpace')}</span>
              </label>
              <label className={classes.choice}>
                <Radio value="copy" />
                <span>
                  <strong>{t('library.add.copy')}</strong>
                  <span className={classes.choiceNote}>{t('library.add.copyNote')}</span>
                </span>
                <span className={`${classes.choiceSize} num`}>{format.bytes(sizeBytes)}</span>
              </label>
            </div>
          </Radio.Group>
          {mode === 'copy' && disk !== undefined && (
            <p className={`${classes.note} num`} data-bad={lacks || undefined}>
              {t(lacks ? 'library.add.lacks' : 'library.free', { size: format.bytes(disk.freeBytes) })}
            </p>
          )}
        </div>
        <DialogFoot>
          <Button variant="default" onClick={onClose}>
            {t('common.cancel')}
          </Button>
          <Button type="submit" disabled={path.trim() === '' || lacks}>
            {t('library.add.confirm')}
          </Button>
        </DialogFoot>
      </form>
    </Modal>
  );
}
