import type { AppErrorData } from '../errors/index.ts';
import type { Hyperparameters } from './architecture.ts';

/** For a family whose window llama.cpp leaves out: later tokens would see more than they were trained to. */
export const slidingWindowIgnored = (h: Hyperparameters): AppErrorData[] =>
  h.slidingWindow !== undefined && h.slidingWindow < h.contextLength
    ? [{ code: 'model.slidingWindowIgnored', params: { window: h.slidingWindow, contextLength: h.contextLength } }]
    : [];

/** Methods without an entry in GGUF, and yarn's fine settings, whose entries no loader of these families reads; `longrope` has one only in Phi-3's table. */
export function ropeScalingIgnored(h: Hyperparameters): AppErrorData[] {
  const { ropeScaling } = h;
  if (ropeScaling.type === 'yarn') {
    const { factor, extrapolationFactor = 1, attentionFactor = yarnAttention(factor), betaFast = 32, betaSlow = 1 } = ropeScaling;
    const usual =
      extrapolationFactor === 1 && Math.abs(attentionFactor / yarnAttention(factor) - 1) < 1e-3 && betaFast === 32 && betaSlow === 1;
    return usual ? [] : [{ code: 'model.ropeScalingIgnored', params: { method: 'yarn (attention_factor, beta_fast, beta_slow)' } }];
  }
  if (ropeScaling.type === 'other') return [{ code: 'model.ropeScalingIgnored', params: { method: ropeScaling.method } }];
  if (ropeScaling.type === 'longrope') return [{ code: 'model.ropeScalingIgnored', params: { method: ropeScaling.type } }];
  return [];
}

/** For a family where the loader computes the scale of attention by itself. */
export const attentionScale = (stated: number | undefined, builtIn: number): AppErrorData[] =>
  stated !== undefined && stated !== builtIn
    ? [{ code: 'model.attentionScale', params: { value: `1/√${stated}`, expected: `1/√${builtIn}` } }]
    : [];

/** YaRN's own rule for the scale of attention, which llama.cpp applies: 0.1 ln(s) + 1 (Peng et al. 2023, equation 22). */
const yarnAttention = (factor: number): number => 0.1 * Math.log(factor) + 1;
