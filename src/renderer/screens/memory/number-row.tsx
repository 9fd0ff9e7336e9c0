import { NumberInput, Slider } from '@mantine/core';
import { read } from '#core/memory/answer.ts';
import type { Typed } from '#core/memory/draft.ts';
import classes from './memory.module.css';

interface Props {
  readonly label: string;
  readonly value: Typed;
  /** Of the slider; the field takes any number. */
  readonly min: number;
  readonly max: number;
  readonly step?: number;
  /** Doublings instead of steps. */
  readonly doubling?: boolean;
  readonly error?: string | null;
  readonly onChange: (value: Typed) => void;
}

/** One number: a slider over its usual part, and a field for any value. */
export function NumberRow({ label, value, min, max, step = 1, doubling = false, error = null, onChange }: Props) {
  const number = read(value);
  const within = Math.min(max, Math.max(min, Number.isFinite(number) ? number : min));
  const scale = (of: number): number => (doubling ? Math.log2(of) : of);
  return (
    <div className={classes.numberRow}>
      <NumberInput label={label} value={value} hideControls error={error} onChange={onChange} />
      <Slider
        size={4}
        label={null}
        thumbLabel={label}
        min={scale(min)}
        max={scale(max)}
        step={doubling ? 0.25 : step}
        value={scale(within)}
        onChange={(next) => onChange(doubling ? Math.round(2 ** next / step) * step : next)}
      />
    </div>
  );
}
