import { estimateInference } from '#core/memory/inference.ts';
import type { ModelFacts } from '#core/model/facts.ts';
import type { Model } from '#contract/library.ts';

/** The context that the verdict is for: what a conversation usually needs. */
export const FIT_CONTEXT = 4096;

/** `fits` beside what runs now; `tight` when other programs give way; `large`: not on this machine. */
export type Fit = 'fits' | 'tight' | 'large';

/** Memory to run a model of these facts when its weights take so much. */
export const needBytes = (facts: Model['facts'], sizeBytes: number): number =>
  estimateInference({ facts: { ...(facts as ModelFacts), tensorBytes: sizeBytes }, sizeBytes }, { contextLength: FIT_CONTEXT }).totalBytes;

/** What the system keeps for itself, whatever else is closed. */
const SYSTEM_SHARE = 0.1;

export const mostBytes = (totalBytes: number): number => totalBytes * (1 - SYSTEM_SHARE);

export function fitOf(neededBytes: number, memory: { readonly totalBytes: number; readonly availableBytes: number }): Fit {
  if (neededBytes <= memory.availableBytes) return 'fits';
  return neededBytes <= mostBytes(memory.totalBytes) ? 'tight' : 'large';
}
