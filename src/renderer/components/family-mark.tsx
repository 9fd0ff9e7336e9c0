import type { CSSProperties } from 'react';
import classes from './family-mark.module.css';

/** A stable hue for a name: FNV-1a, spread over the circle. */
function hueOf(name: string): number {
  let hash = 0x811c9dc5;
  for (const character of name) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
  return (hash >>> 0) % 360;
}

/** "Qwen 2" → "Q2", "Llama" → "Ll": enough to tell neighbours in a list apart. */
function initialsOf(name: string): string {
  const [word = '', version = ''] = name.split(/[\s-]+/);
  const digits = /\d/.exec(version)?.[0];
  return digits === undefined ? word.slice(0, 2) : `${word.slice(0, 1)}${digits}`;
}

/** The family at a glance. Decoration: its name always stands beside it. */
export function FamilyMark({ family, size = 28 }: { readonly family: string | undefined; readonly size?: number }) {
  const hue = family === undefined ? 0 : hueOf(family);
  return (
    <span
      className={classes.mark}
      data-unknown={family === undefined || undefined}
      style={{ '--hue': hue, width: size, height: size, fontSize: size * 0.41 } as CSSProperties}
      aria-hidden
    >
      {family === undefined ? '?' : initialsOf(family)}
    </span>
  );
}
