import { Button } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { DataReport } from '#contract/training.ts';
import { useFormat } from '../../format.ts';
import classes from './training.module.css';

/** Samples that are shown by themselves: enough to see the template and the mask. */
const FIRST = 3;

/** A dataset as the model will see it: how much, how long, what is wrong, and the mask on real samples. */
export function DataReportView({ report, busy }: { readonly report: DataReport; readonly busy: boolean }) {
  const { t } = useTranslation();
  const format = useFormat();
  const [showsMore, setShowsMore] = useState(false);
  const facts = [
    [t('training.data.samples'), format.number(report.samples)],
    [t('training.data.trained'), format.percent(report.tokens === 0 ? 0 : report.trainedTokens / report.tokens)],
    [t('training.data.median'), format.number(report.medianLength)],
    [t('training.data.longest'), format.number(report.longest)],
  ] as const;
  const warnings = [
    report.truncatedSamples > 0
      ? t('training.data.truncated', { count: report.truncatedSamples, tokens: format.number(report.truncatedTokens) })
      : null,
    report.duplicateCount > 0 ? t('training.data.duplicates', { count: report.duplicateCount }) : null,
    report.problemCount > 0 ? t('training.data.problems', { count: report.problemCount }) : null,
  ].filter((warning) => warning !== null);
  return (
    <div className={classes.report} aria-busy={busy}>
      <dl className={`${classes.figures} num`}>
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {warnings.length > 0 && (
        <ul className={classes.warnings}>
          {warnings.map((warning) => (
            <li key={warning}>
              <IconAlertTriangle size={14} aria-hidden />
              {warning}
            </li>
          ))}
        </ul>
      )}
      {report.problems.length > 0 && (
        <details className={classes.problems}>
          <summary>{t('training.data.which')}</summary>
          <ul>
            {report.problems.map(({ line, kind }) => (
              <li key={`${line} ${kind}`} className="num">
                {t('training.data.line', { line, problem: t(`training.data.kinds.${kind}`) })}
              </li>
            ))}
          </ul>
        </details>
      )}
      <Lengths report={report} />
      {report.shown.length > 0 && (
        <section aria-labelledby="training-samples">
          <h3 className={classes.subtitle} id="training-samples">
            {t('training.data.shown')}
          </h3>
          <ul className={classes.samples}>
            {report.shown.slice(0, showsMore ? undefined : FIRST).map((sample) => (
              <li key={sample.line}>
                <p className={`${classes.sampleHead} num`}>
                  {t('training.data.sample', { line: sample.line, trained: sample.trained, tokens: sample.tokens })}
                  {sample.truncated && ` · ${t('training.data.cut')}`}
                </p>
                {/* Scrolls: reachable by keyboard. */}
                <pre
                  className={classes.sampleText}
                  tabIndex={0}
                  aria-label={t('training.data.sample', { line: sample.line, trained: sample.trained, tokens: sample.tokens })}
                >
                  {sample.pieces.map(({ text, trained }, index) =>
                    trained ? <mark key={index}>{text}</mark> : <span key={index}>{text}</span>,
                  )}
                </pre>
              </li>
            ))}
          </ul>
          {!showsMore && report.shown.length > FIRST && (
            <Button variant="subtle" size="xs" onClick={() => setShowsMore(true)}>
              {t('training.data.more', { count: report.shown.length - FIRST })}
            </Button>
          )}
        </section>
      )}
    </div>
  );
}

const BARS = 26;

/** How many samples have how many tokens. */
function Lengths({ report: { lengths, longest } }: { readonly report: DataReport }) {
  const { t } = useTranslation();
  const format = useFormat();
  const most = Math.max(1, ...lengths.map(({ samples }) => samples));
  if (lengths.length < 2) return null;
  return (
    <figure className={classes.lengths}>
      <figcaption>{t('training.data.lengths')}</figcaption>
      <div className={classes.bars} aria-hidden>
        {lengths.slice(0, BARS).map(({ from, to, samples }) => (
          <span
            key={from}
            title={`${from}–${to}: ${samples}`}
            style={{ height: `${Math.max(samples === 0 ? 0 : 3, (samples / most) * 100)}%` }}
          />
        ))}
      </div>
      <p className={`${classes.axis} num`}>
        <span>{format.number(lengths[0]?.from)}</span>
        <span>{t('training.data.tokens', { tokens: format.number(longest) })}</span>
      </p>
    </figure>
  );
}
