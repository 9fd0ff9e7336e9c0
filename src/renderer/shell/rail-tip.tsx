import { Tooltip } from '@mantine/core';
import type { ReactNode } from 'react';
import type { Keys } from '../commands/keys.ts';
import { Kbd } from '../components/kbd.tsx';

interface Props {
  readonly label: string;
  readonly keys?: Keys;
  readonly folded: boolean;
  readonly children: ReactNode;
}

/** The name of an item of the rail, where the rail is too narrow to write it. */
export function RailTip({ label, keys, folded, children }: Props) {
  const text = (
    <>
      {label}
      {keys !== undefined && <Kbd keys={keys} />}
    </>
  );
  return (
    <Tooltip position="right" disabled={!folded} label={text}>
      {children}
    </Tooltip>
  );
}
