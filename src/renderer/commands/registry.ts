import type { ReactNode } from 'react';
import { useEffect, useEffectEvent } from 'react';
import { create } from 'zustand';
import { useLayers } from '../layers.ts';
import { isPressed, isTypingKey, type Keys } from './keys.ts';

export type CommandSection = 'go' | 'library' | 'chat' | 'app';

/** Something the user can do, by a click, a key, or from the palette. */
export interface Command {
  readonly id: string;
  readonly title: string;
  readonly section: CommandSection;
  readonly keys?: Keys;
  /** A second combination for the same. */
  readonly alsoKeys?: Keys;
  readonly icon?: ReactNode;
  /** Other words under which the palette finds it. */
  readonly words?: string;
  readonly enabled?: boolean;
  run(): void;
}

interface Registry {
  readonly byOwner: ReadonlyMap<symbol, readonly Command[]>;
}

const useRegistry = create<Registry>(() => ({ byOwner: new Map() }));

/** Every command that can be run now, in the order of registration. */
export const useAllCommands = (): Command[] => [...useRegistry((state) => state.byOwner).values()].flat();

const allCommands = (): Command[] => [...useRegistry.getState().byOwner.values()].flat();

/** Offer commands for as long as the component is there. They may change at each render; `run` is always the latest. */
export function useCommands(name: string, commands: readonly Command[]): void {
  const run = useEffectEvent((id: string) => commands.find((command) => command.id === id)?.run());
  const shape = JSON.stringify(commands.map(({ id, title, enabled, keys }) => [id, title, enabled, keys]));
  const latest = useEffectEvent(() => commands);
  useEffect(() => {
    const owner = Symbol(name);
    const offered = latest().map((command) => ({ ...command, run: () => run(command.id) }));
    useRegistry.setState(({ byOwner }) => ({ byOwner: new Map(byOwner).set(owner, offered) }));
    return () =>
      useRegistry.setState(({ byOwner }) => {
        const rest = new Map(byOwner);
        rest.delete(owner);
        return { byOwner: rest };
      });
  }, [name, shape]);
}

/** Whether letters typed there belong to the element: fields, and menus, which find their items by letter. */
const hasOwnKeys = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement &&
  (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) || target.closest('[role="menu"]') !== null);

/** Take the keys of all commands. Used once, by the shell. */
export function useCommandKeys(): void {
  useEffect(() => {
    const press = (event: KeyboardEvent): void => {
      if (event.defaultPrevented || event.isComposing || event.repeat) return;
      const pressed = allCommands().flatMap((command) =>
        [command.keys, command.alsoKeys].flatMap((keys) => (keys !== undefined && isPressed(event, keys) ? [{ command, keys }] : [])),
      )[0];
      if (pressed === undefined) return;
      const { command, keys } = pressed;
      if (isTypingKey(keys) && hasOwnKeys(event.target)) return;
      // A dialog has the keys to itself, except for the one that opens the palette in its place.
      if (useLayers.getState().dialog !== null && command.id !== 'app.palette') return;
      event.preventDefault();
      if (command.enabled !== false) command.run();
    };
    document.addEventListener('keydown', press);
    return () => document.removeEventListener('keydown', press);
  }, []);
}
