import { useTranslation } from 'react-i18next';
import { templateNames } from '#core/training/templates.ts';
import { set, useDraft } from './store.ts';
import classes from './training.module.css';

/** Settings by task: a start, to be changed below. */
export function TemplateChoice() {
  const { t } = useTranslation();
  const { template } = useDraft();
  return (
    <div role="radiogroup" aria-label={t('training.template')} className={classes.templates}>
      {templateNames.map((name) => (
        <label key={name} className={classes.template} data-chosen={template === name || undefined}>
          <input
            type="radio"
            name="training-template"
            value={name}
            checked={template === name}
            onChange={() => set({ template: name, given: {} })}
          />
          <span className={classes.templateName}>{t(`training.templates.${name}.name`)}</span>
          <span className={classes.templateNote}>{t(`training.templates.${name}.note`)}</span>
        </label>
      ))}
    </div>
  );
}
