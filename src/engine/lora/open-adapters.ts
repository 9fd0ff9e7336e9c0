import type { WeightedAdapter } from './merge.ts';
import { openAdapter } from './open-adapter.ts';

/** Adapters as the contract names them. */
export interface AdapterAt {
  readonly path: string;
  readonly scale: number;
}

/** Open adapters, each under a key of its own; the stack closes them. Throws what `openAdapter` throws. */
export async function openAdapters(adapters: readonly AdapterAt[], stack: AsyncDisposableStack): Promise<readonly WeightedAdapter[]> {
  const opened: WeightedAdapter[] = [];
  for (const [i, { path, scale }] of adapters.entries())
    opened.push({ opened: stack.use(await openAdapter(path, `adapter ${i}`)), weight: scale });
  return opened;
}
