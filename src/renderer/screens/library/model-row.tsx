import { IconAlertTriangle, IconStarFilled } from '@tabler/icons-react';
import { memo, type CSSProperties } from 'react';
import { useTranslation } from 'react-i18next';
import type { Model } from '#contract/library.ts';
import { FamilyMark } from '../../components/family-mark.tsx';
import { UNKNOWN, useFormat } from '../../format.ts';
import { useErrorText } from '../../i18n/use-error-text.ts';
import { familyOf } from '../../models.ts';
import classes from './library.module.css';

interface Props {
  readonly model: Model;
  readonly style: CSSProperties;
  readonly selected: boolean;
  /** Whether the inference engine holds it. */
  readonly engine: 'loaded' | 'loading' | null;
  readonly position: number;
  readonly total: number;
  readonly nowMs: number;
}

/** One model in one line, and below it what it is or what is wrong with it. */
export const ModelRow = memo(function ModelRow({ model, style, selected, engine, position, total, nowMs }: Props) {
  const { t } = useTranslation();
  const format = useFormat();
  const errorText = useErrorText();
  const { facts, state } = model;
  const family = familyOf(model);
  const problem = state.status === 'ready' ? null : errorText(state.error).what;
  const about = [family, t(`library.kinds.${model.kind}`), ...model.tags.map((tag) => `#${tag}`)].filter((part) => part !== undefined);

  return (
    // Its keys and clicks are the list's: the option itself never has the focus.
    <div
      id={`model-${model.id}`}
      className={classes.row}
      style={style}
      role="option"
      tabIndex={-1}
      aria-selected={selected}
      aria-setsize={total}
      aria-posinset={position}
      data-model={model.id}
      data-broken={problem !== null || undefined}
    >
      <div className={classes.cell} data-column="name">
        <FamilyMark family={family} />
        <div className={classes.names}>
          <div className={classes.nameLine}>
            <span className={classes.name}>{model.name}</span>
            {model.favourite && <IconStarFilled className={classes.star} size={12} aria-label={t('library.favourite')} />}
            {engine !== null && (
              <span className={classes.badge} data-engine={engine}>
                {t(`library.engine.${engine}`)}
              </span>
            )}
          </div>
          {problem === null ? (
            <div className={classes.about}>{about.join(' · ')}</div>
          ) : (
            <div className={classes.problem} title={problem}>
              <IconAlertTriangle size={12} aria-hidden />
              <span>{problem}</span>
            </div>
          )}
        </div>
      </div>
      <div className={`${classes.cell} num`} data-column="parameters">
        {format.parameters(facts.parameterCount)}
      </div>
      <div className={classes.cell} data-column="quantization">
        {facts.quantization === undefined ? UNKNOWN : <span className={classes.quant}>{facts.quantization}</span>}
      </div>
      <div className={`${classes.cell} num`} data-column="context">
        {format.number(facts.contextLength)}
      </div>
      <div className={`${classes.cell} num`} data-column="size">
        {format.bytes(model.sizeBytes)}
      </div>
      <div className={`${classes.cell} num`} data-column="used">
        {model.lastUsedMs === null ? UNKNOWN : format.ago(model.lastUsedMs, nowMs)}
      </div>
    </div>
  );
});
