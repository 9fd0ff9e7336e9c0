import { utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { AppError } from '#core/errors/index.ts';
import { writeGeneratedModel } from '../../engine/generated-model.ts';
import { errorOf } from '../../expect-error.ts';
import { withModel } from '../support/jobs.ts';

const asked = (engines: Awaited<ReturnType<typeof withModel>>['engines'], name: string): unknown[] =>
  engines.asked.filter(([what]) => what === name).map(([, input]) => input);

test('the table of recipes is made once for a model and options, and anew when either is another', async () => {
  const { client, folder, modelId, engines } = await withModel();
  const imatrixPath = join(folder, 'imatrix.gguf');
  await writeFile(imatrixPath, 'squares');
  const first = await client.quantize.recipes({ modelId });
  expect(first.map(({ target }) => target)).toEqual(['Q8_0', 'gptq-4']);
  expect(await client.quantize.recipes({ modelId })).toEqual(first);
  expect(asked(engines, 'recipes')).toHaveLength(1);
  await client.quantize.recipes({ modelId, options: { groupSize: 32 } });
  await client.quantize.recipes({ modelId, options: { imatrixPath } });
  await client.quantize.recipes({ modelId, options: { imatrixPath } });
  expect(asked(engines, 'recipes')).toHaveLength(3);
  // The same name, another matrix.
  await utimes(imatrixPath, 1, 1);
  await client.quantize.recipes({ modelId, options: { imatrixPath } });
  expect(asked(engines, 'recipes')).toHaveLength(4);
});

test('a model that changed under its path gets a new table, and a failure is not remembered', async () => {
  const { client, folder, engines } = await withModel();
  const path = join(folder, 'm.gguf');
  await writeGeneratedModel(path);
  const { id: modelId } = await client.library.find({ reference: path });
  engines.instead.tensor.recipes = () => {
    throw new AppError('quantize.notAModel', { file: 'm.gguf', type: 'mmproj' });
  };
  expect(await errorOf(client.quantize.recipes({ modelId }))).toMatchObject({ code: 'quantize.notAModel' });
  delete engines.instead.tensor.recipes;
  await client.quantize.recipes({ modelId });
  await writeGeneratedModel(path, { layers: 3 });
  await client.quantize.recipes({ modelId });
  expect(asked(engines, 'recipes')).toHaveLength(2);
});

test('a plan is asked for with whole paths, and its refusal reaches the asker', async () => {
  const { client, folder, modelId, engines } = await withModel();
  await writeFile(join(folder, 'text.txt'), 'Once');
  const options = { calibrationPath: `"${join(folder, 'text.txt')}"` };
  expect(await client.quantize.plan({ modelId, target: 'gptq-4', options })).toMatchObject({ format: 'hf', calibrationPasses: 1 });
  expect(asked(engines, 'plan')).toMatchObject([
    { modelPath: join(folder, 'tiny'), target: 'gptq-4', options: { calibrationPath: join(folder, 'text.txt'), groupSize: 128 } },
  ]);
  engines.instead.tensor.plan = () => {
    throw new AppError('quantize.needsFolder', { target: 'nf4' });
  };
  expect(await errorOf(client.quantize.plan({ modelId, target: 'nf4' }))).toMatchObject({ code: 'quantize.needsFolder' });
});

test('only what is there and can run is planned', async () => {
  const { client, folder, modelId } = await withModel();
  const imatrixPath = join(folder, 'nothing.gguf');
  expect(await errorOf(client.quantize.recipes({ modelId: 'nobody' }))).toMatchObject({ code: 'library.unknownModel' });
  expect(await errorOf(client.quantize.cards({ modelId: 'nobody' }))).toMatchObject({ code: 'library.unknownModel' });
  expect(await errorOf(client.quantize.recipes({ modelId, options: { imatrixPath } }))).toMatchObject({ code: 'disk.missing' });
  expect(await errorOf(client.quantize.plan({ modelId, target: 'Q8_0', options: { imatrixPath: folder } }))).toMatchObject({
    code: 'library.notRegularFile',
  });
  expect(await errorOf(client.quantize.plan({ modelId, target: 'Q8_0', options: { imatrixPath: 'here.gguf' } }))).toMatchObject({
    code: 'system.relativePath',
  });
});
