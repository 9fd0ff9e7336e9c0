import type { AppErrorData } from '../errors/index.ts';
import type { Hyperparameters } from './architecture.ts';

/** For a family whose window llama.cpp leaves out: later tokens would see more than they were trained to. */
export const slidingWindowIgnored = (h: Hyperparameters): AppErrorData[] =>
  h.slidingWindow !== undefined && h.slidingWindow < h.contextLength
    ? [{ code: 'model.slidingWindowIgnored', params: { window: h.slidingWindow, contextLength: h.contextLength } }]
    : [];

/** Methods without an entry in GGUF; `longrope` has one only in Phi-3's table. */
export function ropeScalingIgnored(h: Hyperparameters): AppErrorData[] {
  const { ropeScaling } = h;
  if (ropeScaling.type === 'other') return [{ code: 'model.ropeScalingIgnored', params: { method: ropeScaling.method } }];
  if (ropeScaling.type === 'longrope') return [{ code: 'model.ropeScalingIgnored', params: { method: ropeScaling.type } }];
  return [];
}

/** For a family where the loader computes the scale of attention by itself. */
export const attentionScale = (stated: number | undefined, builtIn: number): AppErrorData[] =>
  stated !== undefined && stated !== builtIn
    ? [{ code: 'model.attentionScale', params: { value: `1/√${stated}`, expected: `1/√${builtIn}` } }]
    : [];
