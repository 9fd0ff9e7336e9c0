import { describe, expect, it } from 'vitest';
import { calibrationPasses, inModelOrder } from '#core/quantize/calibration-plan.ts';

const layer = (number: number, inputs = 64) =>
  [
    ['ffn_down', 2 * inputs],
    ['ffn_up', inputs],
    ['ffn_gate', inputs],
    ['attn_output', inputs],
    ['attn_v', inputs],
    ['attn_k', inputs],
    ['attn_q', inputs],
  ].map(([part, count]) => ({ name: `blk.${number}.${part}.weight`, inputs: Number(count) }));

const model = [...layer(10), ...layer(2)];
const names = (passes: readonly (readonly { readonly name: string }[])[]): string[][] =>
  passes.map((pass) => pass.map(({ name }) => name.replace('.weight', '')));

/** Of one layer: three of 64² and one of 128², in float32. */
const LAYER_BYTES = 4 * (3 * 64 ** 2 + 128 ** 2);

describe('the order in which a model computes', () => {
  it('goes by layers as numbers, and within one by what needs what', () => {
    expect(inModelOrder(model, ({ name }) => name).map(({ name }) => name)).toEqual(
      [2, 10].flatMap((each) =>
        ['attn_v', 'attn_k', 'attn_q', 'attn_output', 'ffn_up', 'ffn_gate', 'ffn_down'].map((part) => `blk.${each}.${part}.weight`),
      ),
    );
  });
});

describe('passes of a calibration', () => {
  it('true-sequential: one for each stage', () => {
    expect(names(calibrationPasses(layer(0), { isSequential: true }))).toEqual([
      ['blk.0.attn_v', 'blk.0.attn_k', 'blk.0.attn_q'],
      ['blk.0.attn_output'],
      ['blk.0.ffn_up', 'blk.0.ffn_gate'],
      ['blk.0.ffn_down'],
    ]);
    expect(calibrationPasses(model, { isSequential: true })).toHaveLength(8);
  });

  it('otherwise as many tensors at a time as there is room for; shared inputs count once', () => {
    expect(calibrationPasses(model, { isSequential: false, limitBytes: 2 * LAYER_BYTES })).toHaveLength(1);
    const byLayer = calibrationPasses(model, { isSequential: false, limitBytes: LAYER_BYTES });
    expect(byLayer.map((pass) => pass.length)).toEqual([7, 7]);
    // One byte less than a layer: its last matrix goes with the attention of the next, and leaves no room for more.
    const less = calibrationPasses(model, { isSequential: false, limitBytes: LAYER_BYTES - 1 });
    expect(less.map((pass) => pass.length)).toEqual([6, 5, 3]);
  });

  it('takes what is larger than the room by itself', () => {
    expect(names(calibrationPasses(layer(0), { isSequential: false, limitBytes: 1 }))).toEqual(
      names(calibrationPasses(layer(0), { isSequential: true })),
    );
  });

  it('what belongs to no known stage shares with nothing, and comes last in its layer', () => {
    const odd = [
      { name: 'blk.0.ssm_out.weight', inputs: 64 },
      { name: 'blk.0.ssm_in.weight', inputs: 64 },
    ];
    expect(calibrationPasses([...odd, ...layer(0)], { isSequential: true })).toHaveLength(6);
    expect(calibrationPasses([...odd, ...layer(0)], { isSequential: true }).at(-1)).toEqual([odd[1]]);
  });
});
