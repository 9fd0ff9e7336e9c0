import { cp, mkdir, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { AppError } from '#core/errors/index.ts';
import { errorOf } from '../../expect-error.ts';
import { writeGeneratedModel } from '../../engine/generated-model.ts';
import { adapterFolder, certificateMeasure } from '../support/fake-adapters.ts';
import { untilAborted, writeBytes } from '../support/fake-engines.ts';
import { endOf, resultOf, runJob, withModel, type SentSpec } from '../support/jobs.ts';
import { eventually, openTest } from '../support/open.ts';

type MergeSpec = Extract<SentSpec, { kind: 'merge' }>;

/** The services with the model `tiny` and the adapter `style`. */
async function withAdapter() {
  const opened = await withModel();
  const { client, folder, modelId } = opened;
  await cp(adapterFolder, join(folder, 'style'), { recursive: true });
  const { id: adapterId } = await client.library.find({ reference: join(folder, 'style') });
  const output = join(folder, 'merged.gguf');
  const merge = (more: Partial<MergeSpec> = {}): MergeSpec => ({
    kind: 'merge',
    baseId: modelId,
    adapters: [{ adapterId, scale: 0.5 }],
    target: 'F16',
    outputPath: output,
    ...more,
  });
  return { ...opened, adapterId, output, merge };
}

test('a merge ends as a model with its certificate and its lineage, all at once', async () => {
  const { client, folder, home, modelId, adapterId, output, merge, engines } = await withAdapter();
  const result = resultOf(await runJob(client, merge()), 'merge');
  expect(result).toMatchObject({ path: output, changedTensors: 4, certificateProblem: null });
  const { model, lineage } = await client.library.get({ modelId: result.modelId });
  expect(model).toMatchObject({ kind: 'gguf', name: 'tiny-style-F16', origin: 'made', state: { status: 'ready' } });
  const sha256 = expect.stringMatching(/^[0-9a-f]{64}$/) as string;
  expect(lineage).toMatchObject({
    parents: [
      { modelId, name: 'tiny', sha256, role: 'base' },
      { modelId: adapterId, name: 'style', sha256, role: 'adapter' },
    ],
    recipe: { kind: 'merge', target: 'F16', format: 'gguf', scales: [0.5] },
  });
  expect(engines.asked.find(([name]) => name === 'merge')?.[1]).toMatchObject({
    basePath: join(folder, 'tiny'),
    adapters: [{ path: join(folder, 'style'), scale: 0.5 }],
    target: 'F16',
    // A folder to a GGUF type: the target's own format, not the base's.
    format: 'gguf',
    name: 'tiny-style-F16',
  });
  expect(engines.asked.find(([name]) => name === 'certify')?.[1]).toMatchObject({
    basePath: join(folder, 'tiny'),
    mergedPath: output,
    options: { contextLength: 256, windows: 8, textPath: null },
  });
  expect(result.certificate).toMatchObject({
    modelId: result.modelId,
    baseId: modelId,
    baseName: 'tiny',
    adapters: [{ adapterId, name: 'style', scale: 0.5 }],
    measure: certificateMeasure,
  });
  // Shown with the merged model, and with the adapter.
  for (const id of [result.modelId, adapterId]) expect(await client.adapters.certificates({ modelId: id })).toEqual([result.certificate]);
  expect(await client.adapters.certificates({ modelId })).toEqual([]);
  expect(await readdir(join(home, 'scratch'))).toEqual([]);
});

test('without a target a folder stays a folder, and without a wish for it there is no certificate', async () => {
  const { client, folder, merge, engines } = await withAdapter();
  const outputPath = join(folder, 'merged');
  const result = resultOf(await runJob(client, merge({ target: null, outputPath, certify: null, name: 'mine' })), 'merge');
  expect(result).toMatchObject({ certificate: null, certificateProblem: null });
  expect((await client.library.get({ modelId: result.modelId })).model).toMatchObject({ kind: 'hf', name: 'mine' });
  expect(engines.asked.some(([name]) => name === 'certify' || name === 'plan')).toBe(false);
});

test('a certificate that cannot be made costs the proof and not the model', async () => {
  const { client, merge, engines } = await withAdapter();
  engines.instead.tensor.certify = () => {
    throw new AppError('evaluate.textTooShort', { tokens: 3, needed: 512 });
  };
  const result = resultOf(await runJob(client, merge()), 'merge');
  expect(result).toMatchObject({ certificate: null, certificateProblem: { code: 'evaluate.textTooShort' } });
  expect((await client.library.get({ modelId: result.modelId })).model.state).toEqual({ status: 'ready' });
});

test('nothing is merged that cannot end well', async () => {
  const { client, folder, modelId, adapterId, merge } = await withAdapter();
  await writeFile(join(folder, 'there.gguf'), 'mine');
  await mkdir(join(folder, 'full'));
  await writeFile(join(folder, 'full', 'mine.txt'), 'mine');
  const codeOf = async (more: Partial<MergeSpec>) => (await errorOf(client.jobs.start({ spec: merge(more) }))).code;
  expect(await codeOf({ baseId: adapterId })).toBe('jobs.needsModel');
  expect(await codeOf({ adapters: [{ adapterId: modelId }] })).toBe('jobs.needsAdapter');
  expect(await codeOf({ adapters: [{ adapterId: 'nobody' }] })).toBe('library.unknownModel');
  expect(await codeOf({ adapters: [] })).toBe('request.invalid');
  expect(await codeOf({ outputPath: join(folder, 'there.gguf') })).toBe('convert.outputExists');
  expect(await codeOf({ outputPath: join(folder, 'out.bin') })).toBe('jobs.outputName');
  expect(await codeOf({ target: null, outputPath: join(folder, 'full') })).toBe('jobs.outputNotEmpty');
  expect(await codeOf({ certify: { textPath: join(folder, 'no.txt') } })).toBe('disk.missing');
  expect(await client.jobs.list({})).toEqual([]);
});

test('an interrupted merge goes on from its finished tensors, and an adapter in use keeps its files', async () => {
  const { client, home, adapterId, output, merge, engines, close } = await withAdapter();
  engines.instead.tensor.merge = async function* ({ outputPath }, { signal }) {
    await writeBytes(`${outputPath}.partial`, 1000);
    await writeFile(`${outputPath}.partial.journal`, '{"version":1}\n{"tensor":"t0"}\n');
    yield { type: 'progress', phase: 'merge.writing', detail: 't1', amount: 40, total: 100, unit: 'bytes' };
    await untilAborted(signal);
  };
  const { id: jobId } = await client.jobs.start({ spec: merge() });
  await eventually(
    () => client.jobs.list({}),
    ([job]) => job?.phase === 'merge.writing',
  );
  expect((await errorOf(client.library.remove({ modelId: adapterId, files: 'delete' }))).code).toBe('library.inUse');
  await close();
  const again = await openTest({ home });
  expect(await again.client.jobs.list({})).toMatchObject([{ state: 'interrupted', resumable: true }]);
  await again.client.jobs.resume({ jobId });
  expect(resultOf(await endOf(again.client, jobId), 'merge').path).toBe(output);
});

test('what was merged just before the program ended is taken over and proven; what is another’s is not', async () => {
  const { client, home, output, merge, engines, close, adapterId, modelId } = await withAdapter();
  engines.instead.tensor.merge = async function* ({ outputPath }, { signal }) {
    await writeBytes(`${outputPath}.partial`, 1000);
    yield { type: 'progress', phase: 'merge.writing', detail: 't1', amount: 40, total: 100, unit: 'bytes' };
    await untilAborted(signal);
  };
  const { id: jobId } = await client.jobs.start({ spec: merge() });
  await eventually(
    () => client.jobs.list({}),
    ([job]) => job?.phase === 'merge.writing',
  );
  await close();

  // There since before the run: somebody else's.
  await writeGeneratedModel(output, { layers: 1 });
  await utimes(output, new Date(0), new Date(0));
  const second = await openTest({ home });
  await second.client.jobs.resume({ jobId });
  expect(await endOf(second.client, jobId)).toMatchObject({ state: 'failed', error: { code: 'convert.outputExists' } });
  await second.close();

  await writeGeneratedModel(output, { layers: 1 });
  const third = await openTest({ home });
  await third.client.jobs.resume({ jobId });
  const result = resultOf(await endOf(third.client, jobId), 'merge');
  expect(third.engines.asked.filter(([name]) => name === 'merge')).toEqual([]);
  expect(result).toMatchObject({ path: output, certificate: { modelId: result.modelId, baseId: modelId, measure: certificateMeasure } });
  const { lineage } = await third.client.library.get({ modelId: result.modelId });
  expect(lineage.parents.map(({ modelId: id, role }) => [id, role])).toEqual([
    [modelId, 'base'],
    [adapterId, 'adapter'],
  ]);
});

test('a merge into GPTQ has room for its working model asked for, and its text among the parents', async () => {
  const { client, folder, merge, engines } = await withAdapter();
  const calibrationPath = join(folder, 'calibration.txt');
  await writeFile(calibrationPath, 'Once upon a time');
  const options = { calibrationPath, trueSequential: false };
  const outputPath = join(folder, 'merged gptq');
  const spec = merge({ target: 'gptq-4', outputPath, options, certify: null });
  const result = resultOf(await runJob(client, spec), 'merge');
  // Not true-sequential, a GGUF base would be calibrated as it lies there; a merged one never is.
  expect(engines.asked.find(([name]) => name === 'plan')?.[1]).toMatchObject({ target: 'gptq-4', options: { trueSequential: true } });
  expect(engines.asked.find(([name]) => name === 'merge')?.[1]).toMatchObject({ options: { trueSequential: false, calibrationPath } });
  const { lineage } = await client.library.get({ modelId: result.modelId });
  expect(lineage.parents.at(-1)).toMatchObject({ modelId: null, name: 'calibration.txt', role: 'calibration' });
});

test('a merge that was made elsewhere is proven by itself; its certificates go with it', async () => {
  const { client, modelId, adapterId, merge } = await withAdapter();
  const { modelId: mergedId } = resultOf(await runJob(client, merge({ certify: null })), 'merge');
  const spec: SentSpec = { kind: 'certify', baseId: modelId, adapters: [{ adapterId }], mergedId, options: { windows: 2 } };
  const { certificate } = resultOf(await runJob(client, spec), 'certify');
  expect(await client.adapters.certificates({ modelId: mergedId })).toEqual([certificate]);
  await client.library.remove({ modelId });
  expect(await client.adapters.certificates({ modelId: mergedId })).toMatchObject([{ baseId: null, baseName: 'tiny' }]);
  await client.library.remove({ modelId: mergedId });
  expect(await client.adapters.certificates({ modelId: adapterId })).toEqual([]);
});

test('adapters made of adapters, of models, and in another format are library items with their parents', async () => {
  const { client, folder, modelId, adapterId, merge, engines } = await withAdapter();
  const { modelId: tunedId } = resultOf(await runJob(client, merge({ certify: null })), 'merge');
  const combined = resultOf(
    await runJob(client, {
      kind: 'combine',
      adapters: [{ adapterId }, { adapterId, scale: -1 }],
      options: { method: 'ties', density: 0.3 },
      format: 'peft',
      outputPath: join(folder, 'combined'),
    }),
    'combine',
  );
  const { model, lineage } = await client.library.get({ modelId: combined.modelId });
  expect(model).toMatchObject({ kind: 'peft-adapter', name: 'style+style', origin: 'made' });
  expect(lineage).toMatchObject({
    parents: [
      { modelId: adapterId, role: 'adapter' },
      { modelId: adapterId, role: 'adapter' },
    ],
    recipe: { kind: 'combine', options: { method: 'ties', density: 0.3, seed: 0 } },
  });
  const extracted = resultOf(
    await runJob(client, { kind: 'extract', baseId: modelId, tunedId, format: 'peft', outputPath: join(folder, 'extracted') }),
    'extract',
  );
  expect(extracted).toMatchObject({ rank: 4, residual: 0.05 });
  expect(engines.asked.find(([name]) => name === 'extract')?.[1]).toMatchObject({ rank: null, energy: 0.95 });
  const convert: SentSpec = {
    kind: 'convertAdapter',
    adapterId,
    baseId: modelId,
    format: 'peft',
    outputPath: join(folder, 'other'),
  };
  await runJob(client, convert);
  expect((await errorOf(client.jobs.start({ spec: convert }))).code).toBe('jobs.outputNotEmpty');
  await rm(join(folder, 'other'), { recursive: true });
  expect((await errorOf(client.jobs.start({ spec: { ...convert, adapterId: modelId } }))).code).toBe('jobs.needsAdapter');
  expect((await errorOf(client.jobs.start({ spec: { ...convert, format: 'gguf' } }))).code).toBe('jobs.outputName');
});

test('what an adapter holds, which models it fits and what it changes is asked of the engine', async () => {
  const { client, folder, modelId, adapterId, engines } = await withAdapter();
  expect(await client.adapters.get({ adapterId })).toMatchObject({ format: 'peft', modules: [{ rank: 4 }] });
  expect((await errorOf(client.adapters.get({ adapterId: modelId }))).code).toBe('jobs.needsAdapter');
  expect(await client.adapters.fits({ adapterId })).toEqual([{ modelId, problems: [], warnings: [] }]);
  expect(engines.asked.find(([name]) => name === 'adapterFits')?.[1]).toMatchObject({
    adapterPath: join(folder, 'style'),
    models: [{ path: join(folder, 'tiny') }],
  });
  expect(await client.adapters.preview({ baseId: modelId, adapters: [{ adapterId }] })).toHaveLength(1);
});
