import type { ReactNode } from 'react';
import classes from './dialog-foot.module.css';

/** The buttons of a dialog, the main one last; what went wrong stands above them. */
export function DialogFoot({ children }: { readonly children: ReactNode }) {
  return <div className={classes.foot}>{children}</div>;
}
