import { connect } from '#contract/connect.ts';
import { tensorContract } from '#contract/engine.ts';
import { memoryPorts } from '#contract/memory-port.ts';
import { quantizeOptions, qualityOptions } from '#contract/quantize.ts';
import { serve } from '#contract/serve.ts';
import { createEngineLog } from '#engine/log.ts';
import { createTensor } from '#engine/tensor/index.ts';
import type { z } from 'zod';

/** The tensor engine behind its contract, in this process. */
export function openTensor() {
  const [ours, theirs] = memoryPorts();
  const log = createEngineLog();
  const health = { ping: () => ({ residentBytes: 1 }), log: async function* () {} };
  serve(tensorContract, { health, tensor: createTensor(log) }, theirs);
  return connect(tensorContract, ours).client.tensor;
}

export interface Progress {
  readonly phase: string;
  readonly detail: string | null;
  readonly amount: number;
  readonly total: number;
}

/** A stream to its end: its result, and what it told on the way. */
export async function finish<P extends { readonly type: string }>(
  events: AsyncIterable<P>,
): Promise<Extract<P, { type: 'finished' }> & { readonly progress: readonly Progress[] }> {
  const progress: Progress[] = [];
  for await (const event of events) {
    if (event.type === 'finished') return { ...(event as Extract<P, { type: 'finished' }>), progress };
    progress.push(event as unknown as Progress);
  }
  throw new Error('it ended without a result');
}

/** Options with the contract's defaults. */
export const options = (own: z.input<typeof quantizeOptions> = {}) => quantizeOptions.parse(own);
export const measuring = (own: z.input<typeof qualityOptions> = {}) => qualityOptions.parse(own);
