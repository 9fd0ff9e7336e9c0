import { ActionIcon, Tooltip, type ActionIconProps } from '@mantine/core';
import type { ButtonHTMLAttributes, ReactNode, Ref } from 'react';
import type { Keys } from '../commands/keys.ts';
import { Kbd } from './kbd.tsx';

interface Props extends ActionIconProps, Omit<ButtonHTMLAttributes<HTMLButtonElement>, keyof ActionIconProps | 'children'> {
  /** What it does: its accessible name and its tooltip. */
  readonly label: string;
  readonly keys?: Keys | undefined;
  readonly ref?: Ref<HTMLButtonElement>;
  readonly children: ReactNode;
}

/** A button with an icon alone, which says what it does when asked. */
export function IconButton({ label, keys, children, ...rest }: Props) {
  return (
    <Tooltip
      label={
        <>
          {label}
          {keys !== undefined && <Kbd keys={keys} />}
        </>
      }
    >
      <ActionIcon aria-label={label} {...rest}>
        {children}
      </ActionIcon>
    </Tooltip>
  );
}
