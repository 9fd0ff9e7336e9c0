import { useTranslation } from 'react-i18next';
import type { QualityCard as Card } from '#contract/quantize.ts';
import { useFormat } from '../format.ts';
import { Sample } from './sample.tsx';
import classes from './quality.module.css';

/** What a file lost against its source: in figures, by tensor, and as it reads. */
export function QualityCard({ card }: { readonly card: Card }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { measure } = card;
  const figures = [
    {
      key: 'perplexity',
      value: format.fixed(measure.perplexity, 2),
      note: t('quality.against', {
        source: format.fixed(measure.sourcePerplexity, 2),
        change: format.change(measure.perplexity / measure.sourcePerplexity - 1),
      }),
    },
    { key: 'meanKl', value: format.small(measure.meanKl), note: t('quality.plusMinus', { error: format.small(measure.meanKlError) }) },
    { key: 'kl999', value: format.small(measure.kl999), note: t('quality.atMost', { value: format.small(measure.maxKl) }) },
    { key: 'topOne', value: format.share(measure.topOneAgreement), note: t('quality.topOneNote') },
  ] as const;
  const worst = measure.worstTensors[0]?.relativeError ?? 0;

  return (
    <div className={classes.card}>
      <dl className={classes.figures}>
        {figures.map(({ key, value, note }) => (
          <div key={key} title={t(`quality.hints.${key}`)}>
            <dt>{t(`quality.${key}`)}</dt>
            <dd className="num">{value}</dd>
            <dd className={`${classes.figureNote} num`}>{note}</dd>
          </div>
        ))}
      </dl>
      {measure.samples.length > 0 && (
        <section aria-labelledby={`samples-${card.id}`}>
          <h3 className={classes.title} id={`samples-${card.id}`}>
            {t('quality.samples')}
          </h3>
          <ul className={classes.samples}>
            {measure.samples.map(({ prompt, source, variant }) => (
              <Sample
                key={prompt}
                prompt={prompt}
                source={source}
                variant={variant}
                sourceName={card.sourceName}
                variantName={t('quality.thisOne')}
              />
            ))}
          </ul>
        </section>
      )}
      {measure.worstTensors.length > 0 && (
        <section aria-labelledby={`worst-${card.id}`}>
          <h3 className={classes.title} id={`worst-${card.id}`}>
            {t('quality.worst')}
          </h3>
          <ul className={classes.worst}>
            {measure.worstTensors.map(({ name, to, relativeError }) => (
              <li key={name}>
                <code title={name}>{name.replace(/\.weight$/, '')}</code>
                <span className={classes.type}>{to}</span>
                <span className={classes.track} aria-hidden>
                  <span style={{ width: `${worst === 0 ? 0 : Math.max(2, (relativeError / worst) * 100)}%` }} />
                </span>
                <span className="num">{format.share(relativeError)}</span>
              </li>
            ))}
          </ul>
        </section>
      )}
      <p className={`${classes.made} num`}>
        {t('quality.made', {
          text: measure.textName,
          tokens: format.number(measure.tokens),
          window: format.number(measure.contextLength),
          date: format.moment(card.madeMs),
          time: format.duration(card.durationMs),
        })}{' '}
        <span>
          {Object.entries(card.versions)
            .map(([name, version]) => `${name} ${version}`)
            .join(', ')}
        </span>
      </p>
    </div>
  );
}
