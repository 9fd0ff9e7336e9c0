import { Button, Modal, Radio } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { DialogFoot } from '../../components/dialog-foot.tsx';
import { ErrorPanel } from '../../components/error-panel.tsx';
import { PathField } from '../../components/path-field.tsx';
import { useFormat } from '../../format.ts';
import { openJobs } from '../../layers.ts';
import { useModel } from '../../models.ts';
import { folderOf, joinPath } from '../../paths.ts';
import { useAction, useCall } from '../../queries.ts';
import { predictSizeBytes, TARGETS, type Target } from './predict-size.ts';
import classes from './dialogs.module.css';

/** What file systems do not take in a name, and what would be a path. */
const fileNameOf = (name: string): string => name.replace(/[\\/:*?"<>|\p{Cc}]+/gu, '-').replace(/^[.\s]+|[.\s]+$/gu, '');

/** Choose how exact the GGUF file is to be and where it goes, and start. */
export function ConvertDialog({ modelId, onClose }: { readonly modelId: string; readonly onClose: () => void }) {
  const { t } = useTranslation();
  const format = useFormat();
  const model = useModel(modelId);
  const { data: host } = useCall('system.host', {});
  const { data: settings } = useCall('system.settings', {});
  const { data: tensors } = useCall('library.tensors', { modelId, limit: 5000 });
  const start = useAction('jobs.start');
  const [target, setTarget] = useState<Target>(model?.facts.quantization === 'BF16' ? 'bf16' : 'f16');
  const [typedPath, setTypedPath] = useState<string | null>(null);

  const folder = settings?.outputFolder ?? host?.modelFolder ?? '';
  const name = `${fileNameOf(model?.name ?? 'model')}-${target.toUpperCase()}`;
  const outputPath = typedPath ?? (folder === '' ? '' : joinPath(folder, `${name}.gguf`));
  const { data: disk } = useCall('system.disk', { path: folderOf(outputPath) }, { enabled: outputPath !== '' });
  const sizeOf = (one: Target): number | undefined => predictSizeBytes(one, model?.facts, tensors);
  const needBytes = sizeOf(target);
  const lacks = disk !== undefined && needBytes !== undefined && needBytes > disk.freeBytes;
  if (model === undefined) return null;

  return (
    <Modal
      opened
      onClose={onClose}
      size="32rem"
      title={t('library.convert.title', { name: model.name })}
      closeButtonProps={{ 'aria-label': t('common.close') }}
    >
      <form
        onSubmit={(event) => {
          event.preventDefault();
          start.mutate(
            { spec: { kind: 'convert', modelId, target, outputPath, name: `${model.name} ${target.toUpperCase()}` } },
            {
              onSuccess: () => {
                onClose();
                openJobs();
              },
            },
          );
        }}
      >
        <p className={classes.intro}>{t('library.convert.intro')}</p>
        <Radio.Group value={target} onChange={(value) => setTarget(value)} aria-label={t('library.convert.precision')}>
          <div className={classes.choices}>
            {TARGETS.map((one) => (
              <label key={one} className={classes.choice}>
                <Radio value={one} />
                <span>
                  <strong>{one.toUpperCase()}</strong>
                  <span className={classes.choiceNote}>{t(`library.convert.targets.${one}`)}</span>
                </span>
                <span className={`${classes.choiceSize} num`}>{format.bytes(sizeOf(one))}</span>
              </label>
            ))}
          </div>
        </Radio.Group>
        <div className={classes.field}>
          <PathField
            label={t('library.convert.output')}
            pick="save"
            suggestedName={`${name}.gguf`}
            value={outputPath}
            onChange={setTypedPath}
          />
        </div>
        {disk !== undefined && needBytes !== undefined && (
          <p className={`${classes.note} num`} data-bad={lacks || undefined}>
            {t(lacks ? 'library.convert.lacks' : 'library.convert.fits', {
              need: format.bytes(needBytes),
              free: format.bytes(disk.freeBytes),
            })}
          </p>
        )}
        <DialogFoot>
          {start.error !== null && <ErrorPanel error={start.error} />}
          <Button variant="default" onClick={onClose}>
            {t('common.cancel')}
          </Button>
          <Button type="submit" disabled={outputPath === '' || lacks} loading={start.isPending} data-autofocus>
            {t('library.convert.start')}
          </Button>
        </DialogFoot>
      </form>
    </Modal>
  );
}
