import { useElementSize } from '@mantine/hooks';
import type { RefObject } from 'react';
import { useTranslation } from 'react-i18next';
import { GiB, KiB, MiB } from '#core/bytes.ts';
import { useFormat } from '../../format.ts';
import { placeLabels } from '../convert/chart.ts';
import type { Variant } from './results.ts';
import { withoutPrefix } from './short-names.ts';
import { linearScale, lossScale } from './scale.ts';
import classes from './benchmark.module.css';

/** Before it is laid out, and at least: narrower, its labels would lie over each other. */
const USUAL_WIDTH = 720;
const LEAST_WIDTH = 280;
const LEFT = 64;
const RIGHT = 40;
const TOP = 18;
const BOTTOM = 44;

/** Of a letter of the labels, in the mean. */
const LETTER_WIDTH = 6.3;

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
  const { ref: box, width: boxWidth } = useElementSize();
  // Drawn in the page's own pixels, so that its words are as large as those around it.
  const width = Math.max(LEAST_WIDTH, Math.round(boxWidth === 0 ? USUAL_WIDTH : boxWidth));
  const height = Math.round(Math.min(360, Math.max(220, width * 0.4)));
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
  const x = (speed: number): number => LEFT + speeds.place(speed) * (width - LEFT - RIGHT);
  const y = (value: number): number => height - BOTTOM - losses.place(value) * (height - TOP - BOTTOM);
  const radius = (bytes: number): number => (byLoss ? LEAST_RADIUS + MORE_RADIUS * Math.sqrt(bytes / most) : 6);
  const shortNames = withoutPrefix(points.map(({ row }) => row.name));
  const isBeside = new Set(others);
  const placed = placeLabels(
    points.map((point, place) => ({
      point,
      label: shortNames[place] ?? '',
      x: x(point.tokensPerSecond),
      y: y(byLoss ? (point.meanKl ?? 0) : point.memoryBytes),
    })),
    { left: LEFT, right: width - 4, top: 4, bottom: height - BOTTOM + 4 },
    LETTER_WIDTH,
  );
  return (
    <div ref={box}>
      <svg
        ref={ref}
        className={classes.chart}
        viewBox={`0 0 ${width} ${height}`}
        role="img"
        aria-label={t(byLoss ? 'benchmark.pareto.chart' : 'benchmark.pareto.chartMemory')}
      >
        {losses.ticks.map((tick) => (
          <g key={tick}>
            <line x1={LEFT} x2={width - RIGHT} y1={y(tick)} y2={y(tick)} className={classes.gridLine} />
            <text x={LEFT - 8} y={y(tick) + 3.5} textAnchor="end">
              {byLoss ? format.figure(tick) : tick === 0 ? '0' : format.bytes(tick)}
            </text>
          </g>
        ))}
        {speeds.ticks.map((tick) => (
          <text key={tick} x={x(tick)} y={height - BOTTOM + 16} textAnchor="middle">
            {format.figure(tick)}
          </text>
        ))}
        <text x={(LEFT + width - RIGHT) / 2} y={height - 6} textAnchor="middle" className={classes.axis}>
          {t('benchmark.pareto.speed')}
        </text>
        <text x={-(height - BOTTOM + TOP) / 2} y={12} transform="rotate(-90)" textAnchor="middle" className={classes.axis}>
          {t(byLoss ? 'benchmark.pareto.loss' : 'benchmark.pareto.memory')}
        </text>
        <text x={width - RIGHT} y={height - 6} textAnchor="end" className={classes.axis}>
          {t('benchmark.pareto.better')} ↘
        </text>
        {placed.map(({ point, y: at }) => {
          const series = point.row.speed?.result?.newPerSecond;
          if (series == null || series.high <= series.low) return null;
          return <line key={point.id} x1={x(series.low)} x2={x(series.high)} y1={at} y2={at} className={classes.whisker} />;
        })}
        {placed.map(({ point, label, x: cx, y: cy, labelX, labelY, anchor }) => {
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
            <g key={point.id} data-look={look} data-point={point.row.name}>
              <circle cx={cx} cy={cy} r={r} className={classes.point} />
              <text x={labelX + side} y={labelY + up} textAnchor={anchor} className={classes.pointLabel}>
                {label}
              </text>
            </g>
          );
        })}
      </svg>
    </div>
  );
}
