import { create } from 'zustand';
import { persist } from 'zustand/middleware';
import type { DataColumns } from '#contract/training.ts';
import type { TemplateName } from '#core/training/templates.ts';

/** What was set for the next run: kept over a reload. Settings under TRL's and PEFT's names, only those that were touched. */
interface Draft {
  readonly dataPath: string;
  readonly columns: DataColumns;
  /** That the run goes on with; null: a new one. */
  readonly adapterId: string | null;
  readonly name: string;
  readonly template: TemplateName;
  readonly given: Readonly<Record<string, unknown>>;
  /** null: where it is fastest, as far as is known. */
  readonly device: string | null;
  readonly showsAll: boolean;
}

export const useDraft = create<Draft>()(
  persist(
    (): Draft => ({
      dataPath: '',
      columns: {},
      adapterId: null,
      name: '',
      template: 'instructions',
      given: {},
      device: null,
      showsAll: false,
    }),
    {
      name: 'lathe.training',
      version: 1,
    },
  ),
);

export const set = (change: Partial<Draft>): void => void useDraft.setState(change);

/** Give a setting a value; undefined: the template's. */
export function give(setting: string, value: unknown): void {
  useDraft.setState(({ given }) => {
    const rest = Object.fromEntries(Object.entries(given).filter(([name]) => name !== setting));
    return { given: value === undefined ? rest : { ...rest, [setting]: value } };
  });
}
