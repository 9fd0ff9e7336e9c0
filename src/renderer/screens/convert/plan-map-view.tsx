import { Button, NativeSelect } from '@mantine/core';
import { useState, type CSSProperties, type KeyboardEvent } from 'react';
import { useTranslation } from 'react-i18next';
import type { QuantizeOptions, QuantizePlan } from '#contract/quantize.ts';
import { useFormat } from '../../format.ts';
import { KEPT_TYPE, OVERRIDE_TYPES } from './override-types.ts';
import { bitsPerWeight, bitStep, patternOf, shortName, withOverride, type PlanMap } from './plan-map.ts';
import { setOptions } from './store.ts';
import classes from './convert.module.css';

type Planned = QuantizePlan['tensors'][number];

interface Props {
  readonly map: PlanMap;
  readonly format: 'hf' | 'gguf';
  readonly overrides: QuantizeOptions['overrides'];
  readonly modelId: string;
}

/** What an override is being chosen for. */
interface Choice {
  readonly label: string;
  readonly pattern: string;
  readonly type: string;
}

/** Bars of a strip go up to this; a 16-bit one fills its cell. */
const heightOf = (bits: number): string => `${Math.round(22 + 78 * Math.min(1, bits / 16) ** 0.7)}%`;

const barStyle = (tensor: Planned): CSSProperties => ({ height: heightOf(bitsPerWeight(tensor)) });

/** A strip for each matrix, a cell for each layer: height and colour are the bits, so it reads without colour too. */
export function PlanMapView({ map, format: output, overrides, modelId }: Props) {
  const { t } = useTranslation();
  const format = useFormat();
  const [pointed, setPointed] = useState<Planned | null>(null);
  const [choice, setChoice] = useState<Choice | null>(null);
  /** The one cell that Tab leads to. */
  const [at, setAt] = useState<readonly [row: number, column: number]>([0, 0]);
  const types = output === 'gguf' ? OVERRIDE_TYPES : [KEPT_TYPE];
  const current = overrides.find(({ pattern }) => pattern === choice?.pattern);
  const choose = (type: string | null): void => {
    if (choice !== null) setOptions(modelId, { overrides: withOverride(overrides, choice.pattern, type) });
  };
  const chooseOne = (tensor: Planned): void => setChoice({ label: tensor.name, pattern: patternOf(tensor.name), type: tensor.to });

  const press = (event: KeyboardEvent<HTMLDivElement>): void => {
    const by = { ArrowDown: [1, 0], ArrowUp: [-1, 0], ArrowRight: [0, 1], ArrowLeft: [0, -1] }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    const row = Math.max(0, Math.min(map.rows.length - 1, at[0] + (by[0] ?? 0)));
    // Before the first layer stands the strip's own name, for all of its layers at once.
    const column = Math.max(-1, Math.min(map.layers.length - 1, at[1] + (by[1] ?? 0)));
    setAt([row, column]);
    event.currentTarget.querySelector<HTMLElement>(`[data-at="${row}:${column}"]`)?.focus();
  };

  return (
    <div className={classes.map}>
      <ul className={classes.legend} aria-label={t('convert.plan.types')}>
        {map.types.map(({ type, bits, sizeBytes, count }) => (
          <li key={type}>
            <span className={classes.swatch} data-bits={bitStep(bits)} aria-hidden />
            <strong>{type}</strong>
            <span className="num">{t('convert.plan.share', { count, size: format.bytes(sizeBytes) })}</span>
          </li>
        ))}
      </ul>
      {map.single.map((tensor) => (
        <button key={tensor.name} type="button" className={classes.single} onClick={() => chooseOne(tensor)}>
          <code title={tensor.name}>{shortName(tensor.name)}</code>
          <span className={classes.swatch} data-bits={bitStep(bitsPerWeight(tensor))} aria-hidden />
          <span>{tensor.to}</span>
          <span className="num">{format.bytes(tensor.sizeBytes)}</span>
        </button>
      ))}
      {map.rows.length > 0 && (
        <div
          role="grid"
          tabIndex={-1}
          aria-label={t('convert.plan.map')}
          className={classes.strips}
          onKeyDown={press}
          onPointerLeave={() => setPointed(null)}
        >
          {map.rows.map(({ part, pattern, cells, types: counts }, row) => (
            <div role="row" key={part} className={classes.strip}>
              <span role="rowheader" className={classes.stripName}>
                <button
                  type="button"
                  data-at={`${row}:-1`}
                  tabIndex={at[0] === row && at[1] === -1 ? 0 : -1}
                  aria-label={t('convert.plan.allLayers', { part })}
                  onFocus={() => setAt([row, -1])}
                  onClick={() => setChoice({ label: t('convert.plan.allLayers', { part }), pattern, type: counts[0]?.[0] ?? '' })}
                >
                  <code title={part}>{shortName(part)}</code>
                </button>
              </span>
              {cells.map((cell, column) =>
                cell === null ? (
                  <span key={map.layers[column]} className={classes.gap} aria-hidden />
                ) : (
                  <button
                    type="button"
                    role="gridcell"
                    key={cell.name}
                    className={classes.cell}
                    data-at={`${row}:${column}`}
                    data-bits={bitStep(bitsPerWeight(cell))}
                    data-override={cell.why === 'override' || undefined}
                    tabIndex={at[0] === row && at[1] === column ? 0 : -1}
                    aria-label={t('convert.plan.cell', { part, layer: map.layers[column] ?? 0, type: cell.to })}
                    onPointerEnter={() => setPointed(cell)}
                    onFocus={() => {
                      setAt([row, column]);
                      setPointed(cell);
                    }}
                    onClick={() => chooseOne(cell)}
                  >
                    <span style={barStyle(cell)} />
                  </button>
                ),
              )}
            </div>
          ))}
        </div>
      )}
      <p className={`${classes.readout} num`}>
        {pointed === null
          ? t('convert.plan.hint')
          : [
              pointed.name,
              pointed.shape.join(' × '),
              pointed.from === pointed.to ? pointed.to : `${pointed.from} → ${pointed.to}`,
              format.bytes(pointed.sizeBytes),
              pointed.why === 'mix' ? null : t(`convert.why.${pointed.why}`),
            ]
              .filter((part) => part !== null)
              .join(' · ')}
      </p>
      {map.vectors.count > 0 && (
        <p className={`${classes.note} num`}>
          {t('convert.plan.vectors', { count: map.vectors.count, size: format.bytes(map.vectors.sizeBytes) })}
        </p>
      )}
      {choice !== null && (
        <div className={classes.choice} role="group" aria-label={t('convert.overrides.of', { name: choice.label })}>
          <code>{choice.label}</code>
          <NativeSelect
            aria-label={t('convert.overrides.type')}
            value={current?.type ?? ''}
            data={[{ value: '', label: t('convert.overrides.asRecipe') }, ...types.map((type) => ({ value: type, label: type }))]}
            onChange={(event) => choose(event.currentTarget.value === '' ? null : event.currentTarget.value)}
          />
          <Button variant="subtle" color="gray" onClick={() => setChoice(null)}>
            {t('common.close')}
          </Button>
        </div>
      )}
    </div>
  );
}
