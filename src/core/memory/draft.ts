import type { CacheType } from './cache-types.ts';
import type { Precision } from './rules.ts';
import type { Optimizer, TrainingMethod } from './training.ts';

/** What a number field holds: what cannot be read as a number is kept as it was typed. */
export type Typed = number | string;

/** What is asked of a model, kept over a reload. */
export interface Draft {
  readonly task: 'run' | TrainingMethod;
  /** Billions of parameters and their type, where no model of the library is chosen. */
  readonly billions: Typed;
  readonly precision: Precision;
  /** Name of a card of the table; null: this computer. */
  readonly card: string | null;
  readonly cardCount: Typed;
  readonly contextLength: Typed;
  readonly sequences: Typed;
  readonly batchLength: Typed;
  readonly cacheType: CacheType;
  readonly flashAttention: boolean;
  /** Null: as many as fit. */
  readonly gpuLayers: Typed | null;
  readonly optimizer: Optimizer;
  readonly rank: Typed;
  readonly length: Typed;
  readonly batch: Typed;
  readonly accumulation: Typed;
  readonly checkpointing: boolean;
  /** With what was learned from earlier work on this computer. */
  readonly corrected: boolean;
}

export const newDraft: Draft = {
  task: 'run',
  billions: 7,
  precision: 'int4',
  card: null,
  cardCount: 1,
  contextLength: 4096,
  sequences: 1,
  batchLength: 512,
  cacheType: 'F16',
  flashAttention: true,
  gpuLayers: null,
  optimizer: 'adamw',
  rank: 16,
  length: 2048,
  batch: 1,
  accumulation: 1,
  checkpointing: true,
  corrected: true,
};
