import { isDesktop } from '../ports.ts';

/**
 * A key with its modifiers: `mod+k` (Ctrl, or Cmd on a Mac), `alt+1`, `shift+f`, `/`, `f2`, `delete`. Where the browser
 * keeps a combination for itself, a second one stands for it there.
 */
export type Keys = string | { readonly desktop: string; readonly browser: string };

export interface Place {
  readonly isMac: boolean;
  readonly isDesktop: boolean;
}

export const here: Place = {
  isMac: typeof navigator !== 'undefined' && /mac|iphone|ipad/i.test(navigator.platform),
  isDesktop: typeof location !== 'undefined' && isDesktop(),
};

const keysAt = (keys: Keys, place: Place): string => (typeof keys === 'string' ? keys : place.isDesktop ? keys.desktop : keys.browser);

interface Chord {
  readonly mod: boolean;
  readonly alt: boolean;
  readonly shift: boolean;
  readonly key: string;
}

function chordOf(keys: string): Chord {
  const parts = keys.split('+');
  // `+` itself as the key leaves two empty parts.
  const key = parts.at(-1) === '' ? '+' : (parts.at(-1) ?? '');
  return { mod: parts.includes('mod'), alt: parts.includes('alt'), shift: parts.includes('shift'), key };
}

export type KeyPress = Pick<KeyboardEvent, 'key' | 'code' | 'ctrlKey' | 'metaKey' | 'altKey' | 'shiftKey'>;

/** The key without what Alt makes of it: Alt+N types "˜" on a Mac, and the number row differs from layout to layout. */
function plainKey({ key, code, altKey }: KeyPress): string {
  if (altKey && /^(Key|Digit)/.test(code)) return code.replace(/^(Key|Digit)/, '').toLowerCase();
  return key.toLowerCase();
}

/** Whether a key press is this combination. */
export function isPressed(press: KeyPress, keys: Keys, place: Place = here): boolean {
  const chord = chordOf(keysAt(keys, place));
  const mod = place.isMac ? press.metaKey : press.ctrlKey;
  const otherMod = place.isMac ? press.ctrlKey : press.metaKey;
  // A sign such as "?" already has its Shift in it.
  const shiftMatches = chord.shift === press.shiftKey || (!/^[a-z0-9]$/.test(chord.key) && chord.key.length === 1);
  return mod === chord.mod && !otherMod && press.altKey === chord.alt && shiftMatches && plainKey(press) === chord.key;
}

/** Whether a combination types something, so that it must not be taken while the user writes. */
export const isTypingKey = (keys: Keys, place: Place = here): boolean => {
  const { mod, alt, key } = chordOf(keysAt(keys, place));
  return !mod && !alt && !/^f\d+$/.test(key);
};

const MAC_NAMES: Readonly<Record<string, string>> = { mod: '⌘', alt: '⌥', shift: '⇧', enter: '↩', delete: '⌫', escape: 'esc' };
const NAMES: Readonly<Record<string, string>> = { mod: 'Ctrl', alt: 'Alt', shift: 'Shift', enter: 'Enter', delete: 'Del', escape: 'Esc' };
const ARROWS: Readonly<Record<string, string>> = { arrowup: '↑', arrowdown: '↓', arrowleft: '←', arrowright: '→' };

/** The caps of a combination, as they are printed on the keys. */
export function keyCaps(keys: Keys, place: Place = here): string[] {
  const { mod, alt, shift, key } = chordOf(keysAt(keys, place));
  const names = place.isMac ? MAC_NAMES : NAMES;
  const modifiers = [mod && 'mod', alt && 'alt', shift && 'shift'].filter((name) => name !== false);
  return [...modifiers.map((name) => names[name] ?? name), names[key] ?? ARROWS[key] ?? key.toUpperCase()];
}
