import {
  IconBooks,
  IconChartBar,
  IconGauge,
  IconMessageCircle,
  IconSchool,
  IconServer2,
  IconStack2,
  IconTransform,
  type Icon,
} from '@tabler/icons-react';
import type { Keys } from '../commands/keys.ts';
import { goTo } from '../navigation.ts';

export type ScreenName = 'library' | 'chat' | 'convert' | 'adapters' | 'training' | 'benchmark' | 'memory' | 'server';

interface Screen {
  readonly name: ScreenName;
  readonly path: '/library' | '/chat/{-$threadId}' | '/convert' | '/adapters' | '/training' | '/benchmark' | '/memory' | '/server';
  readonly icon: Icon;
  readonly keys: Keys;
  open(): void;
}

/** The screens in the rail, in its order. A screen stands here when it works. */
export const screens: readonly Screen[] = [
  { name: 'library', path: '/library', icon: IconBooks, keys: { desktop: 'mod+1', browser: 'alt+1' }, open: () => goTo.library() },
  {
    name: 'chat',
    path: '/chat/{-$threadId}',
    icon: IconMessageCircle,
    keys: { desktop: 'mod+2', browser: 'alt+2' },
    open: () => goTo.newChat(),
  },
  {
    name: 'convert',
    path: '/convert',
    icon: IconTransform,
    keys: { desktop: 'mod+3', browser: 'alt+3' },
    open: () => goTo.convert(),
  },
  {
    name: 'adapters',
    path: '/adapters',
    icon: IconStack2,
    keys: { desktop: 'mod+4', browser: 'alt+4' },
    open: () => goTo.adapters(),
  },
  {
    name: 'training',
    path: '/training',
    icon: IconSchool,
    keys: { desktop: 'mod+5', browser: 'alt+5' },
    open: () => goTo.training(),
  },
  {
    name: 'benchmark',
    path: '/benchmark',
    icon: IconGauge,
    keys: { desktop: 'mod+6', browser: 'alt+6' },
    open: () => goTo.benchmark(),
  },
  {
    name: 'memory',
    path: '/memory',
    icon: IconChartBar,
    keys: { desktop: 'mod+7', browser: 'alt+7' },
    open: () => goTo.memory(),
  },
  {
    name: 'server',
    path: '/server',
    icon: IconServer2,
    keys: { desktop: 'mod+8', browser: 'alt+8' },
    open: () => goTo.server(),
  },
];
