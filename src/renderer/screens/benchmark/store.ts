import { create } from 'zustand';
import { persist } from 'zustand/middleware';
import type { RemoteChoice } from '#contract/remote.ts';
import type { PresetName } from '#core/benchmark/sweep.ts';

/** What is swept on the screen, by the command line's names, with an example of how it is written. */
export const SWEPT = {
  context: '0, 2048',
  batch: '512, 2048',
  ubatch: '128, 512',
  threads: '2, 4, 8',
  'gpu-layers': '0, 99',
  'key-type': 'F16, Q8_0',
  'value-type': 'F16, Q8_0',
  'flash-attention': 'off, on',
} as const;
export type Swept = keyof typeof SWEPT;
export const sweptNames = Object.keys(SWEPT) as readonly Swept[];

/** A model with an adapter beside its weights, as a variant of its own. */
export interface WithAdapter {
  readonly modelId: string;
  readonly adapterId: string;
  readonly scale: number;
}

/** What was set for the next run: kept over a reload. */
interface Draft {
  readonly name: string;
  readonly preset: PresetName;
  readonly speed: boolean;
  readonly quality: boolean;
  /** Undefined: the best one to hold against; null: none. */
  readonly referenceId: string | null | undefined;
  readonly textPath: string;
  /** Empty: the whole text. */
  readonly windows: number | '';
  readonly contextLength: number;
  readonly questions: boolean;
  readonly questionsPath: string;
  readonly prompts: boolean;
  /** One a line. */
  readonly promptText: string;
  readonly maxTokens: number;
  readonly sweep: Readonly<Partial<Record<Swept, string>>>;
  readonly showsSweep: boolean;
  readonly withAdapters: readonly WithAdapter[];
  /** Models behind endpoints. */
  readonly remotes: readonly RemoteChoice[];
}

export const useDraft = create<Draft>()(
  persist(
    (): Draft => ({
      name: '',
      preset: 'quick',
      speed: true,
      quality: true,
      referenceId: undefined,
      textPath: '',
      windows: 32,
      contextLength: 512,
      questions: false,
      questionsPath: '',
      prompts: false,
      promptText: '',
      maxTokens: 128,
      sweep: {},
      showsSweep: false,
      withAdapters: [],
      remotes: [],
    }),
    { name: 'lathe.benchmark', version: 1 },
  ),
);

export const set = (change: Partial<Draft>): void => void useDraft.setState(change);
export type { Draft };
