import type { ReactNode } from 'react';
import classes from './empty-state.module.css';

interface Props {
  readonly icon?: ReactNode;
  readonly title: string;
  readonly text: string;
  /** The way out of the emptiness, the first one being the main one. */
  readonly children?: ReactNode;
}

/** The one way in which emptiness is shown: what this place is for, and how to begin. */
export function EmptyState({ icon, title, text, children }: Props) {
  return (
    <div className={classes.empty}>
      {icon !== undefined && (
        <div className={classes.icon} aria-hidden>
          {icon}
        </div>
      )}
      <h2 className={classes.title}>{title}</h2>
      <p className={classes.text}>{text}</p>
      {children !== undefined && <div className={classes.actions}>{children}</div>}
    </div>
  );
}
