import { describe, expect, test } from 'vitest';
import { isPressed, isTypingKey, keyCaps, type KeyPress, type Place } from '#renderer/commands/keys.ts';

const linux: Place = { isMac: false, isDesktop: true };
const browser: Place = { isMac: false, isDesktop: false };
const mac: Place = { isMac: true, isDesktop: true };
const press = (key: string, changes: Partial<KeyPress> = {}): KeyPress => ({
  key,
  code: '',
  ctrlKey: false,
  metaKey: false,
  altKey: false,
  shiftKey: false,
  ...changes,
});

describe('a combination is pressed', () => {
  test('with Ctrl here, with Cmd on a Mac, and never with the other one', () => {
    expect(isPressed(press('k', { ctrlKey: true }), 'mod+k', linux)).toBe(true);
    expect(isPressed(press('k', { metaKey: true }), 'mod+k', mac)).toBe(true);
    expect(isPressed(press('k', { ctrlKey: true }), 'mod+k', mac)).toBe(false);
    expect(isPressed(press('k', { ctrlKey: true, metaKey: true }), 'mod+k', linux)).toBe(false);
  });

  test('only with the modifiers that it names', () => {
    expect(isPressed(press('k', { ctrlKey: true, altKey: true }), 'mod+k', linux)).toBe(false);
    expect(isPressed(press('K', { ctrlKey: true, shiftKey: true }), 'mod+k', linux)).toBe(false);
    expect(isPressed(press('c'), 'c', linux)).toBe(true);
    expect(isPressed(press('C', { shiftKey: true }), 'c', linux)).toBe(false);
  });

  test('a sign may need Shift on one keyboard and none on another', () => {
    expect(isPressed(press('?', { shiftKey: true }), '?', linux)).toBe(true);
    expect(isPressed(press('?'), '?', linux)).toBe(true);
    expect(isPressed(press('/', { shiftKey: true }), '/', linux)).toBe(true);
  });

  test('with Alt, whatever sign that types', () => {
    expect(isPressed(press('˜', { code: 'KeyN', altKey: true }), 'alt+n', browser)).toBe(true);
    expect(isPressed(press('¡', { code: 'Digit1', altKey: true }), 'alt+1', browser)).toBe(true);
  });

  test('where the browser keeps the keys, the other combination holds', () => {
    const keys = { desktop: 'mod+1', browser: 'alt+1' };
    expect(isPressed(press('1', { ctrlKey: true }), keys, linux)).toBe(true);
    expect(isPressed(press('1', { ctrlKey: true }), keys, browser)).toBe(false);
    expect(isPressed(press('1', { code: 'Digit1', altKey: true }), keys, browser)).toBe(true);
  });
});

test('what types something is not taken while the user writes', () => {
  expect(['c', '/', '?', 'delete'].map((keys) => isTypingKey(keys, linux))).toEqual([true, true, true, true]);
  expect(['mod+k', 'alt+n', 'f2'].map((keys) => isTypingKey(keys, linux))).toEqual([false, false, false]);
});

test('the caps are those of the keyboard', () => {
  expect(keyCaps('mod+shift+k', linux)).toEqual(['Ctrl', 'Shift', 'K']);
  expect(keyCaps('mod+,', mac)).toEqual(['⌘', ',']);
  expect(keyCaps('arrowup', linux)).toEqual(['↑']);
  expect(keyCaps({ desktop: 'mod+n', browser: 'alt+n' }, browser)).toEqual(['Alt', 'N']);
});
