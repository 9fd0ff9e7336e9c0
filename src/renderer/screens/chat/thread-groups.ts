import type { Thread } from '#contract/chat.ts';

const DAY_MS = 24 * 3600 * 1000;

export type GroupName = 'today' | 'yesterday' | 'week' | 'month' | { readonly year: number; readonly month: number };

export interface ThreadGroup {
  readonly key: string;
  readonly name: GroupName;
  readonly threads: readonly Thread[];
}

const midnight = (timeMs: number): number => new Date(timeMs).setHours(0, 0, 0, 0);

function groupOf(timeMs: number, nowMs: number): GroupName {
  // Midnights are 23 to 25 hours apart where clocks change: rounding counts days rightly.
  const days = Math.round((midnight(nowMs) - midnight(timeMs)) / DAY_MS);
  if (days <= 0) return 'today';
  if (days === 1) return 'yesterday';
  if (days < 7) return 'week';
  if (days < 30) return 'month';
  const date = new Date(timeMs);
  return { year: date.getFullYear(), month: date.getMonth() };
}

/** Threads by when they were last written in, newest first. */
export function groupThreads(threads: readonly Thread[], nowMs: number): ThreadGroup[] {
  const sorted = threads.toSorted((left, right) => right.updatedMs - left.updatedMs);
  const groups = new Map<string, { name: GroupName; threads: Thread[] }>();
  for (const thread of sorted) {
    const name = groupOf(thread.updatedMs, nowMs);
    const key = typeof name === 'string' ? name : `${name.year}-${name.month}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { name, threads: [thread] });
    else group.threads.push(thread);
  }
  return [...groups].map(([key, group]) => ({ key, ...group }));
}
