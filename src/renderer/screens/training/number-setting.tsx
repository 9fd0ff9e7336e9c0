import { NumberInput } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { TrainingSettings } from '#core/training/settings.ts';
import { give } from './store.ts';
import type { Setup } from './use-setup.ts';
import classes from './training.module.css';

type NumberName = { [K in keyof TrainingSettings]: TrainingSettings[K] extends number ? K : never }[keyof TrainingSettings];

/** Settings that are numbers, with the step of their buttons. */
export interface NumberField {
  readonly setting: NumberName;
  readonly step: number;
  readonly decimals?: number;
}

/** A number, with the name that recipes write below it and what is wrong with it. */
export function NumberSetting({ setup, setting, step, decimals = 0 }: NumberField & { readonly setup: Setup }) {
  const { t } = useTranslation();
  const { draft, settings, defaults } = setup;
  const problem = useProblem(setup, setting);
  const shown = draft.given[setting] ?? settings[setting];
  return (
    <NumberInput
      label={t(`training.settings.${setting}`)}
      description={<code className={classes.settingName}>{setting}</code>}
      inputWrapperOrder={['label', 'input', 'description', 'error']}
      value={typeof shown === 'number' || typeof shown === 'string' ? shown : ''}
      step={step}
      decimalScale={decimals}
      error={problem}
      onChange={(value) => give(setting, value === '' || value === defaults[setting] ? undefined : value)}
    />
  );
}

/** What is wrong with a setting, in the user's language where it is a number's range; null: nothing. */
export function useProblem({ problems }: Setup, setting: keyof TrainingSettings): string | null {
  const { t } = useTranslation();
  const problem = problems.find((each) => each.setting === setting);
  if (problem === undefined) return null;
  const { expected, range } = problem;
  if (range === undefined) return t('training.bad.other', { expected });
  const { least, most, whole, above } = range;
  return t(`training.bad.${whole === true ? 'whole' : above === true ? 'above' : 'number'}`, { least, most });
}
