import { TextInput } from '@mantine/core';
import { IconChevronRight } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { presetNames } from '#core/benchmark/sweep.ts';
import { set, SWEPT, sweptNames } from './store.ts';
import type { Setup } from './use-setup.ts';
import classes from './benchmark.module.css';

/** How long, and under which settings, speed is measured. */
export function SpeedFields({ setup }: { readonly setup: Setup }) {
  const { t } = useTranslation();
  const { draft, bad } = setup;
  return (
    <>
      <div role="radiogroup" aria-label={t('benchmark.presets.label')} className={classes.presets}>
        {presetNames.map((name) => (
          <label key={name} className={classes.preset} data-chosen={draft.preset === name || undefined}>
            <input
              type="radio"
              name="benchmark-preset"
              value={name}
              checked={draft.preset === name}
              onChange={() => set({ preset: name })}
            />
            <span className={classes.presetName}>{t(`benchmark.presets.${name}.name`)}</span>
            <span className={classes.presetNote}>{t(`benchmark.presets.${name}.note`)}</span>
          </label>
        ))}
      </div>
      <button
        type="button"
        className={classes.fold}
        aria-expanded={draft.showsSweep}
        onClick={() => set({ showsSweep: !draft.showsSweep })}
      >
        <IconChevronRight size={14} aria-hidden />
        {t('benchmark.sweep.title')}
      </button>
      {draft.showsSweep && (
        <>
          <p className={classes.note}>{t('benchmark.sweep.note')}</p>
          <div className={classes.fields}>
            {sweptNames.map((name) => (
              <TextInput
                key={name}
                label={t(`benchmark.sweep.${name}`)}
                placeholder={SWEPT[name]}
                spellCheck={false}
                value={draft.sweep[name] ?? ''}
                error={bad.includes(name) ? t('benchmark.sweep.bad', { example: SWEPT[name] }) : null}
                onChange={(event) => set({ sweep: { ...draft.sweep, [name]: event.currentTarget.value } })}
              />
            ))}
          </div>
        </>
      )}
    </>
  );
}
