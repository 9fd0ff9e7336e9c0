import { Button } from '@mantine/core';
import { IconChevronRight } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { AllSettings } from './all-settings.tsx';
import { NumberSetting, type NumberField } from './number-setting.tsx';
import { set } from './store.ts';
import type { Setup } from './use-setup.ts';
import classes from './training.module.css';

/** What most runs are decided by. */
const MAIN: readonly NumberField[] = [
  { setting: 'num_train_epochs', step: 1, decimals: 2 },
  { setting: 'learning_rate', step: 0.0001, decimals: 7 },
  { setting: 'r', step: 4 },
  { setting: 'lora_alpha', step: 8, decimals: 2 },
  { setting: 'max_length', step: 128 },
  { setting: 'eval_split', step: 0.05, decimals: 3 },
];

/** How it is learned: what most need in sight, the rest folded away. */
export function SettingFields({ setup }: { readonly setup: Setup }) {
  const { t } = useTranslation();
  const { draft } = setup;
  const touched = Object.keys(draft.given).length;
  return (
    <>
      <div className={classes.fields}>
        {MAIN.map((field) => (
          <NumberSetting key={field.setting} setup={setup} {...field} />
        ))}
      </div>
      <div className={classes.foldRow}>
        <button type="button" className={classes.fold} aria-expanded={draft.showsAll} onClick={() => set({ showsAll: !draft.showsAll })}>
          <IconChevronRight size={14} aria-hidden />
          {t('training.allSettings')}
        </button>
        {touched > 0 && (
          <Button variant="subtle" color="gray" size="xs" onClick={() => set({ given: {} })}>
            {t('training.resetSettings', { count: touched })}
          </Button>
        )}
      </div>
      {draft.showsAll && <AllSettings setup={setup} />}
    </>
  );
}
