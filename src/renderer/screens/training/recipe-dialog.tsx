import { Button, Modal, SegmentedControl } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { TrainingRun } from '#contract/training.ts';
import { CopyButton } from '../../components/copy-button.tsx';
import { DialogFoot } from '../../components/dialog-foot.tsx';
import { ErrorPanel } from '../../components/error-panel.tsx';
import { PathField } from '../../components/path-field.tsx';
import { fileNameOf } from '../../output-names.ts';
import { joinPath } from '../../paths.ts';
import { useAction } from '../../queries.ts';
import classes from './training.module.css';

const FORMATS = [
  { value: 'llama-factory', label: 'LLaMA-Factory' },
  { value: 'axolotl', label: 'axolotl' },
] as const;
type Format = (typeof FORMATS)[number]['value'];

/** The run for those who outgrow one machine: another program's YAML and the dataset, in a new folder. */
export function RecipeDialog({ run, onClose }: { readonly run: TrainingRun; readonly onClose: () => void }) {
  const { t } = useTranslation();
  const write = useAction('training.exportRecipe');
  const [format, setFormat] = useState<Format>('llama-factory');
  const [folder, setFolder] = useState(joinPath(run.config.outputFolder, `${fileNameOf(run.config.name)}-recipe`));
  const files = write.data?.files;
  return (
    <Modal opened onClose={onClose} title={t('training.recipe.title')} closeButtonProps={{ 'aria-label': t('common.close') }}>
      <div className={classes.recipe}>
        <p className={classes.note}>{t('training.recipe.note')}</p>
        {files === undefined ? (
          <>
            <SegmentedControl
              aria-label={t('training.recipe.program')}
              data={FORMATS.map(({ value, label }) => ({ value, label }))}
              value={format}
              onChange={(value) => setFormat(FORMATS.find((each) => each.value === value)?.value ?? format)}
            />
            <PathField label={t('training.recipe.folder')} value={folder} onChange={setFolder} />
            {write.isError && <ErrorPanel error={write.error} />}
          </>
        ) : (
          <ul className={classes.recipeFiles} aria-label={t('training.recipe.written')}>
            {files.map((file) => (
              <li key={file}>
                <code>{file}</code>
                <CopyButton text={file} label={t('training.recipe.copy', { file })} />
              </li>
            ))}
          </ul>
        )}
      </div>
      <DialogFoot>
        {files === undefined ? (
          <>
            <Button variant="default" onClick={onClose}>
              {t('common.cancel')}
            </Button>
            <Button
              disabled={folder.trim() === ''}
              loading={write.isPending}
              onClick={() => write.mutate({ runId: run.id, format, outputFolder: folder.trim() })}
            >
              {t('training.recipe.write')}
            </Button>
          </>
        ) : (
          <Button onClick={onClose}>{t('common.close')}</Button>
        )}
      </DialogFoot>
    </Modal>
  );
}
