import { useId } from 'react';
import { useFormat } from '../../format.ts';
import { ticksOf } from '../convert/chart.ts';
import { thinned, type Point } from './chart.ts';
import classes from './training.module.css';

export interface Series {
  readonly name: string;
  readonly points: readonly Point[];
  /** How it is drawn: a thin trace, the line, or points on their own. */
  readonly look: 'trace' | 'line' | 'dots';
  /** A place in the order of colours. */
  readonly colour: number;
}

const WIDTH = 720;
const HEIGHT = 240;
const AREA = { left: 44, right: WIDTH - 12, top: 10, bottom: HEIGHT - 22 };
/** The highest losses are those of the first steps; they do not decide the scale. */
const SHOWN_SHARE = 0.98;

/** Losses over steps. What it shows is also in the figures beside it, so it is a picture to a screen reader. */
export function LossChart({ series, label }: { readonly series: readonly Series[]; readonly label: string }) {
  const format = useFormat();
  const clip = useId();
  const all = series.flatMap(({ points }) => points);
  if (all.length === 0) return <div className={classes.noCurve} aria-hidden />;
  const values = all.map(({ y }) => y).sort((left, right) => left - right);
  const ticksY = ticksOf(values[0] ?? 0, values[Math.floor((values.length - 1) * SHOWN_SHARE)] ?? 1, 4);
  const ticksX = ticksOf(0, Math.max(1, ...all.map(({ x }) => x)), 6).filter((tick) => Number.isInteger(tick));
  const [least, most, last] = [ticksY[0] ?? 0, ticksY.at(-1) ?? 1, ticksX.at(-1) ?? 1];
  const x = (step: number): number => AREA.left + (step / last) * (AREA.right - AREA.left);
  const y = (loss: number): number => AREA.bottom - ((loss - least) / (most - least)) * (AREA.bottom - AREA.top);
  const line = (points: readonly Point[]): string =>
    thinned(points, WIDTH / 2)
      .map((point) => `${x(point.x).toFixed(1)},${y(point.y).toFixed(1)}`)
      .join(' ');
  return (
    <svg className={classes.chart} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={label}>
      <clipPath id={clip}>
        <rect x={AREA.left} y={AREA.top - 4} width={AREA.right - AREA.left + 6} height={AREA.bottom - AREA.top + 8} />
      </clipPath>
      {ticksY.map((tick) => (
        <g key={tick}>
          <line className={classes.gridLine} x1={AREA.left} x2={AREA.right} y1={y(tick)} y2={y(tick)} />
          <text x={AREA.left - 8} y={y(tick) + 3.5} textAnchor="end">
            {format.figure(tick)}
          </text>
        </g>
      ))}
      {ticksX.map((tick) => (
        <text key={tick} x={x(tick)} y={HEIGHT - 5} textAnchor="middle">
          {format.number(tick)}
        </text>
      ))}
      <g clipPath={`url(#${clip})`}>
        {series.map(({ name, points, look, colour }) =>
          look === 'dots' ? (
            points.map((point) => (
              <circle key={`${name} ${point.x}`} className={classes.dot} data-colour={colour} cx={x(point.x)} cy={y(point.y)} r={3.5} />
            ))
          ) : (
            <polyline key={name} className={classes.line} data-look={look} data-colour={colour} points={line(points)} />
          ),
        )}
      </g>
    </svg>
  );
}

export function Legend({ series }: { readonly series: readonly Pick<Series, 'name' | 'look' | 'colour'>[] }) {
  return (
    <ul className={classes.legend}>
      {series
        .filter(({ look }) => look !== 'trace')
        .map(({ name, look, colour }) => (
          <li key={name}>
            <span className={classes.swatch} data-look={look} data-colour={colour} aria-hidden />
            {name}
          </li>
        ))}
    </ul>
  );
}
