import { useRef } from 'react';
import classes from './threads.module.css';

interface Props {
  readonly label: string;
  readonly value: string;
  /** Null: left as it was. Called once. */
  readonly onDone: (name: string | null) => void;
}

/** A name that is typed in its place. */
export function RenameField({ label, value, onDone }: Props) {
  const isDone = useRef(false);
  const finish = (name: string | null): void => {
    if (isDone.current) return;
    isDone.current = true;
    onDone(name === null || name.trim() === '' ? null : name.trim());
  };
  return (
    <input
      className={classes.rename}
      aria-label={label}
      placeholder={label}
      defaultValue={value}
      maxLength={100}
      ref={(element) => element?.select()}
      onBlur={(event) => finish(event.currentTarget.value)}
      onKeyDown={(event) => {
        if (event.nativeEvent.isComposing) return;
        if (event.key === 'Enter') finish(event.currentTarget.value);
        if (event.key === 'Escape') finish(null);
      }}
    />
  );
}
