import { Link } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import { recommendVariant } from '#core/quantize/recommend.ts';
import { UNKNOWN, useFormat } from '../../format.ts';
import { useLive } from '../../live.ts';
import { canChat } from '../../models.ts';
import { targetName } from '../../targets.ts';
import { FitMark } from '../../components/fit-mark.tsx';
import { mostBytes, needBytes } from '../../fit.ts';
import { SizeLossChart } from './size-loss-chart.tsx';
import type { Convert } from './use-convert.ts';
import { riseOf } from './use-family.ts';
import classes from './convert.module.css';

/** "Which one should I take": what was made of the source, measured on one text, in one table. */
export function FamilyTable({ convert, modelId }: { readonly convert: Convert; readonly modelId: string }) {
  const { t } = useTranslation();
  const format = useFormat();
  const totalBytes = useLive((state) => state.memory?.totalBytes ?? null);
  const { relatives, omitted } = convert.family;
  const first = relatives[0];
  if (first === undefined || convert.source?.id !== modelId) return null;
  const variants = relatives.map(({ model, card, target }) => ({
    id: model.id,
    model,
    card,
    label: target === undefined ? model.name : targetName(target),
    sizeBytes: model.sizeBytes,
    needBytes: needBytes(model.facts, model.sizeBytes),
    perplexityRise: riseOf(card),
    meanKl: card.measure.meanKl,
  }));
  const best = recommendVariant(variants, totalBytes === null ? null : mostBytes(totalBytes));
  const { measure } = first.card;
  return (
    <section className={classes.section} aria-labelledby="convert-family">
      <h2 className={classes.sectionTitle} id="convert-family">
        {t('convert.family.title')}
      </h2>
      {best !== null && (
        <p className={classes.advice}>
          {t(`convert.family.reasons.${best.reason}`, {
            name: best.variant.model.name,
            size: format.bytes(best.variant.sizeBytes),
            share: format.percent(best.variant.sizeBytes / (convert.source?.sizeBytes ?? 1)),
            change: format.change(best.variant.perplexityRise),
          })}
        </p>
      )}
      <div className={classes.familyBox}>
        <div className={classes.familyScroll} tabIndex={0} role="group" aria-label={t('convert.family.title')}>
          <table className={classes.family}>
            <thead>
              <tr>
                {(['name', 'size', 'perplexity', 'kl', 'topOne', 'fit'] as const).map((column) => (
                  <th key={column} scope="col" data-column={column}>
                    {t(`convert.family.${column}`)}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              <tr className={classes.reference}>
                <th scope="row" data-column="name">
                  {convert.source.name}
                  <span className={classes.kl}>{t('convert.family.source')}</span>
                </th>
                <td className="num">{format.bytes(convert.source.sizeBytes)}</td>
                <td className="num">{format.fixed(measure.sourcePerplexity, 2)}</td>
                <td>{UNKNOWN}</td>
                <td>{UNKNOWN}</td>
                <td data-column="fit">
                  <FitMark bytes={needBytes(convert.source.facts, convert.source.sizeBytes)} />
                </td>
              </tr>
              {variants.map(({ model, card, needBytes: need, perplexityRise }) => (
                <tr key={model.id} data-best={best?.variant.id === model.id || undefined}>
                  <th scope="row" data-column="name">
                    <span className={classes.familyName}>
                      <Link to="/library" search={{ model: model.id }} className={classes.link}>
                        {model.name}
                      </Link>
                      {best?.variant.id === model.id && <span className={classes.recommended}>{t('convert.recommended')}</span>}
                    </span>
                    {canChat(model) && (
                      <Link to="/chat/{-$threadId}" params={{}} search={{ model: model.id }} className={classes.quietLink}>
                        {t('jobs.next.chat')}
                      </Link>
                    )}
                  </th>
                  <td className="num">{format.bytes(model.sizeBytes)}</td>
                  <td className="num">
                    {format.fixed(card.measure.perplexity, 2)}
                    <span className={classes.kl}>{format.change(perplexityRise)}</span>
                  </td>
                  <td className="num">{format.small(card.measure.meanKl)}</td>
                  <td className="num">{format.share(card.measure.topOneAgreement)}</td>
                  <td data-column="fit">
                    <FitMark bytes={need} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
        {variants.length > 1 && <SizeLossChart points={variants} bestId={best?.variant.id} />}
      </div>
      <p className={`${classes.note} num`}>
        {t('convert.family.text', {
          text: measure.textName,
          tokens: format.number(measure.tokens),
          window: format.number(measure.contextLength),
        })}
        {omitted > 0 && t('common.betweenSentences') + t('convert.family.omitted', { count: omitted })}
      </p>
    </section>
  );
}
