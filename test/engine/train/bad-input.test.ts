import { mkdir, mkdtemp, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { checkSettings } from '#core/training/check-settings.ts';
import type { TrainableFamily } from '#core/training/families.ts';
import type { LogEntry } from '#contract/training.ts';
import { loadNative } from '#engine/native.ts';
import type { Trainer } from '#engine/native-train.ts';
import type { EncodedData } from '#engine/trainer/data.ts';
import { runTraining } from '#engine/trainer/run.ts';
import { errorOf } from '#test/expect-error.ts';
import { openTrainer } from '../trainer-client.ts';
import { normal, VOCABULARY, writeFamilyModel } from './family-models.ts';
import { tales } from './story-data.ts';

/** What a run meets that it cannot go on with: it says so by a code, and loses nothing of what was there. */

const native = loadNative();
const trainer = openTrainer();
let folder = '';
let modelPath = '';
let family: TrainableFamily;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lathe-bad-input-'));
  modelPath = join(folder, 'tiny.gguf');
  family = await writeFamilyModel(native, modelPath, { family: 'llama', layers: 2 });
});

async function request(name: string, data: string, settings: Record<string, unknown> = {}) {
  const runFolder = join(folder, name);
  const dataPath = join(folder, `${name}.jsonl`);
  await mkdir(join(runFolder, 'checkpoints'), { recursive: true });
  await writeFile(dataPath, data);
  return {
    modelPath,
    baseName: 'tiny',
    dataPath,
    columns: {},
    settings: { r: 2, max_length: 128, max_steps: 6, save_steps: 2, per_device_train_batch_size: 2, ...settings },
    adapterPath: null,
    runFolder,
    outputPath: join(runFolder, 'adapter'),
    device: 'CPU',
    threads: 1,
    scratchFolder: join(folder, 'scratch'),
  };
}

async function finish(events: ReturnType<typeof trainer.run>): Promise<{ reason: string | null; firstStep: number }> {
  let firstStep = -1;
  for await (const event of events) {
    if (event.type === 'planned') ({ firstStep } = event);
    if (event.type === 'finished') return { reason: event.reason, firstStep };
  }
  throw new Error('it ended without a result');
}

describe('datasets', () => {
  test.for([
    ['nothing at all', '', 0],
    ['blank lines', '\n\n  \n', 0],
    ['no JSON', 'once\nupon\n', 2],
    ['records of no known shape', '{"a":1}\n[1,2]\n"text"\n', 3],
    ['conversations without an answer', '{"messages":[{"role":"user","content":"Hi"}]}\n', 1],
    ['empty texts', '{"text":""}\n{"prompt":"a","completion":""}\n', 2],
  ] as const)('%s is refused with the number of records that cannot be used', async ([name, data, problems]) => {
    const error = await errorOf(finish(trainer.run(await request(name, data))));
    expect(error).toMatchObject({ code: 'train.noSamples', params: { problems } });
  });

  test('a template that gives up on every conversation is named with its words, by a check and by a run', async () => {
    const data = '{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Ho"}]}\n'.repeat(3);
    const settings = { chat_template: "{{ raise_exception('never') }}" };
    const raising = await request('raising', data, settings);
    // It was told as "300 of its records cannot be used", and nobody learned why.
    const failed = { code: 'chat.templateFailed', params: { problem: expect.stringContaining('never') } };
    expect(await errorOf(finish(trainer.run(raising)))).toMatchObject(failed);
    expect(await errorOf(trainer.checkData({ ...raising, shown: 1, first: 0 }))).toMatchObject(failed);
  });

  // The check failed with "it tells line by line what is wrong", and told no line.
  test('a dataset of which nothing can be used is checked line by line all the same', async () => {
    const hopeless = await request('hopeless', '{"a":1}\nno JSON\n{"messages":[{"role":"user","content":"Hi"}]}\n');
    expect(await trainer.checkData({ ...hopeless, shown: 5, first: 0 })).toMatchObject({
      samples: 0,
      trainSamples: 0,
      totalSteps: 0,
      fields: ['a', 'messages'],
      problems: [
        { line: 1, kind: 'unknownShape' },
        { line: 2, kind: 'invalidJson' },
        { line: 3, kind: 'noAnswer' },
      ],
      shown: [],
    });
  });

  test('a run calls the dataset as its user does, not by the name of its copy', async () => {
    const renamed = { ...(await request('renamed', '{"a":1}\n')), dataName: 'my tales.csv' };
    expect(await errorOf(finish(trainer.run(renamed)))).toMatchObject({ params: { file: 'my tales.csv' } });
  });

  test('a sample whose answer lies beyond the window is left out by its line: no batch is without a trained token', async () => {
    const data = [
      JSON.stringify({ prompt: 'a'.repeat(200), completion: 'never reached' }),
      JSON.stringify({ prompt: 'a', completion: 'reached' }),
    ].join('\n');
    const { dataPath, scratchFolder, settings } = await request('beyond', data, { per_device_train_batch_size: 1, max_steps: 2 });
    const report = await trainer.checkData({ modelPath, dataPath, columns: {}, settings, shown: 5, first: 0, scratchFolder });
    expect(report.problems).toEqual([{ line: 1, kind: 'nothingTrained' }]);
    expect(report.shown.map(({ line }) => line)).toEqual([2]);
  });
});

test('too little memory is said before the weights are loaded, with what is needed and what is free', async () => {
  const small = openTrainer(() => 100_000);
  const error = await errorOf(finish(small.run(await request('crowded', tales(4)))));
  expect(error).toMatchObject({ code: 'train.tooLittleMemory', params: { freeBytes: 100_000 } });
  // Two layers of float32, and the adapters with gradients and both moments.
  expect(error.params['neededBytes']).toBeGreaterThan(400_000);
  // What is streamed does not count.
  const streaming = await errorOf(finish(small.run(await request('streamed', tales(4), { weight_streaming: true }))));
  expect(streaming.params['neededBytes']).toBeLessThan(Number(error.params['neededBytes']));
});

// A device that is always full, under the name that the checkpoint is first written to.
test.runIf(process.platform === 'linux')(
  'a disk that is full at a checkpoint fails the run by name; what was saved is kept, and it goes on to the same adapter',
  async () => {
    const whole = await request('roomy', tales(8));
    await finish(trainer.run(whole));
    const crowded = await request('full', tales(8));
    const checkpoints = join(crowded.runFolder, 'checkpoints');
    await symlink('/dev/full', join(checkpoints, 'step-00000004.ckpt.partial'));
    expect(await errorOf(finish(trainer.run(crowded)))).toMatchObject({ code: 'disk.full' });
    expect(await readdir(checkpoints)).toEqual(['step-00000002.ckpt']);
    expect(await finish(trainer.run(crowded))).toEqual({ reason: 'completed', firstStep: 2 });
    const [first, second] = [whole, crowded].map(({ outputPath }) => `${outputPath}.gguf`);
    expect(await readFile(second ?? '')).toEqual(await readFile(first ?? ''));
  },
  60_000,
);

const openSmall = (): Promise<Trainer> =>
  native.openTrainer({
    modelPath,
    family,
    device: 'CPU',
    threads: 1,
    maxTokens: 16,
    modules: [{ tensor: 'blk.0.attn_q.weight', rank: 2, scale: 1 }],
  });

/** A run of random tokens on a trainer, whose steps may be interfered with. */
async function run(name: string, change: (own: Trainer, step: number) => void) {
  const own = await openSmall();
  const next = normal(5);
  const samples = Array.from({ length: 4 }, (_, line) => ({
    line: line + 1,
    cutTokens: 0,
    tokens: Int32Array.from({ length: 16 }, () => Math.floor(Math.abs(next()) * 100) % VOCABULARY),
    mask: new Uint8Array(16).fill(1),
    pieces: () => [],
  }));
  const rows = samples.map((_, index) => [index]);
  const data: EncodedData = { samples, problems: [], duplicates: [], train: [0, 1, 2, 3], evaluation: [], rows, evaluationRows: [] };
  const checkpointFolder = join(folder, name);
  await mkdir(checkpointFolder);
  const log: LogEntry[] = [];
  let step = 0;
  const settings = checkSettings({ per_device_train_batch_size: 1, gradient_accumulation_steps: 1, max_steps: 20, save_steps: 2 });
  const interfered: Trainer = {
    ...own,
    update: async (options) => {
      const result = await own.update(options);
      change(own, ++step);
      return result;
    },
  };
  try {
    const end = await runTraining({
      trainer: interfered,
      data,
      settings,
      togetherTokens: 0,
      vocabulary: 512,
      checkpointFolder,
      fingerprint: 'x',
      signal: new AbortController().signal,
      takeWish: () => null,
      tell: {
        log: async (entry) => void log.push(entry),
        checkpoint: () => undefined,
        progress: () => undefined,
        begin: async () => undefined,
        samples: async () => undefined,
      },
    });
    return { end, log, state: own.readState() };
  } finally {
    own.close();
  }
}

const plantNaN = (own: Trainer): void => {
  const state = own.readState();
  state.parameters.fill(Number.NaN);
  own.writeState(state);
};

describe('numbers that are none', () => {
  test('a run whose weights become NaN ends with those of the last good checkpoint, and suggests a lower learning rate', async () => {
    const { end, log, state } = await run('planted', (own, step) => void (step === 5 && plantNaN(own)));
    expect(end).toMatchObject({ reason: 'trouble', step: 4 });
    expect(end.warnings).toMatchObject([
      { code: 'train.stepNotFinite', params: { step: 8, count: 3, goodStep: 4, learningRate: 0.000067 } },
    ]);
    expect(state.parameters.every(Number.isFinite)).toBe(true);
    // What was not a number is no number of the log either.
    expect(log.at(-1)).toMatchObject({ step: 8, loss: null, grad_norm: null });
  });

  test('one that goes wrong before there is a checkpoint says so, and what to try', async () => {
    const error = await errorOf(run('at once', (own, step) => void (step === 1 && plantNaN(own))));
    expect(error).toMatchObject({ code: 'train.lostEarly', params: { step: 4 } });
  });
});

test('a closed trainer answers every call with a code', async () => {
  const own = await openSmall();
  const state = own.readState();
  own.close();
  const closed = { code: 'internal.unexpected', params: { problem: 'a closed trainer' } };
  const calls = [() => own.memory(), () => own.readState(), () => own.writeState(state), () => own.discard()];
  for (const call of calls) expect(await errorOf(Promise.resolve().then(call))).toMatchObject(closed);
  expect(await errorOf(own.update({ optimizer: 'sgd', learningRate: 1, gradientScale: 1 }))).toMatchObject(closed);
  own.close();
});
