import classes from './progress.module.css';

/** A thin bar; without a fraction it says that work goes on, not how far. */
export function Progress({ label, fraction }: { readonly label: string; readonly fraction: number | null }) {
  const percent = fraction === null ? undefined : Math.round(fraction * 100);
  return (
    <div className={classes.track} role="progressbar" aria-label={label} aria-valuemin={0} aria-valuemax={100} aria-valuenow={percent}>
      <div
        className={classes.bar}
        data-unknown={fraction === null || undefined}
        style={percent === undefined ? undefined : { width: `${percent}%` }}
      />
    </div>
  );
}

/** A ring of the same meaning, for a place as small as an icon. */
export function Ring({ fraction, size = 16 }: { readonly fraction: number | null; readonly size?: number }) {
  const radius = size / 2 - 1.5;
  const length = 2 * Math.PI * radius;
  const centre = { cx: size / 2, cy: size / 2, r: radius, fill: 'none', strokeWidth: 2 };
  return (
    <svg width={size} height={size} className={classes.ring} data-unknown={fraction === null || undefined} aria-hidden>
      <circle {...centre} stroke="var(--line-strong)" />
      <circle
        {...centre}
        stroke="var(--accent-text)"
        strokeLinecap="round"
        strokeDasharray={length}
        strokeDashoffset={length * (1 - (fraction ?? 0.25))}
      />
    </svg>
  );
}
