import { median } from '../benchmark/statistics.ts';

/** What was predicted for work that was then done, and what it took. */
export interface Measured {
  readonly kind: MeasuredKind;
  /** `processor`, or the library of the cards that held layers, such as `vulkan`. */
  readonly device: string;
  readonly predictedBytes: number;
  readonly measuredBytes: number;
}

/** `run`: what llama.cpp allocated for a model. The others: the most that a process had. */
export const MEASURED_KINDS = ['run', 'train', 'quantize', 'merge'] as const;
export type MeasuredKind = (typeof MEASURED_KINDS)[number];

/** Fewer than this say nothing about the next one. */
export const LEAST_MEASURED = 3;
/** Older ones may be of another version. */
const LATEST = 20;

export interface Correction {
  readonly kind: MeasuredKind;
  readonly device: string;
  /** Measured by predicted: their median. */
  readonly factor: number;
  /** |predicted − measured| / measured: their median. */
  readonly medianError: number;
  readonly count: number;
}

/** What the latest measurements of each kind of work on each kind of device say of the estimates. Those given are newest first. */
export function correctionsOf(measured: readonly Measured[]): readonly Correction[] {
  const groups = Map.groupBy(
    measured.filter(({ predictedBytes, measuredBytes }) => predictedBytes > 0 && measuredBytes > 0),
    ({ kind, device }) => `${kind} ${device}`,
  );
  return [...groups.values()].flatMap((group) => {
    const latest = group.slice(0, LATEST);
    const [first] = latest;
    if (first === undefined || latest.length < LEAST_MEASURED) return [];
    const factor = median(latest.map(({ predictedBytes, measuredBytes }) => measuredBytes / predictedBytes));
    const medianError = median(latest.map(({ predictedBytes, measuredBytes }) => Math.abs(predictedBytes - measuredBytes) / measuredBytes));
    return [{ kind: first.kind, device: first.device, factor, medianError, count: latest.length }];
  });
}
