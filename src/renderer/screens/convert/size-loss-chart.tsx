import { useTranslation } from 'react-i18next';
import { GiB, KiB, MiB } from '#core/bytes.ts';
import { useFormat } from '../../format.ts';
import { placeLabels, ticksOf } from './chart.ts';
import classes from './convert.module.css';

interface Point {
  readonly id: string;
  readonly label: string;
  readonly sizeBytes: number;
  readonly perplexityRise: number;
}

const WIDTH = 340;
const HEIGHT = 190;
const LEFT = 44;
const RIGHT = 28;
const TOP = 14;
const BOTTOM = 34;

/** Size against loss: what lies further down and to the left is better. The table beside it has the same figures. */
export function SizeLossChart({ points, bestId }: { readonly points: readonly Point[]; readonly bestId: string | undefined }) {
  const { t } = useTranslation();
  const format = useFormat();
  const most = Math.max(...points.map(({ sizeBytes }) => sizeBytes));
  // Round in the unit that the largest is written in.
  const unit = [GiB, MiB, KiB].find((size) => most >= size) ?? 1;
  const xTicks = ticksOf(0, most / unit, 3).map((tick) => tick * unit);
  const yTicks = ticksOf(
    Math.min(0, ...points.map(({ perplexityRise }) => perplexityRise)),
    Math.max(0.001, ...points.map(({ perplexityRise }) => perplexityRise)),
    4,
  );
  const [x0, x1] = [xTicks[0] ?? 0, xTicks.at(-1) ?? 1];
  const [y0, y1] = [yTicks[0] ?? 0, yTicks.at(-1) ?? 1];
  const x = (sizeBytes: number): number => LEFT + ((sizeBytes - x0) / (x1 - x0)) * (WIDTH - LEFT - RIGHT);
  const y = (rise: number): number => HEIGHT - BOTTOM - ((rise - y0) / (y1 - y0)) * (HEIGHT - TOP - BOTTOM);
  const placed = placeLabels(
    points.map((point) => ({ ...point, x: x(point.sizeBytes), y: y(point.perplexityRise) })),
    { left: LEFT, right: WIDTH, top: 4, bottom: HEIGHT - BOTTOM },
  );
  return (
    <svg className={classes.chart} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={t('convert.family.chart')}>
      {yTicks.map((tick) => (
        <g key={tick}>
          <line x1={LEFT} x2={WIDTH - RIGHT} y1={y(tick)} y2={y(tick)} className={classes.chartLine} />
          <text x={LEFT - 6} y={y(tick) + 3.5} textAnchor="end">
            {format.change(tick)}
          </text>
        </g>
      ))}
      {xTicks.map((tick) => (
        <text key={tick} x={x(tick)} y={HEIGHT - BOTTOM + 14} textAnchor="middle">
          {tick === 0 ? '0' : format.bytes(tick)}
        </text>
      ))}
      <text x={(LEFT + WIDTH - RIGHT) / 2} y={HEIGHT - 4} textAnchor="middle" className={classes.chartAxis}>
        {t('convert.family.axisSize')}
      </text>
      <text x={-(HEIGHT - BOTTOM + TOP) / 2} y={9} transform="rotate(-90)" textAnchor="middle" className={classes.chartAxis}>
        {t('convert.family.axisLoss')}
      </text>
      {placed.map(({ id, label, x: cx, y: cy, labelX, labelY, anchor }) => (
        <g key={id} data-best={id === bestId || undefined}>
          <circle cx={cx} cy={cy} r={4.5} className={classes.chartPoint} />
          <text x={labelX} y={labelY} textAnchor={anchor} className={classes.chartLabel}>
            {label}
          </text>
        </g>
      ))}
    </svg>
  );
}
