import { create } from 'zustand';
import { persist } from 'zustand/middleware';
import { combineOptions, type CombineOptions } from '#contract/adapters.ts';

interface AdapterSettings {
  /** Of a merge; null: every tensor stays in its type. */
  readonly target: string | null;
  readonly certifies: boolean;
  readonly combine: CombineOptions;
  /** Of what is written as an adapter. */
  readonly format: 'peft' | 'gguf';
  /** Of an extraction: null where the energy decides. */
  readonly rank: number | null;
  readonly energy: number;
  /** Null: beside the base. */
  readonly folder: string | null;
}

/** How results are to be made: kept over a reload and for the next adapter. */
export const useAdapterSettings = create<AdapterSettings>()(
  persist(
    (): AdapterSettings => ({
      target: null,
      certifies: true,
      combine: combineOptions.parse({ method: 'cat' }),
      format: 'peft',
      rank: null,
      energy: 0.95,
      folder: null,
    }),
    {
      name: 'lathe.adapters',
      version: 1,
      // What an older version saved may lack what this one knows, and the program refuses what is no valid option.
      merge: (saved, initial) => {
        const restored = { ...initial, ...(saved as Partial<AdapterSettings> | undefined) };
        const combine = combineOptions.safeParse(restored.combine);
        return { ...restored, combine: combine.success ? combine.data : initial.combine };
      },
    },
  ),
);

export const set = (change: Partial<AdapterSettings>): void => void useAdapterSettings.setState(change);

export const setCombine = (change: Partial<CombineOptions>): void =>
  void useAdapterSettings.setState(({ combine }) => ({ combine: { ...combine, ...change } }));
