import type { TrainingRun } from '#contract/training.ts';
import { goTo } from '../../navigation.ts';
import { set } from './store.ts';

/** Set up a new run as this one was, with some settings changed. */
export function beginAgain({ config }: TrainingRun, change: Readonly<Record<string, unknown>>): void {
  const { dataPath, columns, template, given, device, baseId, adapterId } = config;
  set({ dataPath, columns, template, given: { ...given, ...change }, device, adapterId, name: '' });
  goTo.training(baseId);
}
