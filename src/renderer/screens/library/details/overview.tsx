import { Tooltip } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { Model } from '#contract/library.ts';
import type { Output } from '../../../api.ts';
import { FitVerdict } from '../../../components/fit-mark.tsx';
import { needBytes } from '../../../fit.ts';
import { useFormat } from '../../../format.ts';
import { familyOf } from '../../../models.ts';
import { Annotations } from './annotations.tsx';
import { Benchmarks } from './benchmarks.tsx';
import { Files } from './files.tsx';
import { Relations } from './relations.tsx';
import { factRows } from './facts.ts';
import { TypeShares } from './type-shares.tsx';
import classes from './details.module.css';

interface Props {
  readonly model: Model;
  readonly details: Output<'library.get'> | undefined;
}

/** What the model is, in words; then in figures; then where it lies and where it comes from. */
export function Overview({ model, details }: Props) {
  const { t } = useTranslation();
  const format = useFormat();
  const { facts } = model;
  const family = familyOf(model);
  const sentence = [
    facts.parameterCount !== undefined && family !== undefined
      ? t('library.sentence.what', { family, parameters: format.parameters(facts.parameterCount) })
      : null,
    facts.quantization === undefined
      ? null
      : t('library.sentence.stored', { quantization: facts.quantization, size: format.bytes(model.sizeBytes) }),
    facts.contextLength === undefined ? null : t('library.sentence.context', { tokens: format.number(facts.contextLength) }),
    model.kind === 'gguf' && facts.hasChatTemplate !== undefined
      ? t(facts.hasChatTemplate ? 'library.sentence.chat' : 'library.sentence.text')
      : null,
    model.kind === 'hf' ? t('library.sentence.hf') : null,
  ].filter((part) => part !== null);

  return (
    <div className={classes.overview}>
      <div>
        {sentence.length > 0 && <p className={classes.sentence}>{sentence.join(t('common.betweenSentences'))}</p>}
        {model.kind === 'gguf' && model.state.status === 'ready' && <FitVerdict bytes={needBytes(facts, model.sizeBytes)} />}
      </div>
      <Annotations model={model} />
      <section aria-labelledby="facts">
        <h3 className={classes.sectionTitle} id="facts">
          {t('library.details.facts')}
        </h3>
        <dl className={classes.facts}>
          {factRows(model, format).map(({ key, value }) => (
            <div key={key} className={classes.fact}>
              <dt>
                <Tooltip label={t(`library.hints.${key}`)} multiline maw={260} position="top-start">
                  {/* A hint for the curious; it is also read out with the term. */}
                  <span className={classes.term}>{t(`library.facts.${key}`)}</span>
                </Tooltip>
              </dt>
              <dd className="num">{value}</dd>
            </div>
          ))}
        </dl>
        <TypeShares bytesByType={facts.bytesByType} />
      </section>
      <Benchmarks model={model} />
      <Files model={model} files={details?.files} />
      <Relations model={model} lineage={details?.lineage} />
    </div>
  );
}
