import { exact, mergeAmounts, range, totalOf, type Amount, type Total } from '../memory/amount.ts';
import { defaultTargets, estimateTraining, type TrainingKind } from '../memory/training.ts';
import type { TargetModule } from '../memory/matrices.ts';
import type { ModelShape } from '../memory/shape.ts';
import { rowsOfStep } from './order.ts';
import { longestTogether } from './rows.ts';
import { savedModules, type TrainingSettings } from './settings.ts';

/** Names of adapted matrices, as settings have them and as the estimate does. */
const targetNames: Readonly<Record<string, readonly TargetModule[]>> = {
  q_proj: ['q'],
  k_proj: ['k'],
  v_proj: ['v'],
  qkv_proj: ['q', 'k', 'v'],
  o_proj: ['o'],
  gate_proj: ['gate'],
  up_proj: ['up'],
  gate_up_proj: ['gate', 'up'],
  down_proj: ['down'],
  attn_q: ['q'],
  attn_k: ['k'],
  attn_v: ['v'],
  attn_qkv: ['q', 'k', 'v'],
  attn_output: ['o'],
  ffn_gate: ['gate'],
  ffn_up: ['up'],
  ffn_down: ['down'],
};

/** Values, gradients and both moments, in float32: there for SGD as well. */
const TRAINED_BYTES = 16;

/**
 * Bytes that a run takes in Lathe's trainer, on top of the program. Rows go through the model one by one, on a processor some of a step
 * together.
 * @param longest tokens of the longest row
 */
export function runMemory(shape: ModelShape, settings: TrainingSettings, longest: number, device = 'CPU'): Total<TrainingKind> {
  const { target_modules: targets, gradient_checkpointing, weight_streaming, use_peft, r } = settings;
  const estimate = estimateTraining(shape, {
    method: 'qlora',
    trainer: 'lathe',
    length: device === 'CPU' ? longestTogether(longest, rowsOfStep(settings)) : longest,
    batch: 1,
    flashAttention: device === 'CPU',
    rank: r,
    targets: targets === 'all-linear' ? defaultTargets : targets.flatMap((name) => targetNames[name] ?? []),
  });
  const layerBytes = shape.layers.map(({ weightBytes }) => weightBytes);
  const streamed = Math.max(0, ...layerBytes) + shape.inputBytes + shape.outputBytes;
  const changed = estimate.amounts.flatMap((amount): Amount<TrainingKind>[] => {
    switch (amount.kind) {
      case 'weights':
        // What is trained is no frozen weight.
        if (!use_peft) return [];
        return [weight_streaming ? exact('weights', Math.min(amount.bytes, streamed)) : amount];
      case 'adapters':
        return [exact('adapters', use_peft ? amount.bytes : 4 * estimate.parameters)];
      case 'gradients':
        return [exact('gradients', use_peft ? amount.bytes : 4 * estimate.parameters)];
      case 'optimizer':
        return [exact('optimizer', (TRAINED_BYTES - 8) * (use_peft ? estimate.trainedParameters : estimate.parameters))];
      case 'workspace':
        // Without checkpoints every layer's graph stays until the way back: measured, 0.65 to 1.05 of one for each.
        return [gradient_checkpointing ? amount : range('workspace', amount.bytes * shape.layers.length * 0.9, 0.6, 1.4, 'simulated')];
      default:
        return [amount];
    }
  });
  const saved = new Set(settings.modules_to_save.map((name) => savedModules[name] ?? name)).size;
  // Embedding and output are equally large.
  const savedBytes = use_peft ? saved * TRAINED_BYTES * shape.vocabularySize * shape.embeddingLength : 0;
  return totalOf(mergeAmounts([...changed, exact('adapters', savedBytes)]));
}
