import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadNative } from '#engine/native.ts';
import { valuesOf } from '../lora/adapters.ts';
import { tensorsOf } from '../quantize/quantize.ts';
import { familyOf } from './family-models.ts';

interface Steps {
  readonly family: string;
  /** 0: every weight is trained. */
  readonly rank: number;
  readonly scale: number;
  readonly dora: boolean;
  readonly settings: {
    readonly learningRate: number;
    readonly learningRateB: number;
    readonly weightDecay: number;
    readonly maxGradNorm: number;
    readonly beta1: number;
    readonly beta2: number;
    readonly epsilon: number;
  };
  readonly rows: readonly { readonly tokens: readonly number[]; readonly labels: readonly number[] }[];
  readonly losses: readonly number[];
  readonly gradNorms: readonly number[];
}

const golden = (name: string): string => join(import.meta.dirname, '..', '..', 'golden', 'train', name);
const cases = JSON.parse(await readFile(golden('steps.json'), 'utf8')) as Readonly<Record<string, Steps>>;

/** Largest distance of a tensor's numbers in one step's golden tensors from those in the trainer. */
function worst(
  parameters: Float32Array,
  tensors: readonly { readonly name: string; readonly offset: number }[],
  expected: ReadonlyMap<string, Float32Array>,
): number {
  expect(tensors.map(({ name }) => name).toSorted()).toEqual([...expected.keys()].toSorted());
  let most = 0;
  for (const { name, offset } of tensors)
    for (const [i, value] of (expected.get(name) ?? []).entries()) {
      const difference = Math.abs((parameters[offset + i] ?? Number.NaN) - value);
      if (!(difference <= most)) most = difference;
    }
  return most;
}

describe('steps of AdamW, clipped and with weight decay, are those of PyTorch and PEFT', () => {
  it.each(Object.entries(cases))('%s', async (name, steps) => {
    const modelPath = golden(`${steps.family}.gguf`);
    const family = await familyOf(modelPath, 64);
    const stored = await tensorsOf(golden(`${name}.safetensors`));
    const at = (step: number): ReadonlyMap<string, Float32Array> =>
      new Map(
        Array.from(stored, ([key, tensor]) => [key, tensor] as const)
          .filter(([key]) => key.startsWith(`${step}/`))
          .map(([key, tensor]) => [key.slice(2), valuesOf(tensor)]),
      );
    const names = [...at(1).keys()];
    const bases = names.filter((each) => each.endsWith('.lora_a')).map((each) => each.slice(0, -'.lora_a'.length));
    const trainer = await loadNative().openTrainer({
      modelPath,
      family,
      device: 'CPU',
      threads: 1,
      maxTokens: 32,
      modules: bases.map((tensor) => ({ tensor, rank: steps.rank, scale: steps.scale })),
      whole: steps.rank === 0 ? names : [],
      dora: steps.dora,
    });
    const state = trainer.readState();
    for (const { name: tensor, offset } of trainer.tensors) state.parameters.set(at(0).get(tensor) ?? [], offset);
    if (steps.rank > 0) trainer.writeState(state);

    const weightSum = steps.rows.reduce((sum, { labels }) => sum + labels.filter((label) => label >= 0).length, 0);
    for (const [step, expectedLoss] of steps.losses.entries()) {
      let loss = 0;
      for (const { tokens, labels } of steps.rows) {
        const result = await trainer.accumulate({
          tokens: Int32Array.from(tokens),
          positions: Int32Array.from(tokens.keys()),
          segments: new Int32Array(tokens.length),
          labels: Int32Array.from(labels),
          weights: new Float32Array(tokens.length).fill(1),
        });
        loss += result.lossSum / weightSum;
      }
      const { gradNorm } = await trainer.update({ optimizer: 'adamw', gradientScale: 1 / weightSum, ...steps.settings });
      expect(Math.abs(loss - expectedLoss)).toBeLessThan(1e-5);
      expect(Math.abs(gradNorm / (steps.gradNorms[step] ?? 0) - 1)).toBeLessThan(1e-4);
      const expected = at(step + 1);
      if (expected.size > 0) expect(worst(trainer.readState().parameters, trainer.tensors, expected)).toBeLessThan(1e-5);
    }
    trainer.close();
  });
});
