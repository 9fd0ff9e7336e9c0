import type { KeyboardEvent, PointerEvent } from 'react';
import classes from './split-handle.module.css';

interface Props {
  readonly label: string;
  /** Width of the pane, in CSS pixels. */
  readonly value: number;
  readonly min: number;
  readonly max: number;
  /** On which side of the handle the pane lies. */
  readonly side: 'start' | 'end';
  readonly onChange: (value: number) => void;
}

const STEP = 16;

/** The line between two panes, to be dragged, or moved with the arrow keys. */
export function SplitHandle({ label, value, min, max, side, onChange }: Props) {
  const set = (next: number): void => onChange(Math.round(Math.min(max, Math.max(min, next))));
  const direction = side === 'end' ? -1 : 1;

  const drag = (event: PointerEvent<HTMLDivElement>): void => {
    if (event.button !== 0) return;
    event.preventDefault();
    const handle = event.currentTarget;
    const startX = event.clientX;
    const move = (moved: globalThis.PointerEvent): void => set(value + direction * (moved.clientX - startX));
    const end = (): void => {
      handle.removeEventListener('pointermove', move);
      handle.removeEventListener('pointerup', end);
      handle.removeEventListener('pointercancel', end);
    };
    handle.setPointerCapture(event.pointerId);
    handle.addEventListener('pointermove', move);
    handle.addEventListener('pointerup', end);
    handle.addEventListener('pointercancel', end);
  };

  const press = (event: KeyboardEvent): void => {
    const step = { ArrowLeft: -STEP, ArrowRight: STEP }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    set(value + direction * step);
  };

  return (
    <div
      className={classes.handle}
      role="separator"
      aria-orientation="vertical"
      aria-label={label}
      aria-valuenow={value}
      aria-valuemin={min}
      aria-valuemax={max}
      // A separator that moves is a control: it takes the focus.
      tabIndex={0}
      onPointerDown={drag}
      onKeyDown={press}
    />
  );
}
