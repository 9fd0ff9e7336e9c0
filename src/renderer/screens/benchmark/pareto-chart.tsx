import type { RefObject } from 'react';
import { useTranslation } from 'react-i18next';
import { GiB, KiB, MiB } from '#core/bytes.ts';
import { useFormat } from '../../format.ts';
import { placeLabels } from '../convert/chart.ts';
import type { Variant } from './results.ts';
import { linearScale, lossScale } from './scale.ts';
import classes from './benchmark.module.css';

const WIDTH = 720;
const HEIGHT = 320;
const LEFT = 64;
const RIGHT = 40;
const TOP = 18;
const BOTTOM = 44;

/** Radius of a dot: of the smallest possible, and what the largest has more. */
const LEAST_RADIUS = 4.5;
const MORE_RADIUS = 9;

interface Props {
  readonly ref: RefObject<SVGSVGElement | null>;
  readonly variants: readonly Variant[];
  readonly others: readonly Variant[];
  readonly dominated: ReadonlySet<string>;
  readonly recommendedId: string | null;
}

/** Speed to the right, loss upwards, memory as the size of a dot: what lies further down and to the right is better. The table has the same figures. */
export function ParetoChart({ ref, variants, others, dominated, recommendedId }: Props) {
  const { t } = useTranslation();
  const format = useFormat();
  const all = [...variants, ...others];
  // Where no loss was measured, memory takes its place.
  const byLoss = all.some(({ meanKl }) => meanKl !== null);
  const points = byLoss ? all.filter(({ meanKl }) => meanKl !== null) : all;
  const most = Math.max(...points.map(({ memoryBytes }) => memoryBytes), 1);
  const unit = [GiB, MiB, KiB].find((size) => most >= size) ?? 1;
  const speeds = linearScale(
    points.map(({ tokensPerSecond, row }) => Math.max(tokensPerSecond, row.speed?.result?.newPerSecond?.high ?? 0)),
    5,
  );
  const losses = byLoss
    ? lossScale(points.map(({ meanKl }) => meanKl ?? 0))
    : linearScale(
        points.map(({ memoryBytes }) => memoryBytes),
        4,
        unit,
      );
  const x = (speed: number): number => LEFT + speeds.place(speed) * (WIDTH - LEFT - RIGHT);
  const y = (value: number): number => HEIGHT - BOTTOM - losses.place(value) * (HEIGHT - TOP - BOTTOM);
  const radius = (bytes: number): number => (byLoss ? LEAST_RADIUS + MORE_RADIUS * Math.sqrt(bytes / most) : 6);
  const isBeside = new Set(others);
  const placed = placeLabels(
    points.map((point) => ({
      point,
      label: point.row.name,
      x: x(point.tokensPerSecond),
      y: y(byLoss ? (point.meanKl ?? 0) : point.memoryBytes),
    })),
    { left: LEFT, right: WIDTH, top: 4, bottom: HEIGHT - BOTTOM + 4 },
  );
  return (
    <svg
      ref={ref}
      className={classes.chart}
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      role="img"
      aria-label={t(byLoss ? 'benchmark.pareto.chart' : 'benchmark.pareto.chartMemory')}
    >
      {losses.ticks.map((tick) => (
        <g key={tick}>
          <line x1={LEFT} x2={WIDTH - RIGHT} y1={y(tick)} y2={y(tick)} className={classes.gridLine} />
          <text x={LEFT - 8} y={y(tick) + 3.5} textAnchor="end">
            {byLoss ? format.figure(tick) : tick === 0 ? '0' : format.bytes(tick)}
          </text>
        </g>
      ))}
      {speeds.ticks.map((tick) => (
        <text key={tick} x={x(tick)} y={HEIGHT - BOTTOM + 16} textAnchor="middle">
          {format.figure(tick)}
        </text>
      ))}
      <text x={(LEFT + WIDTH - RIGHT) / 2} y={HEIGHT - 6} textAnchor="middle" className={classes.axis}>
        {t('benchmark.pareto.speed')}
      </text>
      <text x={-(HEIGHT - BOTTOM + TOP) / 2} y={12} transform="rotate(-90)" textAnchor="middle" className={classes.axis}>
        {t(byLoss ? 'benchmark.pareto.loss' : 'benchmark.pareto.memory')}
      </text>
      <text x={WIDTH - RIGHT} y={HEIGHT - 6} textAnchor="end" className={classes.axis}>
        {t('benchmark.pareto.better')} ↘
      </text>
      {placed.map(({ point, label, x: cx, y: cy, labelX, labelY, anchor }) => {
        const series = point.row.speed?.result?.newPerSecond;
        const r = radius(point.memoryBytes);
        const look = isBeside.has(point)
          ? 'beside'
          : point.id === recommendedId
            ? 'recommended'
            : dominated.has(point.id)
              ? 'dominated'
              : 'front';
        const side = anchor === 'start' ? r - 5 : anchor === 'end' ? 5 - r : 0;
        const up = anchor === 'middle' ? (labelY < cy ? 5 - r : r - 5) : 0;
        return (
          <g key={point.id} data-look={look} data-point={label}>
            {series != null && series.high > series.low && (
              <line x1={x(series.low)} x2={x(series.high)} y1={cy} y2={cy} className={classes.whisker} />
            )}
            <circle cx={cx} cy={cy} r={r} className={classes.point} />
            <text x={labelX + side} y={labelY + up} textAnchor={anchor} className={classes.pointLabel}>
              {label}
            </text>
          </g>
        );
      })}
    </svg>
  );
}
