import { useTranslation } from 'react-i18next';
import type { Output } from '../../api.ts';
import { useFormat } from '../../format.ts';
import classes from './training.module.css';

/** What the model said to the same prompts while it learned, the newest first. */
export function RunSamples({ samples }: { readonly samples: Readonly<Output<'training.get'>['samples']> }) {
  const { t } = useTranslation();
  const format = useFormat();
  if (samples.length === 0) return null;
  const steps = [...new Set(samples.map(({ step }) => step))].sort((left, right) => right - left);
  return (
    <section aria-labelledby="training-said">
      <h3 className={classes.subtitle} id="training-said">
        {t('training.said')}
      </h3>
      <ol className={classes.said}>
        {steps.map((step) => (
          <li key={step}>
            <p className={`${classes.sampleHead} num`}>{t('training.atStep', { step: format.number(step) })}</p>
            {samples
              .filter((sample) => sample.step === step)
              .map(({ prompt, text }) => (
                <p key={prompt}>
                  <span className={classes.prompt}>{prompt}</span> {text}
                </p>
              ))}
          </li>
        ))}
      </ol>
    </section>
  );
}
