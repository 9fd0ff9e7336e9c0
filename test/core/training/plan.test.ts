import { expect, test } from 'vitest';
import { dataNumbers } from '#core/training/data-report.ts';
import { initialA, loraModules, parameterCount } from '#core/training/modules.ts';
import { planSteps, shuffled, splitSamples } from '#core/training/order.ts';
import { joinRows, rowOf, rowsOf, trainedTokens } from '#core/training/rows.ts';
import { fieldNames, readDataset } from '#core/training/samples.ts';
import { defaultSettings, type TrainingSettings } from '#core/training/settings.ts';
import { tokenOffsets } from '#core/training/token-offsets.ts';
import { newWatch, watchEvaluation, watchStep, type Trouble, type WatchState } from '#core/training/watch.ts';
import { errorOf } from '#test/expect-error.ts';

const settings = (changed: Partial<TrainingSettings>): TrainingSettings => ({ ...defaultSettings, ...changed });
const sample = (tokens: number[], mask: number[]) => ({ tokens: Int32Array.from(tokens), mask: Uint8Array.from(mask) });

const llama = {
  layers: 3,
  linears: ['attn_q', 'attn_v', 'ffn_down'],
  shapeOf: (tensor: string): readonly [number, number] => (tensor.includes('ffn_down') ? [12, 8] : [8, 8]),
};

test('a row says of each token what follows it, and of the last nothing', () => {
  const row = rowOf([sample([5, 6, 7], [0, 0, 1]), sample([8, 9], [1, 1])]);
  expect([...row.tokens]).toEqual([5, 6, 7, 8, 9]);
  expect([...row.labels]).toEqual([-1, 7, -1, 9, -1]);
  expect([...row.weights]).toEqual([0, 1, 0, 1, 0]);
  expect([...row.positions]).toEqual([0, 1, 2, 0, 1]);
  expect([...row.segments]).toEqual([0, 0, 0, 1, 1]);
});

test('the first token of a sample is never predicted, so it does not count as trained', () =>
  expect(trainedTokens(sample([1, 2, 3], [1, 1, 0]))).toBe(1));

test('packing keeps every sample once, in rows that are not too long', () => {
  const samples = [3, 7, 2, 5, 1].map((length) => sample(Array(length).fill(1), Array(length).fill(1)));
  const rows = rowsOf(samples, 8, true);
  expect(rows.flat().toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4]);
  for (const row of rows) expect(row.reduce((sum, index) => sum + (samples[index]?.tokens.length ?? 0), 0)).toBeLessThanOrEqual(8);
  expect(rows.length).toBe(3);
});

test('neighbours go together while they fit, in their order, and a row that is too long by itself goes alone', () => {
  const lengths = [3, 4, 2, 9, 1, 1];
  const joined = joinRows(
    lengths.map((_, index) => [index]),
    ([index = 0]) => lengths[index] ?? 0,
    8,
  );
  expect(joined).toEqual([[0, 1], [2], [3], [4, 5]]);
});

test('every epoch sees each row once, in an order that only the seed decides', () => {
  const plan = planSteps(10, settings({ per_device_train_batch_size: 2, gradient_accumulation_steps: 2, num_train_epochs: 2 }));
  expect(plan.stepsPerEpoch).toBe(3);
  expect(plan.totalSteps).toBe(6);
  const epoch = (number: number): number[] => [0, 1, 2].flatMap((step) => [...plan.rowsOf(number * 3 + step)]);
  const all = Array.from({ length: 10 }, (_, index) => index);
  expect(epoch(0).toSorted((a, b) => a - b)).toEqual(all);
  expect(epoch(1).toSorted((a, b) => a - b)).toEqual(all);
  expect(epoch(0)).not.toEqual(epoch(1));
  const again = planSteps(10, settings({ per_device_train_batch_size: 2, gradient_accumulation_steps: 2 }));
  expect([...again.rowsOf(4)]).toEqual([...plan.rowsOf(4)]);
});

test('max_steps stands above the epochs', () => expect(planSteps(10, settings({ max_steps: 7 })).totalSteps).toBe(7));

test('a shuffle spreads evenly: no place is preferred', () => {
  const first = Array.from({ length: 4000 }, (_, seed) => shuffled(4, 'even', seed)[0] ?? 0);
  // Binomial, n = 4000, p = 1/4: six standard deviations are 164.
  for (let value = 0; value < 4; value++) expect(Math.abs(first.filter((each) => each === value).length - 1000)).toBeLessThan(164);
});

test('a split leaves something for both sides and loses nothing', () => {
  const { train, evaluation } = splitSamples(10, 0.3, 1);
  expect(evaluation).toHaveLength(3);
  expect([...train, ...evaluation].toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(splitSamples(2, 0.01, 1).evaluation).toHaveLength(1);
  expect(splitSamples(1, 0.5, 1)).toEqual({ train: [0], evaluation: [] });
});

test('targets go by both formats’ names, and what names nothing is refused', async () => {
  const named = loraModules(llama, settings({ target_modules: ['q_proj', 'ffn_down'], r: 2 }));
  expect(named.map(({ tensor }) => tensor)).toEqual(
    [0, 1, 2].flatMap((layer) => [`blk.${layer}.attn_q.weight`, `blk.${layer}.ffn_down.weight`]),
  );
  // (8 + 8) · 2 + (12 + 8) · 2 for each of three layers.
  expect(parameterCount(named, false)).toBe(3 * (32 + 40));
  expect(loraModules(llama, defaultSettings)).toHaveLength(9);
  expect(await errorOf(() => loraModules(llama, settings({ target_modules: ['k_proj'] })))).toMatchObject({ code: 'train.badSetting' });
});

test('patterns give single layers another rank and another strength', async () => {
  const modules = loraModules(
    llama,
    settings({ r: 4, lora_alpha: 8, rank_pattern: { 'layers.1.self_attn.q_proj': 2 }, alpha_pattern: { v_proj: 16 } }),
  );
  const of = (tensor: string) => modules.find((module) => module.tensor === tensor);
  expect(of('blk.1.attn_q.weight')).toMatchObject({ rank: 2, scale: 4 });
  expect(of('blk.0.attn_q.weight')).toMatchObject({ rank: 4, scale: 2 });
  expect(of('blk.2.attn_v.weight')).toMatchObject({ rank: 4, scale: 4 });
  expect(await errorOf(() => loraModules(llama, settings({ rank_pattern: { 'layers.9.q_proj': 2 } })))).toMatchObject({
    code: 'train.badSetting',
  });
});

test('patterns are regular expressions on PEFT’s paths as well', () => {
  const ranks = loraModules(llama, settings({ r: 4, rank_pattern: { 'model\\.layers\\.[12]\\.self_attn\\..*_proj': 2 } }));
  expect(ranks.filter(({ rank }) => rank === 2).map(({ tensor }) => tensor)).toEqual(
    [1, 2].flatMap((layer) => ['attn_q', 'attn_v'].map((name) => `blk.${layer}.${name}.weight`)),
  );
});

test('only the layers that are named are adapted, and one that the model has not is refused', async () => {
  const modules = loraModules(llama, settings({ target_modules: ['q_proj'], layers_to_transform: [0, 2] }));
  expect(modules.map(({ tensor }) => tensor)).toEqual(['blk.0.attn_q.weight', 'blk.2.attn_q.weight']);
  expect(await errorOf(() => loraModules(llama, settings({ layers_to_transform: [3] })))).toMatchObject({
    code: 'train.badSetting',
    params: { value: 3, expected: 'a layer from 0 to 2' },
  });
});

test('rsLoRA scales by the root of the rank', () =>
  expect(loraModules(llama, settings({ r: 16, lora_alpha: 8, use_rslora: true }))[0]?.scale).toBe(2));

test('A begins uniform within 1/√inputs, and its halves and its variance are those of that distribution', () => {
  const module = { tensor: 'blk.0.attn_q.weight', rank: 64, inputs: 256, outputs: 8, scale: 1 };
  const a = initialA(module, true, 7);
  const bound = 1 / 16;
  const mean = a.reduce((sum, x) => sum + x, 0) / a.length;
  const variance = a.reduce((sum, x) => sum + (x - mean) ** 2, 0) / a.length;
  expect(Math.max(...a)).toBeLessThanOrEqual(bound);
  expect(Math.min(...a)).toBeGreaterThanOrEqual(-bound);
  expect(Math.abs(mean)).toBeLessThan(0.002);
  expect(variance).toBeCloseTo(bound ** 2 / 3, 4);
  expect(initialA(module, true, 7)).toEqual(a);
  expect(initialA(module, true, 8)).not.toEqual(a);
  const gaussian = initialA(module, 'gaussian', 7);
  expect(Math.sqrt(gaussian.reduce((sum, x) => sum + x * x, 0) / gaussian.length)).toBeCloseTo(1 / 64, 3);
});

/** Of 512 tokens. */
const GUESS = Math.log(512);
const run = (losses: readonly number[], applied = true): Trouble | null => {
  let state: WatchState = newWatch;
  for (const [step, loss] of losses.entries()) {
    const seen = watchStep(state, step + 1, loss, applied, GUESS);
    state = seen.state;
    if (seen.trouble !== null) return seen.trouble;
  }
  return null;
};
const flat = (count: number, loss: number): number[] => Array<number>(count).fill(loss);

test('noise and one hard batch are no trouble; what stays high, rises or is no number is', () => {
  expect(run([...flat(20, 2), 9, ...flat(20, 1.9)])).toBeNull();
  expect(run(Array.from({ length: 200 }, (_, i) => 2 + Math.sin(i)))).toBeNull();
  expect(run([...flat(20, 2), 9, 9, 9])).toBe('spike');
  expect(run([...flat(20, 1), ...Array.from({ length: 40 }, (_, i) => 1 + i / 20)])).toBe('divergence');
  expect(run([2, Number.NaN, Number.NaN, Number.NaN])).toBe('notFinite');
  expect(run([2, 2, 2], false)).toBe('notFinite');
});

test('a model that knew something and is worse than a guess after ten steps is lost; one that never knew more is not', () => {
  // Seen with a learning rate of 5: from 3.8 to 7 at once, and flat from there.
  expect(run([3.8, ...flat(9, 7)])).toBe('lost');
  expect(run([5.9, ...flat(9, 6.4)])).toBeNull();
  expect(run([6.3, ...flat(30, 6.3)])).toBeNull();
  expect(run([2, ...flat(9, 4)])).toBeNull();
  expect(run([...flat(20, 3.8), ...flat(10, 6)])).toBe('divergence');
});

test('the step at which the losses were least is known', () => {
  let state = newWatch;
  for (const [step, loss] of [...flat(10, 3), ...flat(10, 2), ...flat(10, 2.2)].entries())
    ({ state } = watchStep(state, step, loss, true, GUESS));
  expect(state).toMatchObject({ leastMean: 2, leastMeanStep: 19 });
});

test('a run stops when as many evaluations as its patience were no better', () => {
  let state = newWatch;
  const stops: boolean[] = [];
  for (const [step, loss] of [3, 2, 2.5, 1.9, 2, 2.1].entries()) {
    const seen = watchEvaluation(state, step, loss, 2);
    state = seen.state;
    stops.push(seen.stops);
  }
  expect(stops).toEqual([false, false, false, false, false, true]);
  expect(state.bestEval).toEqual({ step: 3, loss: 1.9 });
});

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const piece = (text: string, isSpecial = false) => ({ bytes: bytes(text), isSpecial });

test('offsets follow the bytes, also where SentencePiece puts a space before a text or a character has two tokens', () => {
  expect(tokenOffsets(bytes('ab c'), [piece('▁ab'), piece('▁c')], true)).toEqual([
    { start: 0, end: 2 },
    { start: 2, end: 4 },
  ]);
  const accent = bytes('é');
  expect(
    tokenOffsets(
      bytes('<s> é'),
      [piece('<s>', true), piece(' '), { bytes: accent.subarray(0, 1), isSpecial: false }, { bytes: accent.subarray(1), isSpecial: false }],
      false,
    ),
  ).toEqual([
    { start: 0, end: 3 },
    { start: 3, end: 4 },
    { start: 4, end: 5 },
    { start: 5, end: 6 },
  ]);
});

test('a mark for a space that is written byte by byte is the space, whichever of its bytes a token holds', () => {
  const mark = bytes('▁');
  const pieces = [...mark].map((byte) => ({ bytes: Uint8Array.of(byte), isSpecial: false }));
  const space = { start: 1, end: 2 };
  expect(tokenOffsets(bytes('a b'), [piece('a'), ...pieces, piece('b')], true)).toEqual([
    { start: 0, end: 1 },
    space,
    space,
    space,
    { start: 2, end: 3 },
  ]);
});

test('spaces that a special token takes are passed over; other tokens than the text’s are noticed', () => {
  expect(tokenOffsets(bytes('a <end>\nb'), [piece('a'), piece('<end>', true), piece('b')], false)?.map(({ start }) => start)).toEqual([
    0, 2, 8,
  ]);
  expect(tokenOffsets(bytes('abc'), [piece('ab'), piece('d')], false)).toBeNull();
  expect(tokenOffsets(bytes('abc'), [piece('ab')], false)).toBeNull();
});

test('fields of other names can be assigned', () => {
  const csv = 'frage,antwort\nWie?,So.\n';
  expect(readDataset(csv, 'csv').problems).toEqual([{ line: 2, kind: 'unknownShape' }]);
  expect(fieldNames(csv, 'csv')).toEqual(['frage', 'antwort']);
  expect(readDataset(csv, 'csv', { prompt: 'frage', completion: 'antwort' }).samples).toEqual([
    {
      line: 2,
      kind: 'messages',
      messages: [
        { role: 'user', content: 'Wie?' },
        { role: 'assistant', content: 'So.' },
      ],
    },
  ]);
  expect(
    readDataset('{"chat":[{"from":"human","value":"a"},{"from":"gpt","value":"b"}]}', 'jsonl', { messages: 'chat' }).samples,
  ).toHaveLength(1);
});

test('a plain text is as many texts as it has paragraphs', () =>
  expect(readDataset('One\ntwo\n\n\nThree', 'text').samples).toEqual([
    { line: 1, kind: 'text', text: 'One\ntwo' },
    { line: 5, kind: 'text', text: 'Three' },
  ]));

test('lengths are counted in buckets that hold every sample', () => {
  const samples = [1, 5, 5, 40].map((length) => sample(Array(length).fill(1), Array(length).fill(1)));
  const numbers = dataNumbers(samples);
  expect(numbers).toMatchObject({ samples: 4, tokens: 51, longest: 40, medianLength: 5, trainedTokens: 47 });
  expect(numbers.lengths.reduce((sum, bucket) => sum + bucket.samples, 0)).toBe(4);
  expect(numbers.lengths.find(({ from, to }) => from <= 5 && 5 < to)?.samples).toBeGreaterThanOrEqual(2);
  expect(dataNumbers([]).lengths).toEqual([]);
});
