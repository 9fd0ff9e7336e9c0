import { createHash } from 'node:crypto';
import { appendFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { AppError } from '#core/errors/index.ts';
import type { TrainingRun } from '#contract/training.ts';
import { loadNative } from '#engine/native.ts';
import { writeFamilyModel } from '../../engine/train/family-models.ts';
import { tales } from '../../engine/train/story-data.ts';
import { errorOf } from '../../expect-error.ts';
import { tinyFolder } from '../../fixtures.ts';
import { endOf } from '../support/jobs.ts';
import { all, eventually, openTest, temporaryFolder } from '../support/open.ts';

const settings = {
  r: 4,
  lora_alpha: 8,
  learning_rate: 0.01,
  max_length: 128,
  max_steps: 10,
  per_device_train_batch_size: 2,
  gradient_accumulation_steps: 2,
  eval_split: 0.2,
  eval_steps: 5,
  save_steps: 3,
};

/** The services with a tiny model and a dataset. */
async function withData() {
  const opened = await openTest();
  const folder = temporaryFolder();
  const modelPath = join(folder, 'tiny.gguf');
  const dataPath = join(folder, 'tales.jsonl');
  await writeFamilyModel(loadNative(), modelPath, { family: 'llama', layers: 2 });
  await writeFile(dataPath, tales(24));
  const { id: baseId } = await opened.client.library.find({ reference: modelPath });
  const { training } = opened.client;
  const start = (more: object = {}, device = 'CPU'): Promise<TrainingRun> =>
    training.start({ baseId, dataPath, name: 'style', settings: { ...settings, ...more }, device });
  const end = async (runId: string): Promise<TrainingRun> => {
    const { run } = await training.get({ runId });
    if (run.jobId !== null) await endOf(opened.client, run.jobId);
    return (await training.get({ runId })).run;
  };
  return { ...opened, folder, modelPath, dataPath, baseId, training, start, end };
}

test('a run ends as adapters in the library, with what they were made from and how', async () => {
  const { client, training, start, end, baseId } = await withData();
  const { id } = await start();
  const run = await end(id);
  expect(run).toMatchObject({ state: 'done', totalSteps: 10, error: null, result: { reason: 'completed', step: 10 } });
  const [gguf, peft] = run.result?.modelIds ?? [];
  const { model, lineage } = await client.library.get({ modelId: gguf ?? '' });
  expect(model).toMatchObject({ kind: 'gguf-adapter', origin: 'made', name: 'style', state: { status: 'ready' } });
  expect(lineage.parents).toMatchObject([{ modelId: baseId, role: 'base', sha256: run.baseSha256 }]);
  expect(lineage.recipe).toMatchObject({ kind: 'train', dataSha256: run.dataSha256, settings: { r: 4, max_steps: 10 }, step: 10 });
  expect((await client.library.get({ modelId: peft ?? '' })).model.kind).toBe('peft-adapter');
  const fits = await client.adapters.fits({ adapterId: gguf ?? '' });
  expect(fits.find(({ modelId }) => modelId === baseId)).toBeDefined();
  const { log } = await training.get({ runId: id });
  expect(log).toHaveLength(10);
  expect(run.checkpoints.some(({ isBest }) => isBest)).toBe(true);
}, 60_000);

test('before and after answer the same prompts, and the answers are kept with the run', async () => {
  const { training, start, end } = await withData();
  const { id } = await start({ max_steps: 40, eval_split: 0, max_length: 256 });
  const prompts = ['Once upon a time, Ben had a hat in the park. ', 'Once'];
  expect(await errorOf(training.compare({ runId: id, prompts }))).toMatchObject({ code: 'train.nothingToCompare' });
  await end(id);
  const comparison = await training.compare({ runId: id, prompts, tokens: 12 });
  expect(comparison.pairs.map(({ prompt }) => prompt)).toEqual(prompts);
  const [first] = comparison.pairs;
  // A model of random weights before, one that has learned the tales' letters after.
  expect(first?.after).not.toBe(first?.before);
  expect((await training.get({ runId: id })).comparison).toEqual(comparison);
  expect(await training.compare({ runId: id, prompts, tokens: 12 })).toMatchObject({ pairs: comparison.pairs });
}, 60_000);

test('a Parquet dataset is trained on, kept with its run as lines, and leaves with a recipe', async () => {
  const { training, baseId, end, folder } = await withData();
  const dataPath = fileURLToPath(new URL('../../golden/parquet/messages-snappy.parquet', import.meta.url));
  const chat = { ...settings, chat_template: 'chatml', max_length: 512, max_steps: 1, eval_split: 0 };
  expect(await training.fields({ dataPath })).toEqual({ fields: ['messages', 'id'] });
  expect(await training.checkData({ baseId, dataPath, settings: chat })).toMatchObject({ samples: 40, problemCount: 0 });
  const { id } = await training.start({ baseId, dataPath, name: 'style', settings: chat });
  const run = await end(id);
  expect(run).toMatchObject({ state: 'done' });
  expect(run.dataSha256).toBe(
    createHash('sha256')
      .update(await readFile(dataPath))
      .digest('hex'),
  );
  const outputFolder = join(folder, 'recipe');
  const { files } = await training.exportRecipe({ runId: id, format: 'axolotl', outputFolder });
  expect(files.some((file) => file.endsWith('.jsonl'))).toBe(true);
}, 60_000);

test('a follower hears of every step, of checkpoints and of the end, and then no more', async () => {
  const { training, start } = await withData();
  const { id } = await start();
  const events = await all(training.follow({ runId: id }));
  const steps = events.flatMap((event) => (event.type === 'log' ? [event.entry.step] : []));
  expect(steps).toEqual(steps.toSorted((a, b) => a - b));
  expect(steps.at(-1)).toBe(10);
  expect(events.some(({ type }) => type === 'checkpoint')).toBe(true);
  expect(events.at(-1)).toMatchObject({ type: 'run', run: { state: 'done' } });
}, 60_000);

test('a run that is paused waits as long as it is left, and goes on to the same adapter', async () => {
  const { training, start, end, folder } = await withData();
  const whole = await end((await start()).id);
  const { id } = await start({ max_steps: 10 });
  for await (const event of training.follow({ runId: id })) if (event.type === 'log' && event.entry.step >= 2) break;
  const paused = await training.pause({ runId: id });
  expect(paused).toMatchObject({ state: 'paused', result: null });
  expect(paused.checkpoints.length).toBeGreaterThan(0);
  expect(await errorOf(training.pause({ runId: id }))).toMatchObject({ code: 'train.notRunning' });
  await training.resume({ runId: id });
  const run = await end(id);
  expect(run.state).toBe('done');
  const [first, second] = [whole, run].map(({ result }) => result?.paths[0] ?? '');
  expect(second).not.toBe(first);
  expect(await readFile(second ?? '')).toEqual(await readFile(first ?? ''));
  expect(folder).not.toBe('');
}, 60_000);

test('a run of another process is followed as it learns, and does what is asked of it from here', async () => {
  const { training, start, home } = await withData();
  const other = await openTest({ home });
  const { id } = await start({ max_steps: 3000, eval_split: 0, save_steps: 1000 });
  const steps: number[] = [];
  let total: number | null = null;
  for await (const event of other.client.training.follow({ runId: id })) {
    if (event.type === 'run') total = event.run.totalSteps;
    if (event.type === 'log') steps.push(event.entry.step);
    if (steps.length > 20) break;
  }
  // Every step, in order, and each once.
  expect(steps).toEqual(steps.map((_, index) => (steps[0] ?? 0) + index));
  expect(total).toBe(3000);
  await other.client.training.checkpoint({ runId: id });
  await eventually(
    () => training.get({ runId: id }),
    ({ run }) => run.checkpoints.length > 0,
  );
  expect(await other.client.training.pause({ runId: id })).toMatchObject({ state: 'paused' });
  const { run } = await training.get({ runId: id });
  expect(run.checkpoints.at(-1)?.step).toBe(run.last?.step);
}, 60_000);

test('a run that ended with its program is offered to be gone on with by the next one', async () => {
  const { training, start, home, close } = await withData();
  const { id } = await start({ max_steps: 150, eval_split: 0, save_steps: 10 });
  for await (const event of training.follow({ runId: id })) if (event.type === 'checkpoint') break;
  await close();
  const { client } = await openTest({ home });
  const [run] = await client.training.runs({});
  expect(run).toMatchObject({ id, state: 'paused', result: null });
  const [job] = await client.jobs.list({});
  expect(job).toMatchObject({ id: run?.jobId, state: 'interrupted', resumable: true });
  const saved = run?.checkpoints.at(-1)?.step ?? 0;
  expect(saved).toBeGreaterThan(0);
  await client.training.resume({ runId: id });
  const events = await all(client.training.follow({ runId: id }));
  const first = events.find((event) => event.type === 'log');
  expect(first?.entry.step).toBeGreaterThan(saved);
  expect(events.at(-1)).toMatchObject({ type: 'run', run: { state: 'done', result: { step: 150 } } });
}, 60_000);

test('a run that was cancelled keeps its checkpoints; it is gone when it is removed', async () => {
  const { client, training, start } = await withData();
  const { id, jobId } = await start({ max_steps: 2000, eval_split: 0 });
  for await (const event of training.follow({ runId: id })) if (event.type === 'log' && event.entry.step >= 4) break;
  expect(await errorOf(training.remove({ runId: id }))).toMatchObject({ code: 'train.isRunning' });
  await client.jobs.cancel({ jobId: jobId ?? '' });
  await endOf(client, jobId ?? '');
  const { run } = await training.get({ runId: id });
  expect(run.state).toBe('paused');
  expect(run.checkpoints.length).toBeGreaterThan(0);
  await training.remove({ runId: id });
  expect(await training.runs({})).toEqual([]);
  expect(await errorOf(training.get({ runId: id }))).toMatchObject({ code: 'train.unknownRun' });
}, 60_000);

test('a run that is told to stop gives what it has learned', async () => {
  const { training, start, end } = await withData();
  const { id } = await start({ max_steps: 2000, eval_split: 0 });
  for await (const event of training.follow({ runId: id })) if (event.type === 'log' && event.entry.step >= 2) break;
  await training.stop({ runId: id });
  const run = await end(id);
  expect(run.result).toMatchObject({ reason: 'stopped' });
  expect(run.result?.modelIds).toHaveLength(2);
}, 60_000);

test('another base under the same path is noticed before anything goes on', async () => {
  const { client, training, start, modelPath, baseId } = await withData();
  const { id } = await start({ max_steps: 2000, eval_split: 0 });
  for await (const event of training.follow({ runId: id })) if (event.type === 'log' && event.entry.step >= 2) break;
  await training.pause({ runId: id });
  await appendFile(modelPath, Buffer.alloc(32));
  await client.library.refresh({ modelId: baseId });
  const { jobId } = await training.resume({ runId: id });
  await endOf(client, jobId ?? '');
  expect((await training.get({ runId: id })).run).toMatchObject({ state: 'failed', error: { code: 'train.baseChanged' } });
}, 60_000);

test('what is wrong with settings or data is said before there is a run', async () => {
  const { training, start, baseId, folder } = await withData();
  expect(await errorOf(start({ bias: 'all' }))).toMatchObject({ code: 'train.unsupportedSetting' });
  const dataPath = join(folder, 'missing.jsonl');
  expect(await errorOf(training.start({ baseId, dataPath, name: 'x' }))).toMatchObject({ code: 'disk.missing' });
  await writeFile(dataPath, 'not json\n');
  expect(await training.checkData({ baseId, dataPath })).toMatchObject({ samples: 0, problems: [{ line: 1, kind: 'invalidJson' }] });
  // A folder was "EISDIR", and a file of another kind became a run that failed.
  for (const wrong of [folder, join(folder, 'notes.pdf')]) {
    if (wrong !== folder) await writeFile(wrong, 'x');
    expect(await errorOf(training.start({ baseId, dataPath: wrong, name: 'x' }))).toMatchObject({ code: 'train.unreadableData' });
    expect(await errorOf(training.checkData({ baseId, dataPath: wrong }))).toMatchObject({ code: 'train.unreadableData' });
  }
  expect(await training.runs({})).toEqual([]);
}, 60_000);

test('a model of a kind that cannot be trained is named before there is a run', async () => {
  const { client, training, dataPath } = await withData();
  const reference = await tinyFolder({ family: 'gpt2' });
  const { id } = await client.library.find({ reference });
  const error = await errorOf(training.start({ baseId: id, dataPath, name: 'x' }));
  expect(error).toMatchObject({ code: 'train.unsupportedArchitecture', params: { architecture: 'gpt2' } });
  expect(await training.runs({})).toEqual([]);
  expect(await client.jobs.list({})).toEqual([]);
}, 60_000);

test('a dataset is shown as the model sees it: what is trained, what is cut, what is there twice', async () => {
  const { training, baseId, dataPath } = await withData();
  await appendFile(dataPath, `\n${tales(1)}\nbroken\n${JSON.stringify({ prompt: 'a', completion: 'b '.repeat(100) })}`);
  const report = await training.checkData({ baseId, dataPath, settings: { max_length: 240 }, shown: 1 });
  expect(report).toMatchObject({
    samples: 26,
    problems: [{ line: 26, kind: 'invalidJson' }],
    duplicates: [{ line: 25, firstLine: 1 }],
    truncatedSamples: 1,
    shapes: { messages: 0, completion: 26, text: 0 },
  });
  expect(report.shown[0]?.pieces).toEqual([
    { text: '<s>Once upon a time, Lily had a ball in the park. ', trained: false },
    { text: 'Then Lily said, my ball is the king of the park. All hail the king! The end of the song.</s>', trained: true },
  ]);
  expect(report.lengths.reduce((sum, { samples }) => sum + samples, 0)).toBe(26);
}, 60_000);

test('cards are found where a driver that crashes takes no run with it; one that is not there is named before anything is trained', async () => {
  const { training, engines, start, end } = await withData();
  const card = { name: 'Vulkan0', description: 'A card', memoryBytes: 2 ** 34 };
  engines.instead.benchmark.devices = () => ({ devices: [card] });
  expect(await training.devices({})).toEqual({ devices: [card] });
  engines.instead.benchmark.devices = () => {
    throw new AppError('engine.crashed', { engine: 'benchmark', reason: 'SIGSEGV' });
  };
  expect(await errorOf(training.devices({}))).toMatchObject({ code: 'engine.crashed' });
  let asked: string | undefined;
  engines.instead.trainer.run = async function* ({ device }) {
    asked = device;
    throw new AppError('train.noDevice', { device });
  };
  const { id } = await start({}, 'Vulkan7');
  expect(await end(id)).toMatchObject({ state: 'failed', error: { code: 'train.noDevice', params: { device: 'Vulkan7' } }, last: null });
  expect(asked).toBe('Vulkan7');
}, 60_000);

test('a preview tells how much of a model is trained', async () => {
  const { training, baseId } = await withData();
  const preview = await training.preview({ baseId, settings: { r: 2, target_modules: ['q_proj'] } });
  // Two layers of 64 → 64 at rank 2.
  expect(preview).toMatchObject({
    architecture: 'llama',
    trainableParameters: 2 * 2 * (64 + 64),
    hasChatTemplate: false,
    contextLength: 256,
  });
  expect(preview.modules.map(({ tensor }) => tensor)).toEqual(['blk.0.attn_q.weight', 'blk.1.attn_q.weight']);
}, 60_000);

test('a run leaves as a recipe for other programs, with the dataset beside it', async () => {
  const { training, start, end, folder } = await withData();
  const { id } = await start({ max_steps: 1, eval_split: 0 });
  await end(id);
  const outputFolder = join(folder, 'recipe');
  const { files } = await training.exportRecipe({ runId: id, format: 'llama-factory', outputFolder });
  expect(files.map((file) => file.slice(outputFolder.length + 1))).toEqual(['train.yaml', 'dataset_info.json', 'completions.jsonl']);
  expect(await readFile(join(outputFolder, 'train.yaml'), 'utf8')).toContain('lora_rank: 4\n');
  expect((await readFile(join(outputFolder, 'completions.jsonl'), 'utf8')).trim().split('\n')).toHaveLength(24);
  expect(await errorOf(training.exportRecipe({ runId: id, format: 'axolotl', outputFolder }))).toMatchObject({
    code: 'jobs.outputNotEmpty',
  });
  await mkdir(join(folder, 'empty'));
  await training.exportRecipe({ runId: id, format: 'axolotl', outputFolder: join(folder, 'empty') });
  expect(await readFile(join(folder, 'empty', 'train.yaml'), 'utf8')).toContain('adapter: "lora"\n');
}, 60_000);
