import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { certifyOptions } from '#contract/adapters.ts';
import type { LogEntry } from '#contract/training.ts';
import { loadNative } from '#engine/native.ts';
import { errorOf } from '#test/expect-error.ts';
import { tinyFolder } from '#test/fixtures.ts';
import { realModelPath, realModels, realModelsNote } from '#test/real-models.ts';
import { finish, openTensor, options } from '../tensor-client.ts';
import { openTrainer } from '../trainer-client.ts';
import { writeFamilyModel } from './family-models.ts';
import { tales } from './story-data.ts';

const trainer = openTrainer();
const tensor = openTensor();
let folder = '';
let dataPath = '';
let modelPath = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lathe-train-'));
  dataPath = join(folder, 'tales.jsonl');
  modelPath = join(folder, 'tiny.gguf');
  await writeFile(dataPath, tales(24));
  await writeFamilyModel(loadNative(), modelPath, { family: 'llama', layers: 2 });
});

const small = {
  r: 4,
  lora_alpha: 8,
  learning_rate: 0.01,
  max_length: 128,
  max_steps: 12,
  per_device_train_batch_size: 2,
  gradient_accumulation_steps: 2,
  eval_split: 0.2,
  eval_steps: 4,
  save_steps: 4,
  lora_dropout: 0.1,
};

async function begin(name: string, settings: Record<string, unknown> = {}, more: Record<string, unknown> = {}) {
  const runFolder = join(folder, name);
  await mkdir(runFolder, { recursive: true });
  const request = {
    modelPath,
    baseName: 'tiny',
    dataPath,
    columns: {},
    settings: { ...small, ...settings },
    adapterPath: null,
    runFolder,
    outputPath: join(runFolder, 'adapter'),
    device: 'CPU',
    threads: 1,
    scratchFolder: join(folder, 'scratch'),
    ...more,
  };
  return { runFolder, start: (signal?: AbortSignal) => trainer.run(request, signal === undefined ? {} : { signal }) };
}
type Events = ReturnType<Awaited<ReturnType<typeof begin>>['start']>;

/** A run to its end; `at` may interfere when a step has been logged. */
async function follow(events: Events, at: (entry: LogEntry) => void = () => undefined) {
  const log: LogEntry[] = [];
  const samples: { step: number; prompt: string; text: string }[] = [];
  let firstStep = -1;
  for await (const event of events) {
    if (event.type === 'planned') ({ firstStep } = event);
    if (event.type === 'sample') samples.push(event.sample);
    if (event.type === 'log') {
      log.push(event.entry);
      at(event.entry);
    }
    if (event.type === 'finished') return { ...event, log, samples, firstStep };
  }
  throw new Error('it ended without a result');
}

const hashOf = async (path: string): Promise<string> =>
  createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
/** What a log says, but for time and memory. */
const curve = (log: readonly LogEntry[]) => log.map(({ tokens_per_second: _, seconds_left: __, memory_bytes: ___, ...entry }) => entry);

test('a run learns, tells its curve under TRL’s names, and leaves an adapter in both formats', async () => {
  const { runFolder, start } = await begin('plain');
  const end = await follow(start());
  expect(end.reason).toBe('completed');
  expect(end.step).toBe(12);
  expect(end.files.map(({ kind }) => kind)).toEqual(['gguf-adapter', 'peft-adapter']);
  expect(end.log).toHaveLength(12);
  const evaluations = end.log.map(({ eval_loss }) => eval_loss).filter((loss) => loss !== null);
  expect(evaluations).toHaveLength(3);
  expect(evaluations.at(-1)).toBeLessThan((evaluations[0] ?? 0) - 0.2);
  expect(end.log[11]?.loss).toBeLessThan((end.log[0]?.loss ?? 0) - 0.5);
  for (const entry of end.log) {
    expect(entry.grad_norm).toBeGreaterThan(0);
    expect(entry.mean_token_accuracy).toBeGreaterThanOrEqual(0);
    expect(entry.entropy).toBeGreaterThan(0);
  }
  expect(end.log.map(({ num_tokens }) => num_tokens)).toEqual(end.log.map(({ num_tokens }) => num_tokens).toSorted((a, b) => a - b));
  const written = (await readFile(join(runFolder, 'log.jsonl'), 'utf8')).trim().split('\n');
  expect(written.map((line) => (JSON.parse(line) as LogEntry).step)).toEqual(end.log.map(({ step }) => step));
}, 120_000);

test('a run that is paused, and one that is cut off in the middle of a step, go on to the same bytes', async () => {
  const whole = await begin('whole');
  const expected = await follow(whole.start());

  const paused = await begin('paused');
  const first = await follow(paused.start(), ({ step }) => {
    if (step === 5) void trainer.wish({ wish: 'pause' });
  });
  expect(first.reason).toBeNull();
  expect(first.files).toEqual([]);
  const second = await follow(paused.start());
  expect(second.firstStep).toBe(first.step);
  expect(curve([...first.log, ...second.log])).toEqual(curve(expected.log));

  const cut = await begin('cut');
  const abort = new AbortController();
  await errorOf(follow(cut.start(abort.signal), ({ step }) => void (step === 6 && setTimeout(() => abort.abort(), 5))));
  const rest = await follow(cut.start());
  expect(rest.firstStep).toBeGreaterThanOrEqual(4);

  const hash = await hashOf(join(whole.runFolder, 'adapter.gguf'));
  for (const { runFolder } of [paused, cut]) {
    expect(await hashOf(join(runFolder, 'adapter.gguf'))).toBe(hash);
    expect(await hashOf(join(runFolder, 'adapter', 'adapter_model.safetensors'))).toBe(
      await hashOf(join(whole.runFolder, 'adapter', 'adapter_model.safetensors')),
    );
  }
}, 180_000);

test('a checkpoint that was cut off is named, and one of other settings is not gone on from', async () => {
  const { runFolder, start } = await begin('damaged', { max_steps: 4 });
  await follow(start());
  const other = await begin('damaged', { max_steps: 4, r: 8 });
  expect(await errorOf(follow(other.start()))).toMatchObject({ code: 'train.settingsChanged' });
  await truncate(join(runFolder, 'checkpoints', 'step-00000004.ckpt'), 1000);
  expect(await errorOf(follow(start()))).toMatchObject({ code: 'train.badCheckpoint' });
}, 120_000);

test('of checkpoints the last ones and the best are kept, and nothing half-written', async () => {
  const { runFolder, start } = await begin('kept', { save_steps: 2, save_total_limit: 1 });
  await follow(start());
  const names = await readdir(join(runFolder, 'checkpoints'));
  expect(names.every((name) => name.endsWith('.ckpt'))).toBe(true);
  expect(names).toContain('step-00000012.ckpt');
  expect(names.length).toBeLessThanOrEqual(3);
}, 120_000);

test('a run that is told to stop keeps what it learned so far', async () => {
  const { start } = await begin('stopped');
  const end = await follow(start(), ({ step }) => {
    if (step === 3) void trainer.wish({ wish: 'stop' });
  });
  expect(end.reason).toBe('stopped');
  expect(end.step).toBeLessThan(12);
  expect(end.files).toHaveLength(2);
}, 120_000);

test('a run whose loss goes up for good ends at its best checkpoint, and says what to try', async () => {
  const { start } = await begin('diverging', {
    learning_rate: 1,
    use_peft: false,
    warmup_steps: 90,
    lr_scheduler_type: 'constant',
    max_grad_norm: 0,
    max_steps: 90,
    save_steps: 5,
    save_total_limit: 10,
    eval_split: 0,
  });
  const end = await follow(start());
  expect(end.reason).toBe('trouble');
  expect(end.warnings[0]?.code).toMatch(/^train\.(diverged|spiked|stepNotFinite)$/);
  expect(end.warnings[0]?.params['learningRate']).toBe(0.33);
  // From before the losses rose.
  const lossAt = (step: number): number => end.log[step - 1]?.loss ?? Infinity;
  expect(lossAt(end.step)).toBeLessThan(lossAt(end.log.length) / 1.3);
  expect(end.files).toHaveLength(1);
}, 180_000);

test('it stops early when evaluations get no better, with the best of them', async () => {
  const { start } = await begin('patient', {
    learning_rate: 0.05,
    max_steps: 80,
    eval_steps: 2,
    early_stopping_patience: 2,
    max_grad_norm: 1,
  });
  const end = await follow(start());
  const evaluations = end.log.filter(({ eval_loss }) => eval_loss !== null);
  const best = evaluations.reduce((least, entry) => ((entry.eval_loss ?? 0) < (least.eval_loss ?? 0) ? entry : least));
  expect(end.reason).toBe('earlyStopped');
  expect(end.step).toBe(best.step);
}, 180_000);

test('a run goes on from an adapter that another one made', async () => {
  const { runFolder, start } = await begin('first half');
  await follow(start());
  const from = async (adapterPath: string | null, name: string) =>
    (await follow((await begin(name, { max_steps: 1, lora_dropout: 0 }, { adapterPath })).start())).log[0]?.loss ?? 0;
  const fresh = await from(null, 'fresh');
  const ofGguf = await from(join(runFolder, 'adapter.gguf'), 'from gguf');
  expect(ofGguf).toBeLessThan(fresh - 0.5);
  expect(await from(join(runFolder, 'adapter'), 'from peft')).toBe(ofGguf);
}, 180_000);

test('settings that go with no other, and samples that no adapter can make, are refused before anything starts', async () => {
  const refused = async (settings: Record<string, unknown>) => errorOf(follow((await begin('refused', settings)).start()));
  expect(await refused({ target_modules: ['lm_head'] })).toMatchObject({ code: 'train.badSetting' });
  expect(await refused({ modules_to_save: ['q_proj'] })).toMatchObject({ code: 'train.badSetting' });
  expect(await refused({ modules_to_save: ['lm_head'], sample_steps: 1, sample_prompts: ['a'] })).toMatchObject({
    code: 'train.badSetting',
  });
  expect(await refused({ early_stopping_patience: 1, eval_split: 0 })).toMatchObject({ code: 'train.badSetting' });
  expect(await refused({ sample_steps: 1, sample_prompts: ['a'], use_dora: true })).toMatchObject({ code: 'train.badSetting' });
  expect(await refused({ max_length: 8 })).toMatchObject({ code: 'train.noTrainedTokens' });
});

test('DoRA leaves a PEFT folder, and all weights a model in float32', async () => {
  const dora = await follow((await begin('dora', { use_dora: true, max_steps: 2 })).start());
  expect(dora.files.map(({ kind }) => kind)).toEqual(['peft-adapter']);
  const { modules } = await tensor.adapter({ adapterPath: dora.files[0]?.path ?? '' });
  expect(modules.every(({ hasMagnitude }) => hasMagnitude)).toBe(true);
  const full = await follow((await begin('full', { use_peft: false, learning_rate: 0.001, max_steps: 6 })).start());
  expect(full.files.map(({ kind }) => kind)).toEqual(['gguf']);
  expect(full.log.at(-1)?.loss).toBeLessThan(full.log[0]?.loss ?? 0);
  const again = await begin('full again', { max_steps: 1 }, { modelPath: full.files[0]?.path ?? '' });
  expect((await follow(again.start())).log[0]?.loss).toBeLessThan((full.log[0]?.loss ?? 0) - 0.1);
}, 180_000);

test.for([
  ['an output of its own', false, ['embed_tokens', 'lm_head']],
  ['the embedding as its output', true, ['embed_tokens']],
] as const)(
  'matrices beside the layers are trained whole, and merged into a model with %s it says the same',
  { timeout: 120_000 },
  async ([, tied, saved]) => {
    const path = join(folder, `saved ${tied}.gguf`);
    await writeFamilyModel(loadNative(), path, { family: 'llama', layers: 2, tied });
    const settings = { modules_to_save: saved, lora_dropout: 0, max_steps: 6, eval_steps: 6 };
    const end = await follow((await begin(`saved ${tied}`, settings, { modelPath: path })).start());
    expect(end.files.map(({ kind }) => kind)).toEqual(['peft-adapter']);
    expect(end.warnings).toMatchObject([{ code: 'train.onlyPeft', params: { setting: 'modules_to_save' } }]);
    const adapterPath = end.files[0]?.path ?? '';
    const config = JSON.parse(await readFile(join(adapterPath, 'adapter_config.json'), 'utf8')) as Record<string, unknown>;
    expect(config['modules_to_save']).toEqual(tied ? ['model.embed_tokens'] : ['model.embed_tokens', 'lm_head']);
    expect(config['ensure_weight_tying']).toBe(tied ? true : undefined);

    const mergedPath = join(folder, `saved ${tied} merged.gguf`);
    await finish(
      tensor.merge({
        basePath: path,
        adapters: [{ path: adapterPath, scale: 1 }],
        target: null,
        outputPath: mergedPath,
        name: 'merged',
        options: options(),
        scratchFolder: join(folder, 'scratch'),
        threads: 1,
      }),
    );
    const still = { use_peft: true, learning_rate: 0, lora_dropout: 0, max_steps: 1 };
    const merged = await follow((await begin(`saved ${tied} merged`, still, { modelPath: mergedPath })).start());
    const base = await follow((await begin(`saved ${tied} base`, still, { modelPath: path })).start());
    const evaluation = (run: typeof end): number => run.log.at(-1)?.eval_loss ?? Number.NaN;
    expect(evaluation(merged)).toBeCloseTo(evaluation(end), 4);
    expect(evaluation(merged)).toBeLessThan(evaluation(base) - 0.05);
  },
);

test('samples that are packed into rows lose nothing and see nothing of each other', async () => {
  const settings = { max_steps: 1, eval_split: 0, lora_dropout: 0, max_length: 512, per_device_train_batch_size: 100 };
  const first = async (packing: boolean) => (await follow((await begin(`packed ${packing}`, { ...settings, packing })).start())).log[0];
  const [apart, packed] = [await first(false), await first(true)];
  expect(packed?.num_tokens).toBe(apart?.num_tokens);
  expect(packed?.loss).toBeCloseTo(apart?.loss ?? 0, 4);
  expect(packed?.grad_norm).toBeCloseTo(apart?.grad_norm ?? 0, 3);
  expect(packed?.mean_token_accuracy).toBeCloseTo(apart?.mean_token_accuracy ?? 0, 2);
}, 60_000);

test('folders are trained on as well, in floats and in NF4, and the adapter fits them', async () => {
  const floats = await tinyFolder();
  const nf4 = join(folder, 'nf4');
  const scratchFolder = join(folder, 'scratch');
  await finish(
    tensor.quantize({ modelPath: floats, target: 'nf4', outputPath: nf4, name: 'nf4', options: options(), scratchFolder, threads: 1 }),
  );
  const losses: number[] = [];
  for (const [name, path] of [
    ['floats', floats],
    ['nf4', nf4],
  ] as const) {
    const end = await follow((await begin(`folder ${name}`, { max_steps: 2, eval_split: 0 }, { modelPath: path })).start());
    losses.push(end.log[0]?.loss ?? 0);
    const adapters = [{ path: end.files[1]?.path ?? '', scale: 1 }];
    expect((await tensor.adapterChanges({ basePath: path, adapters })).every(({ relativeChange }) => relativeChange > 0)).toBe(true);
  }
  // NF4 rounds the weights: nearly the same model, and not the same.
  expect(losses[1]).not.toBe(losses[0]);
  expect(Math.abs((losses[1] ?? 0) - (losses[0] ?? 0))).toBeLessThan(0.3);
}, 120_000);

test.skipIf(realModels === null)(
  `story656K learns a style from 300 samples, and says it${realModelsNote}`,
  async () => {
    const path = join(folder, 'style.jsonl');
    await writeFile(path, tales(300));
    const settings = {
      max_steps: 60,
      max_length: 256,
      r: 8,
      lora_alpha: 16,
      lora_dropout: 0,
      learning_rate: 5e-3,
      eval_split: 0.1,
      eval_steps: 20,
    };
    const prompt = 'Once upon a time, Ben had a hat in the park. ';
    const said = { sample_steps: 60, sample_prompts: [prompt], sample_tokens: 24 };
    const more = { modelPath: realModelPath('story656k', 'story656K-f32.gguf'), dataPath: path };
    const end = await follow((await begin('style', { ...settings, ...said }, more)).start());
    const evaluations = end.log.map(({ eval_loss }) => eval_loss).filter((loss) => loss !== null);
    expect(evaluations.at(-1)).toBeLessThan((evaluations[0] ?? 0) / 2);
    expect(end.samples.at(-1)?.text).toContain('king');
    // Merged into the weights and beside them it is the same model.
    const scratchFolder = join(folder, 'scratch');
    const adapters = [{ path: end.files[0]?.path ?? '', scale: 1 }];
    const mergedPath = join(folder, 'merged.gguf');
    const { modelPath: basePath } = more;
    await finish(
      tensor.merge({
        basePath,
        adapters,
        target: null,
        outputPath: mergedPath,
        name: 'merged',
        options: options(),
        scratchFolder,
        threads: 1,
      }),
    );
    const measured = certifyOptions.parse({
      contextLength: 64,
      windows: 4,
      textPath: realModelPath('corpora', 'tinystories-recased-60k.txt'),
    });
    const { measure } = await finish(tensor.certify({ basePath, adapters, mergedPath, options: measured, scratchFolder, threads: 1 }));
    expect(measure.findings).toEqual([]);
    expect(measure.verdict).toBe('green');
    expect(measure.runtime?.effectKl).toBeGreaterThan(0.1);
  },
  300_000,
);
