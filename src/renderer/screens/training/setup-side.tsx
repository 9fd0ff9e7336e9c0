import { useTranslation } from 'react-i18next';
import { useFormat } from '../../format.ts';
import { useLive } from '../../live.ts';
import { Remedies } from './remedies.tsx';
import { give } from './store.ts';
import type { Setup } from './use-setup.ts';
import classes from './training.module.css';

/** What the run will be: stays in sight while it is set up. */
export function SetupSide({ setup }: { readonly setup: Setup }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { preview, report, memory, settings, base, expectedMs, cardBytes } = setup;
  const free = useLive((state) => state.memory?.availableBytes) ?? Infinity;
  const available = cardBytes ?? free;
  const { data } = preview;
  const known = report.data;
  const rows = [
    [
      t('training.plan.trained'),
      data === undefined
        ? null
        : t('training.plan.share', {
            parameters: format.parameters(data.trainableParameters),
            share: format.share(data.trainableParameters / Math.max(1, data.totalParameters)),
          }),
    ],
    [t('training.plan.weights'), data === undefined ? null : format.number(data.modules.length)],
    [t('training.plan.samples'), known === undefined ? null : format.number(known.trainSamples)],
    [t('training.plan.evaluation'), known === undefined || known.evaluationSamples === 0 ? null : format.number(known.evaluationSamples)],
    [
      t('training.plan.steps'),
      known === undefined
        ? null
        : t('training.plan.stepsOf', { total: format.number(known.totalSteps), epoch: format.number(known.stepsPerEpoch) }),
    ],
    [t('training.plan.batch'), format.number(settings.per_device_train_batch_size * settings.gradient_accumulation_steps)],
    [t('training.plan.memory'), memory === undefined ? null : `≈ ${format.bytes(memory.totalBytes)}`],
    [
      t('training.plan.time'),
      base === undefined ? null : expectedMs === null ? t('training.plan.timeLater') : `≈ ${format.duration(expectedMs)}`,
    ],
  ] as const;
  return (
    <aside className={classes.side} aria-labelledby="training-plan" aria-busy={preview.isFetching || report.isFetching}>
      <h2 className={classes.sideTitle} id="training-plan">
        {t('training.plan.title')}
      </h2>
      <dl className={`${classes.plan} num`}>
        {rows.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value ?? '–'}</dd>
          </div>
        ))}
      </dl>
      {memory !== undefined && base !== undefined && memory.lowBytes > available && (
        <div className={classes.short} role="status">
          <p>{t('training.plan.short', { free: format.bytes(available) })}</p>
          <Remedies
            settings={settings}
            baseId={base.id}
            onTake={(change) => {
              for (const [setting, value] of Object.entries(change)) give(setting, value);
            }}
          />
        </div>
      )}
      {data?.hasChatTemplate === false && settings.chat_template === '' && <p className={classes.note}>{t('training.plan.noTemplate')}</p>}
      <p className={classes.note}>{t('training.plan.note')}</p>
    </aside>
  );
}
