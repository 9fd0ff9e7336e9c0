import { readdir, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { AppError } from '#core/errors/index.ts';
import { writeGeneratedModel } from '../../engine/generated-model.ts';
import { errorOf } from '../../expect-error.ts';
import { finished, untilAborted, writeBytes } from '../support/fake-engines.ts';
import { runJob, withModel as withTinyModel, type SentSpec } from '../support/jobs.ts';
import { all, eventually, openTest } from '../support/open.ts';

/** The services with one Hugging Face model in the library, and what converts it. */
async function withModel(options: Parameters<typeof openTest>[0] = {}) {
  const opened = await withTinyModel(options);
  const convert = (outputPath: string): SentSpec => ({
    kind: 'quantize',
    modelId: opened.modelId,
    target: 'F16',
    outputPath,
    quality: null,
  });
  return { ...opened, convert };
}

test('nothing is started that cannot end well', async () => {
  const { client, folder, modelId, convert } = await withModel();
  const codeOf = async (spec: SentSpec) => (await errorOf(client.jobs.start({ spec }))).code;
  await writeFile(join(folder, 'there.gguf'), 'mine');
  expect(await codeOf(convert(join(folder, 'there.gguf')))).toBe('convert.outputExists');
  expect(await codeOf(convert(join(folder, 'nowhere', 'a.gguf')))).toBe('disk.missing');
  expect(await codeOf(convert(join(folder, 'there.gguf', 'a.gguf')))).toBe('system.notAFolder');
  expect(await codeOf(convert(join(folder, 'a.bin')))).toBe('jobs.outputName');
  expect(await codeOf(convert('a.gguf'))).toBe('system.relativePath');
  expect(await codeOf({ kind: 'verify', modelId: 'nobody' })).toBe('library.unknownModel');
  expect(await codeOf({ kind: 'perplexity', modelId, textPath: join(folder, 'there.gguf'), contextLength: 256 })).toBe('jobs.needsGguf');
  await writeGeneratedModel(join(folder, 'm.gguf'));
  const { id: ggufId } = await client.library.find({ reference: join(folder, 'm.gguf') });
  expect(await codeOf({ kind: 'perplexity', modelId: ggufId, textPath: join(folder, 'no.txt'), contextLength: 256 })).toBe('disk.missing');
  expect(await client.jobs.list({})).toEqual([]);
  expect((await readdir(folder)).toSorted()).toEqual(['m.gguf', 'there.gguf', 'tiny']);
});

test('progress, a rate and the time left reach the watcher, at most ten times a second', async () => {
  const { client, folder, convert, engines } = await withModel();
  engines.instead.tensor.quantize = async function* (input) {
    for (let amount = 0; amount <= 100; amount += 1) {
      yield { type: 'progress', phase: 'quantize.writing', detail: `blk.${amount}`, amount, total: 100, unit: 'bytes' };
      await new Promise((resolve) => setTimeout(resolve, 12));
    }
    await writeGeneratedModel(input.outputPath);
    yield finished();
  };
  const startMs = performance.now();
  const { id: jobId } = await client.jobs.start({ spec: convert(join(folder, 'a.gguf')) });
  const seen = await all(client.jobs.watch({ jobId }));
  const tookMs = performance.now() - startMs;
  const writing = seen.filter(({ phase, state }) => phase === 'quantize.writing' && state === 'running');
  expect(writing.length).toBeGreaterThan(5);
  // Ten a second, and one more at the beginning of each second's saving.
  expect(writing.length).toBeLessThan((tookMs / 1000) * 11 + 5);
  const last = writing.at(-1);
  expect(last).toMatchObject({ done: { total: 100, unit: 'bytes' }, detail: expect.stringMatching(/^blk\./) as string });
  // One unit in twelve milliseconds or more.
  expect(last?.ratePerSecond).toBeGreaterThan(0);
  expect(last?.ratePerSecond).toBeLessThan(90);
  expect(last?.remainingMs).toBeGreaterThanOrEqual(0);
  expect(seen.at(-1)).toMatchObject({ state: 'done', fraction: null });
});

test('jobs of a lane run one after another, in the order of their coming', async () => {
  const { client, folder, modelId, engines } = await withModel();
  const order: string[] = [];
  let atOnce = 0;
  let most = 0;
  engines.instead.tensor.quantize = async function* (input) {
    order.push(input.name);
    atOnce += 1;
    most = Math.max(most, atOnce);
    await new Promise((resolve) => setTimeout(resolve, 30));
    await writeGeneratedModel(input.outputPath);
    atOnce -= 1;
    yield finished();
  };
  const names = ['one', 'two', 'three'];
  const jobs = [];
  for (const name of names)
    jobs.push(
      await client.jobs.start({
        spec: { kind: 'quantize', modelId, target: 'F32', outputPath: join(folder, `${name}.gguf`), name, quality: null },
      }),
    );
  await Promise.all(jobs.map(({ id: jobId }) => all(client.jobs.watch({ jobId }))));
  expect(order).toEqual(names);
  expect(most).toBe(1);
  expect((await client.jobs.list({})).map(({ state }) => state)).toEqual(['done', 'done', 'done']);
});

test('two jobs cannot be made to write the same file', async () => {
  const { client, folder, convert, engines } = await withModel();
  engines.instead.tensor.quantize = async function* (_, { signal }) {
    await untilAborted(signal);
  };
  await client.jobs.start({ spec: convert(join(folder, 'a.gguf')) });
  expect(await errorOf(client.jobs.start({ spec: convert(join(folder, 'x', '..', 'a.gguf')) }))).toMatchObject({
    code: 'jobs.outputTaken',
  });
});

test('cancelling ends a running job and removes what it had written; a waiting one never begins', async () => {
  const { client, folder, convert, engines } = await withModel();
  const aborted = Promise.withResolvers<void>();
  engines.instead.tensor.quantize = async function* ({ outputPath }, { signal }) {
    signal.addEventListener('abort', () => aborted.resolve(), { once: true });
    await writeBytes(`${outputPath}.partial`, 1000);
    yield { type: 'progress', phase: 'quantize.writing', detail: null, amount: 1, total: 2, unit: 'bytes' };
    await untilAborted(signal);
  };
  const running = await client.jobs.start({ spec: convert(join(folder, 'a.gguf')) });
  const waiting = await client.jobs.start({ spec: { kind: 'demo', name: 'never' } });
  await eventually(() => existsSync(join(folder, 'a.gguf.partial')), Boolean);
  expect(await errorOf(client.jobs.clear({ jobId: running.id }))).toMatchObject({ code: 'jobs.wrongState' });
  expect(await client.jobs.cancel({ jobId: waiting.id })).toMatchObject({ state: 'cancelled', startedMs: null });
  await client.jobs.cancel({ jobId: running.id });
  await aborted.promise;
  expect((await all(client.jobs.watch({ jobId: running.id }))).at(-1)).toMatchObject({ state: 'cancelled', error: null, result: null });
  await eventually(
    () => existsSync(join(folder, 'a.gguf.partial')),
    (there) => !there,
  );
  expect(await errorOf(client.jobs.cancel({ jobId: running.id }))).toMatchObject({ code: 'jobs.wrongState' });
});

test('an engine that dies fails the job, and the job can be started again', async () => {
  const { client, folder, convert, engines } = await withModel();
  engines.instead.tensor.quantize = async function* ({ outputPath }, { signal }) {
    await writeBytes(`${outputPath}.partial`, 1000);
    yield { type: 'progress', phase: 'quantize.writing', detail: null, amount: 1, total: 2, unit: 'bytes' };
    await untilAborted(signal);
  };
  const { id: jobId } = await client.jobs.start({ spec: convert(join(folder, 'a.gguf')) });
  await eventually(() => existsSync(join(folder, 'a.gguf.partial')), Boolean);
  engines.crash('tensor');
  expect((await all(client.jobs.watch({ jobId }))).at(-1)).toMatchObject({
    state: 'failed',
    error: { code: 'engine.crashed', params: { engine: 'tensor', reason: 'SIGSEGV' } },
  });
  await eventually(
    () => existsSync(join(folder, 'a.gguf.partial')),
    (there) => !there,
  );
  delete engines.instead.tensor.quantize;
  expect(await client.jobs.resume({ jobId })).toMatchObject({ id: jobId, error: null });
  expect((await all(client.jobs.watch({ jobId }))).at(-1)).toMatchObject({ state: 'done' });
  expect(await errorOf(client.jobs.resume({ jobId }))).toMatchObject({ code: 'jobs.wrongState' });
});

test('a result that cannot be entered into the library is no success', async () => {
  const { client, folder, convert, engines } = await withModel();
  engines.instead.tensor.quantize = async function* ({ outputPath }) {
    await writeFile(outputPath, 'not a GGUF file');
    yield finished();
  };
  expect(await runJob(client, convert(join(folder, 'a.gguf')))).toMatchObject({ state: 'failed', error: { code: 'gguf.badMagic' } });
});

test('closing the program interrupts its jobs, and they can be started again by the next one', async () => {
  const first = await withModel();
  first.engines.instead.tensor.quantize = async function* (_, { signal }) {
    yield { type: 'progress', phase: 'quantize.writing', detail: null, amount: 1, total: 2, unit: 'bytes' };
    await untilAborted(signal);
  };
  const { id: jobId } = await first.client.jobs.start({ spec: first.convert(join(first.folder, 'a.gguf')) });
  await eventually(
    () => first.client.jobs.list({}),
    ([job]) => job?.phase === 'quantize.writing',
  );
  await first.close();
  const { client } = await openTest({ home: first.home });
  expect(await client.jobs.list({})).toMatchObject([{ id: jobId, state: 'interrupted', resumable: false, error: null }]);
  await client.jobs.resume({ jobId });
  expect((await all(client.jobs.watch({ jobId }))).at(-1)).toMatchObject({ state: 'done' });
});

test('verify records, confirms, and names what changed under the same size and time', async () => {
  const { client, folder, modelId } = await withModel();
  expect((await runJob(client, { kind: 'verify', modelId })).result).toMatchObject({ matches: true, changedFiles: [] });
  expect((await runJob(client, { kind: 'verify', modelId })).result).toMatchObject({ matches: true });
  const path = join(folder, 'tiny', 'model.safetensors');
  const { readFile, stat, utimes } = await import('node:fs/promises');
  const { atimeMs, mtimeMs } = await stat(path);
  const bytes = await readFile(path);
  bytes[bytes.byteLength - 1] = (bytes.at(-1) ?? 0) ^ 1;
  await writeFile(path, bytes);
  await utimes(path, atimeMs / 1000, mtimeMs / 1000);
  expect((await runJob(client, { kind: 'verify', modelId })).result).toMatchObject({ matches: false, changedFiles: ['model.safetensors'] });
  expect((await client.library.get({ modelId })).model.hash.status).toBe('changed');
});

test('a demo model appears in the data folder, under a name of its own each time', async () => {
  const { client, home } = await openTest();
  await runJob(client, { kind: 'demo', name: 'Демо: 1' });
  const second = await runJob(client, { kind: 'demo', name: 'Демо: 1' });
  expect(second).toMatchObject({ state: 'done', error: null, result: { kind: 'demo' } });
  const models = await client.library.list({});
  const listed = models.map(({ name, path, origin, kind }) => ({ name, path, origin, kind }));
  const at = (file: string): string => join(home, 'models', file);
  expect(listed).toEqual([
    { name: 'Демо: 1-F16', path: at('Демо_ 1 2-F16.gguf'), origin: 'made', kind: 'gguf' },
    { name: 'Демо: 1', path: at('Демо_ 1 2'), origin: 'made', kind: 'hf' },
    { name: 'Демо: 1-F16', path: at('Демо_ 1-F16.gguf'), origin: 'made', kind: 'gguf' },
    { name: 'Демо: 1', path: at('Демо_ 1'), origin: 'made', kind: 'hf' },
  ]);
  for (const { id: modelId } of models) expect((await client.library.refresh({ modelId })).state).toEqual({ status: 'ready' });
  const { lineage } = await client.library.get({ modelId: models[0]?.id ?? '' });
  expect(lineage.parents).toMatchObject([{ modelId: models[1]?.id, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as string }]);
});

// A program that was killed between the demo model's folder and its file left the folder behind, in no entry of the library.
test('until a demo model is whole nothing of it is where models are', async () => {
  const { client, home, engines } = await openTest();
  const reached = Promise.withResolvers<void>();
  engines.instead.tensor.quantize = async function* (_, { signal }) {
    yield { type: 'progress', phase: 'quantize.writing', detail: null, amount: 1, total: 2, unit: 'bytes' };
    reached.resolve();
    await untilAborted(signal);
  };
  const { id: jobId } = await client.jobs.start({ spec: { kind: 'demo', name: 'Demo' } });
  await reached.promise;
  expect(await readdir(join(home, 'models'))).toEqual([]);
  await client.jobs.cancel({ jobId });
  expect((await all(client.jobs.watch({ jobId }))).at(-1)).toMatchObject({ state: 'cancelled' });
  expect(await readdir(join(home, 'models'))).toEqual([]);
  await eventually(
    () => readdir(join(home, 'scratch')),
    (left) => left.length === 0,
  );
});

test('perplexity says the figure and how it was made', async () => {
  const { client, folder, engines } = await withModel();
  await writeGeneratedModel(join(folder, 'm.gguf'));
  await writeFile(join(folder, 'text.txt'), 'Once upon a time');
  const { id: modelId } = await client.library.find({ reference: join(folder, 'm.gguf') });
  await client.system.changeSettings({ threads: 3 });
  const job = await runJob(client, { kind: 'perplexity', modelId, textPath: join(folder, 'text.txt'), contextLength: 256 });
  expect(job.result).toMatchObject({
    kind: 'perplexity',
    perplexity: 34.166,
    tokens: 1280,
    contextLength: 256,
    method: expect.stringContaining('second half') as string,
  });
  expect(engines.asked.at(-1)).toEqual([
    'perplexity',
    { modelPath: join(folder, 'm.gguf'), textPath: join(folder, 'text.txt'), contextLength: 256, threads: 3 },
  ]);
});

test('a model that a job works on keeps its files', async () => {
  const { client, folder, convert, modelId, engines } = await withModel();
  engines.instead.tensor.quantize = async function* (_, { signal }) {
    await untilAborted(signal);
  };
  const { id: jobId } = await client.jobs.start({ spec: convert(join(folder, 'a.gguf')) });
  expect(await errorOf(client.library.remove({ modelId, files: 'delete' }))).toMatchObject({ code: 'library.inUse' });
  await client.jobs.cancel({ jobId });
  await all(client.jobs.watch({ jobId }));
  expect(await client.library.remove({ modelId, files: 'delete' })).toEqual({ files: 'deleted' });
  expect(existsSync(join(folder, 'tiny'))).toBe(false);
});

test('ended jobs are forgotten one by one or all at once; their results stay', async () => {
  const { client, folder, convert } = await withModel();
  const one = await runJob(client, convert(join(folder, 'one.gguf')));
  await runJob(client, convert(join(folder, 'two.gguf')));
  await client.jobs.clear({ jobId: one.id });
  expect(await client.jobs.list({})).toHaveLength(1);
  await client.jobs.clear({});
  expect(await client.jobs.list({})).toEqual([]);
  expect(await client.library.list({})).toHaveLength(3);
  expect(await errorOf(all(client.jobs.watch({ jobId: one.id })))).toMatchObject({ code: 'jobs.unknown' });
});

test('an error that nobody foresaw is a failed job too', async () => {
  const { client, folder, convert, engines } = await withModel();
  engines.instead.tensor.quantize = async function* () {
    throw new AppError('disk.full', { path: folder });
  };
  expect(await runJob(client, convert(join(folder, 'a.gguf')))).toMatchObject({ state: 'failed', error: { code: 'disk.full' } });
});
