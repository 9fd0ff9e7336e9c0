import { mkdtemp, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadNative } from '#engine/native.ts';
import type { Trainer, TrainerOptions, TrainRow, UpdateOptions } from '#engine/native-train.ts';
import type { TrainableFamily } from '#core/training/families.ts';
import { errorOf } from '#test/expect-error.ts';
import { normal, VOCABULARY, writeFamilyModel } from './family-models.ts';

const native = loadNative();
let modelPath = '';
let family: TrainableFamily;
beforeAll(async () => {
  modelPath = join(await mkdtemp(join(tmpdir(), 'trainer-')), 'tiny.gguf');
  family = await writeFamilyModel(native, modelPath, { family: 'llama', layers: 2 });
});

const open = (options: Partial<TrainerOptions> = {}): Promise<Trainer> =>
  native.openTrainer({
    modelPath,
    family,
    device: 'CPU',
    threads: 1,
    maxTokens: 64,
    modules: family.linears.flatMap((part) => [0, 1].map((layer) => ({ tensor: `blk.${layer}.${part}.weight`, rank: 4, scale: 1 }))),
    ...options,
  });

/** Every lora_a and lora_b a random number, the same each time. */
function stir(trainer: Trainer): void {
  const state = trainer.readState();
  const next = normal(3);
  for (const { name, shape, offset } of trainer.tensors)
    if (/lora_[ab]$/.test(name)) for (let i = 0; i < shape.reduce((a, b) => a * b, 1); i++) state.parameters[offset + i] = next() / 8;
  trainer.writeState(state);
}

/** A sample of random tokens; each is to tell the next. */
function sample(length: number, seed: number): TrainRow {
  const next = normal(seed);
  const tokens = Int32Array.from({ length }, () => Math.floor(Math.abs(next()) * 100) % VOCABULARY);
  return {
    tokens,
    positions: Int32Array.from(tokens.keys()),
    segments: new Int32Array(length),
    labels: Int32Array.from(tokens, (_, place) => tokens[place + 1] ?? -1),
    weights: new Float32Array(length).fill(1),
  };
}

/** Samples in one row, each its own segment, and some padding. */
function packed(samples: readonly TrainRow[], padding = 0): TrainRow {
  const join32 = (of: (row: TrainRow, index: number) => Iterable<number>, pad: number): number[] => [
    ...samples.flatMap((row, index) => [...of(row, index)]),
    ...Array.from({ length: padding }, () => pad),
  ];
  return {
    tokens: Int32Array.from(join32(({ tokens }) => tokens, 0)),
    positions: Int32Array.from(join32(({ positions }) => positions, 0)),
    segments: Int32Array.from(join32(({ tokens }, index) => tokens.map(() => index), -1)),
    labels: Int32Array.from(join32(({ labels }) => labels, -1)),
    weights: Float32Array.from(join32(({ weights }) => weights, 0)),
  };
}

const plainStep: UpdateOptions = { optimizer: 'sgd', learningRate: 1, gradientScale: 1 };
const adamStep: UpdateOptions = { optimizer: 'adamw', learningRate: 1e-2, weightDecay: 0.01, maxGradNorm: 1, gradientScale: 1 / 40 };

/** The gradients of the rows together: what a step of SGD with rate 1 takes away. */
async function gradientsOf(trainer: Trainer, rows: readonly TrainRow[]): Promise<Float32Array> {
  const before = trainer.readState();
  for (const row of rows) await trainer.accumulate(row);
  await trainer.update(plainStep);
  const after = trainer.readState().parameters;
  trainer.writeState(before);
  return after.map((value, index) => (before.parameters[index] ?? 0) - value);
}

function distance(left: Float32Array, right: Float32Array): number {
  return Math.hypot(...left.map((value, index) => value - (right[index] ?? Number.NaN))) / Math.hypot(...right);
}

describe('rows', () => {
  it('packed samples have the gradients and the loss that they have apart, whatever stands beside them', async () => {
    const trainer = await open();
    stir(trainer);
    const [one, two] = [sample(21, 1), sample(30, 2)];
    const losses = [await trainer.evaluate(one), await trainer.evaluate(two), await trainer.evaluate(packed([one, two], 9))];
    const [first, second, both] = losses.map(({ lossSum }) => lossSum);
    expect(both).toBeCloseTo((first ?? 0) + (second ?? 0), 3);
    const apart = await gradientsOf(trainer, [one, two]);
    expect(distance(await gradientsOf(trainer, [packed([one, two], 9)]), apart)).toBeLessThan(1e-5);
    // Were the two to see each other, it would be another gradient.
    const joined = packed([one, two]);
    const seeing = { ...joined, segments: joined.segments.map(() => 0), positions: joined.positions.map((_, place) => place) };
    expect(distance(await gradientsOf(trainer, [seeing]), apart)).toBeGreaterThan(0.1);
    trainer.close();
  });

  it('any number of threads finds the same bits', async () => {
    const row = packed([sample(300, 1), sample(90, 2), sample(2, 3)], 3);
    const found = [];
    for (const threads of [1, 2, 3]) {
      const trainer = await open({ threads, maxTokens: 395 });
      stir(trainer);
      found.push({ loss: await trainer.evaluate(row), gradients: await gradientsOf(trainer, [row]) });
      trainer.close();
    }
    for (const each of found) expect(each).toEqual(found[0]);
  });

  it('a sample in two places of a row is refused, and one whose positions do not rise', async () => {
    const trainer = await open();
    const row = packed([sample(10, 1), sample(10, 2)]);
    const torn = { ...row, segments: row.segments.map((_, place) => (place < 5 || place > 15 ? 0 : 1)) };
    expect(await errorOf(trainer.evaluate(torn))).toMatchObject({ code: 'internal.unexpected' });
    const still = { ...row, positions: row.positions.map(() => 0) };
    expect(await errorOf(trainer.evaluate(still))).toMatchObject({ code: 'internal.unexpected' });
    trainer.close();
  });

  it('a label that is -1 is neither counted nor trained, and weights multiply what a token gives', async () => {
    const trainer = await open();
    stir(trainer);
    const row = sample(24, 4);
    const only = (from: number, to: number): TrainRow => ({
      ...row,
      labels: row.labels.map((label, place) => (place >= from && place < to ? label : -1)),
    });
    const left = await trainer.evaluate(only(0, 10));
    const right = await trainer.evaluate(only(10, 24));
    const all = await trainer.evaluate(row);
    expect([left.trained, right.trained, all.trained]).toEqual([10, 13, 23]);
    expect(left.lossSum + right.lossSum).toBeCloseTo(all.lossSum, 3);
    const gradients = await gradientsOf(trainer, [row]);
    const halves = await gradientsOf(trainer, [only(0, 10), only(10, 24)]);
    expect(distance(halves, gradients)).toBeLessThan(1e-5);
    const weighted = await gradientsOf(trainer, [{ ...row, weights: row.weights.map((_, place) => (place < 10 ? 3 : 1)) }]);
    const leftAlone = await gradientsOf(trainer, [only(0, 10)]);
    expect(
      distance(
        weighted,
        gradients.map((value, index) => value + 2 * (leftAlone[index] ?? 0)),
      ),
    ).toBeLessThan(1e-5);
    trainer.close();
  });

  it('a row without a trained token has no loss and no gradient', async () => {
    const trainer = await open();
    stir(trainer);
    const row = { ...sample(12, 1), labels: new Int32Array(12).fill(-1) };
    expect(await trainer.accumulate(row)).toEqual({ lossSum: 0, weightSum: 0, trained: 0, correct: 0, entropySum: 0 });
    expect(await trainer.update(plainStep)).toEqual({ gradNorm: 0, applied: true });
    trainer.close();
  });

  it('entropy and accuracy are those of the predictions', async () => {
    // With embeddings of zero every logit is zero: each token is as likely as any other.
    const trainer = await open({ whole: ['token_embd.weight', 'output.weight'], modules: [] });
    const state = trainer.readState();
    trainer.writeState({ ...state, parameters: state.parameters.map(() => 0) });
    const row = sample(16, 2);
    const { entropySum, lossSum, trained } = await trainer.evaluate(row);
    expect(entropySum / trained).toBeCloseTo(Math.log(VOCABULARY), 4);
    expect(lossSum / trained).toBeCloseTo(Math.log(VOCABULARY), 4);
    trainer.close();
  });

  it.each([
    ['longer than the trainer was opened for', (row: TrainRow) => packed([row, row, row])],
    ['with a token that the model does not have', (row: TrainRow) => ({ ...row, tokens: row.tokens.map(() => VOCABULARY) })],
    ['with a label that the model does not have', (row: TrainRow) => ({ ...row, labels: row.labels.map(() => VOCABULARY) })],
    ['with arrays of different lengths', (row: TrainRow) => ({ ...row, positions: row.positions.slice(1) })],
    [
      'of no tokens',
      (row: TrainRow) =>
        packed([
          { ...row, tokens: new Int32Array(0), positions: new Int32Array(0), labels: new Int32Array(0), weights: new Float32Array(0) },
        ]),
    ],
  ])('a row %s is refused, and the trainer goes on', async (_, change) => {
    const trainer = await open();
    const row = sample(30, 1);
    await expect(trainer.accumulate(change(row))).rejects.toThrow(/a row (with|of)|another length/);
    expect((await trainer.evaluate(row)).trained).toBe(29);
    trainer.close();
  });
});

describe('the same bits', () => {
  const ways: readonly (readonly [string, Partial<TrainerOptions>])[] = [
    ['two threads', { threads: 2 }],
    ['layers that keep what they computed', { checkpointing: false }],
    ['weights that are read when they are needed', { streaming: true }],
  ];
  const steps = async (options: Partial<TrainerOptions>) => {
    const trainer = await open({ dropout: 0.2, seed: 5, ...options });
    stir(trainer);
    for (const seed of [1, 2]) {
      await trainer.accumulate(sample(40, seed));
      await trainer.update(adamStep);
    }
    const state = trainer.readState();
    trainer.close();
    return state;
  };
  it.each(ways)('%s', async (_, options) => {
    expect(await steps(options)).toEqual(await steps({}));
  });

  it('ten steps, saved and read into a new trainer for ten more, are twenty steps', async () => {
    const go = async (trainer: Trainer, from: number, to: number): Promise<void> => {
      for (let step = from; step < to; step++) {
        await trainer.accumulate(sample(20, 2 * step));
        await trainer.accumulate(sample(20, 2 * step + 1));
        await trainer.update(adamStep);
      }
    };
    const options = { dropout: 0.3, seed: 11 };
    const whole = await open(options);
    stir(whole);
    await go(whole, 0, 20);
    const first = await open(options);
    stir(first);
    await go(first, 0, 10);
    const second = await open(options);
    second.writeState(first.readState());
    first.close();
    await go(second, 10, 20);
    expect(second.readState()).toEqual(whole.readState());
    expect(second.readState().updates).toBe(20);
    whole.close();
    second.close();
  });
});

describe('dropout', () => {
  it('takes away the share that it is told, and leaves evaluation alone', async () => {
    // With lora_b zero and one row, dB = dy · (A · dropped x)ᵀ: over many seeds its mean is that without dropout, and its
    // variance grows with p / (1 − p).
    const mean = async (dropout: number, seeds: number) => {
      const sum: number[] = [];
      let squares = 0;
      let length = 0;
      for (let seed = 0; seed < seeds; seed++) {
        const trainer = await open({ dropout, seed, modules: [{ tensor: 'blk.1.ffn_down.weight', rank: 4, scale: 1 }] });
        stir(trainer);
        const state = trainer.readState();
        const b = trainer.tensors.find(({ name }) => name.endsWith('lora_b'));
        state.parameters.fill(0, b?.offset ?? 0, (b?.offset ?? 0) + 4 * family.embedding);
        trainer.writeState(state);
        const gradients = (await gradientsOf(trainer, [sample(30, 1)])).subarray(b?.offset ?? 0, (b?.offset ?? 0) + 4 * family.embedding);
        for (const [i, value] of gradients.entries()) sum[i] = (sum[i] ?? 0) + value / seeds;
        squares += Math.hypot(...gradients) ** 2 / seeds;
        length = gradients.length;
        trainer.close();
      }
      expect(length).toBe(4 * family.embedding);
      return { mean: Float32Array.from(sum), variance: squares - Math.hypot(...sum) ** 2 };
    };
    const none = await mean(0, 1);
    const some = await mean(0.2, 48);
    const much = await mean(0.5, 48);
    expect(distance(some.mean, none.mean)).toBeLessThan(0.15);
    // 0.5 / 0.5 against 0.2 / 0.8 is four times the variance.
    expect(much.variance / some.variance).toBeGreaterThan(3);
    expect(much.variance / some.variance).toBeLessThan(5.3);

    const trainer = await open({ dropout: 0.5 });
    const plain = await open();
    stir(trainer);
    stir(plain);
    expect(await trainer.evaluate(sample(30, 1))).toEqual(await plain.evaluate(sample(30, 1)));
    expect(await trainer.accumulate(sample(30, 1))).not.toEqual(await plain.accumulate(sample(30, 1)));
    trainer.close();
    plain.close();
  });

  it('another row, another step and another seed drop other inputs', async () => {
    const losses: number[] = [];
    const trainer = await open({ dropout: 0.3, seed: 1 });
    const other = await open({ dropout: 0.3, seed: 2 });
    stir(trainer);
    stir(other);
    const row = sample(30, 1);
    losses.push((await trainer.accumulate(row)).lossSum, (await trainer.accumulate(row)).lossSum, (await other.accumulate(row)).lossSum);
    await trainer.update({ ...plainStep, learningRate: 0 });
    losses.push((await trainer.accumulate(row)).lossSum);
    expect(new Set(losses).size).toBe(4);
    trainer.close();
    other.close();
  });
});

describe('steps', () => {
  it('gradients that are not finite change nothing, and the next step is as if they had never been', async () => {
    const trainer = await open();
    stir(trainer);
    const before = trainer.readState();
    const row = sample(20, 1);
    await trainer.accumulate({ ...row, weights: row.weights.map(() => Number.NaN) });
    expect((await trainer.update(adamStep)).applied).toBe(false);
    expect(trainer.readState()).toEqual(before);
    await trainer.accumulate(row);
    expect((await trainer.update(adamStep)).applied).toBe(true);
    const other = await open();
    stir(other);
    await other.accumulate(row);
    await other.update(adamStep);
    expect(trainer.readState()).toEqual(other.readState());
    trainer.close();
    other.close();
  });

  it('a row that was cancelled leaves nothing after it is discarded', async () => {
    // Long enough to be cancelled in the middle.
    const trainer = await open({ maxTokens: 1024 });
    stir(trainer);
    const row = sample(1024, 3);
    const expected = await gradientsOf(trainer, [row]);
    const abort = new AbortController();
    const cancelled = trainer.accumulate(row, abort.signal);
    abort.abort();
    expect(await errorOf(cancelled)).toMatchObject({ code: 'request.cancelled' });
    trainer.discard();
    expect(await gradientsOf(trainer, [row])).toEqual(expected);
    trainer.close();
  });

  it('a trainer that is closed while it computes finishes that, and refuses what comes after', async () => {
    const trainer = await open();
    const running = trainer.accumulate(sample(60, 1));
    trainer.close();
    // Either it was done before the trainer was closed, or it was told so.
    await running.then(
      ({ trained }) => expect(trained).toBe(59),
      (error: unknown) => expect(error).toMatchObject({ code: 'internal.unexpected' }),
    );
    expect(await errorOf(trainer.evaluate(sample(20, 1)))).toMatchObject({ code: 'internal.unexpected' });
    expect(await errorOf(Promise.try(() => trainer.readState()))).toMatchObject({ code: 'internal.unexpected' });
    trainer.close();
  });
});

describe('what cannot be trained', () => {
  it('a file that ends early, is none, or lacks a tensor that is to be trained', async () => {
    expect(await errorOf(open({ modelPath: `${modelPath}.none` }))).toMatchObject({ code: 'train.badModel' });
    const cut = join(await mkdtemp(join(tmpdir(), 'trainer-')), 'cut.gguf');
    await writeFamilyModel(native, cut, { family: 'llama', layers: 2 });
    await truncate(cut, 150_000);
    expect(await errorOf(open({ modelPath: cut }))).toMatchObject({ code: 'train.badModel' });
    await truncate(cut, 100);
    expect(await errorOf(open({ modelPath: cut }))).toMatchObject({ code: 'train.badModel' });
    expect(await errorOf(open({ modules: [{ tensor: 'blk.9.attn_q.weight', rank: 4, scale: 1 }] }))).toMatchObject({
      code: 'train.badModel',
    });
    expect(await errorOf(open({ modules: [{ tensor: 'blk.0.attn_q.weight', rank: 0, scale: 1 }] }))).toMatchObject({
      code: 'train.badModel',
    });
  });

  it('a device that is not there', async () => {
    expect(await errorOf(open({ device: 'Vulkan99' }))).toMatchObject({ code: 'train.noDevice' });
  });
});
