import { useTranslation } from 'react-i18next';
import type { BenchmarkEnvironment } from '#contract/benchmark.ts';
import { useFormat } from '../../format.ts';
import classes from './benchmark.module.css';

/** What it was measured on: figures mean little without it. */
export function Environment({ environment }: { readonly environment: BenchmarkEnvironment }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { processor, cores, memoryBytes, devices, platform, versions, features } = environment;
  const cards = devices.map((device) => `${device.name} (${format.bytes(device.memoryBytes)})`).join(', ');
  const facts = [
    [t('benchmark.environment.processor'), t('benchmark.environment.cores', { name: processor, count: cores })],
    [t('benchmark.environment.memory'), format.bytes(memoryBytes)],
    [t('benchmark.environment.cards'), cards === '' ? t('benchmark.environment.noCards') : cards],
    [t('benchmark.environment.system'), platform],
    [
      t('benchmark.environment.versions'),
      Object.entries(versions)
        .map((each) => each.join(' '))
        .join(', '),
    ],
    [t('benchmark.environment.features'), features],
  ] as const;
  return (
    <section aria-labelledby="benchmark-environment">
      <h3 className={classes.subtitle} id="benchmark-environment">
        {t('benchmark.environment.title')}
      </h3>
      <dl className={`${classes.environment} num`}>
        {facts
          .filter(([, value]) => value !== '')
          .map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
      </dl>
    </section>
  );
}
