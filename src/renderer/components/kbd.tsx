import { keyCaps, type Keys } from '../commands/keys.ts';
import classes from './kbd.module.css';

/** A combination of keys as it is printed on them. Decoration: what it does is always said in words beside it. */
export function Kbd({ keys }: { readonly keys: Keys }) {
  return (
    <span className={classes.keys} aria-hidden>
      {keyCaps(keys).map((cap) => (
        <kbd key={cap} className={classes.cap}>
          {cap}
        </kbd>
      ))}
    </span>
  );
}
