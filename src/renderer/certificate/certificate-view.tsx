import { Button } from '@mantine/core';
import { IconAlertTriangle, IconCircleCheck, IconCircleX } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Certificate, CertificateMeasure } from '#contract/adapters.ts';
import { useFormat } from '../format.ts';
import { useErrorText } from '../i18n/use-error-text.ts';
import { startJob } from '../jobs/start.ts';
import { useModels } from '../models.ts';
import { Sample } from '../quality/sample.tsx';
import classes from './certificate.module.css';

const ICONS = { green: IconCircleCheck, amber: IconAlertTriangle, red: IconCircleX } as const;

/** Tensors that are shown before more are asked for. */
const FEW = 6;

/** The proof of a merge: the verdict with its reasons, what both models say, and what each weight holds. */
export function CertificateView({ certificate }: { readonly certificate: Certificate }) {
  const { t } = useTranslation();
  const format = useFormat();
  const errorText = useErrorText();
  const models = useModels();
  const { measure, modelId, baseId, adapters } = certificate;
  const Icon = ICONS[measure.verdict];
  const { runtime } = measure;
  const used = adapters.flatMap(({ adapterId, scale }) => (adapterId === null ? [] : [{ adapterId, scale }]));
  const isThere = (id: string): boolean => models.some((model) => model.id === id && model.state.status === 'ready');
  const canRepeat =
    baseId !== null && used.length === adapters.length && [baseId, modelId, ...used.map(({ adapterId }) => adapterId)].every(isThere);
  return (
    <div className={classes.certificate}>
      <div className={classes.verdict} data-verdict={measure.verdict}>
        <Icon size={20} stroke={1.7} aria-hidden />
        <div>
          <p className={classes.verdictText}>{t(`certificate.verdicts.${measure.verdict}`)}</p>
          <p className={classes.made}>
            {t('certificate.of', {
              base: certificate.baseName,
              adapters: adapters.map(({ name, scale }) => (scale === 1 ? name : `${name} × ${format.figure(scale)}`)).join(' + '),
            })}
          </p>
        </div>
        {canRepeat && (
          <Button variant="default" onClick={() => void startJob({ kind: 'certify', baseId, adapters: used, mergedId: modelId })}>
            {t('certificate.again')}
          </Button>
        )}
      </div>
      {measure.findings.length > 0 && (
        <ul className={classes.findings}>
          {measure.findings.map((finding) => {
            const text = errorText(finding);
            return (
              <li key={finding.code}>
                <p>{text.what}</p>
                <p className={classes.quiet}>{[text.safe, text.next].join(t('common.betweenSentences'))}</p>
              </li>
            );
          })}
        </ul>
      )}
      <dl className={classes.figures}>
        {runtime !== null && (
          <>
            <Figure
              name={t('certificate.meanKl')}
              value={format.small(runtime.meanKl)}
              note={t('certificate.meanKlNote', { bound: format.small(runtime.boundMeanKl) })}
            />
            <Figure name={t('certificate.maxKl')} value={format.small(runtime.maxKl)} note={t('certificate.maxKlNote')} />
            <Figure name={t('certificate.topOne')} value={format.share(runtime.topOneAgreement)} note={t('certificate.topOneNote')} />
            <Figure name={t('certificate.effect')} value={format.small(runtime.effectKl)} note={t('certificate.effectNote')} />
          </>
        )}
        <Figure
          name={t('certificate.weights')}
          value={format.number(measure.checkedTensors)}
          note={t('certificate.weightsNote', { count: measure.changedTensors })}
        />
      </dl>
      {measure.samples.length > 0 && (
        <section>
          <h3 className={classes.subtitle}>{t('certificate.samples')}</h3>
          <ul className={classes.samples}>
            {measure.samples.map(({ prompt, runtime: said, merged }) => (
              <Sample
                key={prompt}
                prompt={prompt}
                source={said}
                variant={merged}
                sourceName={t('certificate.runtime')}
                variantName={t('certificate.merged')}
              />
            ))}
          </ul>
        </section>
      )}
      {measure.tensors.length > 0 && <Tensors tensors={measure.tensors} />}
      <p className={`${classes.made} num`}>
        {format.moment(certificate.madeMs)} · {format.duration(certificate.durationMs)} ·{' '}
        {Object.entries(certificate.versions)
          .map(([name, version]) => `${name} ${version}`)
          .join(', ')}
      </p>
    </div>
  );
}

function Figure({ name, value, note }: { readonly name: string; readonly value: string; readonly note: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd className="num">{value}</dd>
      <dd className={`${classes.figureNote} num`}>{note}</dd>
    </div>
  );
}

type Order = 'relativeError' | 'relativeChange' | 'strength';

/** What each weight holds of what it should. */
function Tensors({ tensors }: { readonly tensors: CertificateMeasure['tensors'] }) {
  const { t } = useTranslation();
  const format = useFormat();
  const [order, setOrder] = useState<Order | null>(null);
  const [all, setAll] = useState(false);
  // How far a strength is from what was asked for; weights that tell none come last.
  const rank = (tensor: (typeof tensors)[number], by: Order): number =>
    by === 'strength' ? (tensor.strength === null ? -1 : Math.abs(tensor.strength - 1)) : tensor[by];
  const ordered = order === null ? tensors : tensors.toSorted((left, right) => rank(right, order) - rank(left, order));
  const shown = all ? ordered : ordered.slice(0, FEW);
  const columns = ['relativeError', 'relativeChange', 'strength'] as const;
  return (
    <section>
      <h3 className={classes.subtitle}>{t('certificate.tensors')}</h3>
      <div className={classes.tableBox} role="region" aria-label={t('certificate.tensors')} tabIndex={0}>
        <table className={classes.table}>
          <thead>
            <tr>
              <th scope="col">{t('certificate.tensor')}</th>
              {columns.map((column) => (
                <th key={column} scope="col" aria-sort={order === column ? 'descending' : 'none'}>
                  <button type="button" title={t(`certificate.hints.${column}`)} onClick={() => setOrder(column)}>
                    {t(`certificate.${column}`)}
                  </button>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {shown.map((tensor) => (
              <tr key={tensor.name} data-verdict={tensor.verdict}>
                <td>
                  <code>{tensor.name.replace(/\.weight$/, '')}</code>
                  {tensor.verdict !== 'green' && <span className={classes.mark}>{t(`certificate.marks.${tensor.verdict}`)}</span>}
                </td>
                <td className="num">{format.small(tensor.relativeError)}</td>
                <td className="num">{format.share(tensor.relativeChange)}</td>
                <td className="num">{tensor.strength === null ? '–' : format.fixed(tensor.strength, 3)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {!all && tensors.length > FEW && (
        <Button variant="subtle" color="gray" size="xs" onClick={() => setAll(true)}>
          {t('certificate.all', { count: tensors.length })}
        </Button>
      )}
    </section>
  );
}
