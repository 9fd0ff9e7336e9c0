import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { memorySource } from '#core/byte-source.ts';
import { readSafetensors } from '#core/safetensors/read.ts';
import { planSafetensors } from '#core/safetensors/write.ts';
import { fileSource, readTestFile } from '#test/byte-source.ts';
import { realModelPath, realModels, realModelsNote } from '#test/real-models.ts';

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

describe('safetensors against the reference library', () => {
  const file = readTestFile('golden/safetensors/dtypes.safetensors');
  const expected = JSON.parse(new TextDecoder().decode(readTestFile('golden/safetensors/dtypes.json'))) as object[];

  it('reads every dtype, shape and byte of a file it did not write', async () => {
    const { metadata, tensors } = await readSafetensors(memorySource(file));
    const read = tensors.map(({ name, dtype, shape, offset, sizeBytes }) => ({
      name,
      dtype,
      shape,
      sha256: sha256(file.subarray(offset, offset + sizeBytes)),
    }));
    const byName = (left: object, right: object): number =>
      String(Reflect.get(left, 'name')) < String(Reflect.get(right, 'name')) ? -1 : 1;
    expect(read.sort(byName)).toEqual(expected.toSorted(byName));
    expect(expected).toHaveLength(25);
    expect([...metadata]).toEqual([['format', 'pt']]);
  });

  it('lays the same tensors out in the same bytes', async () => {
    const { tensors } = await readSafetensors(memorySource(file));
    const plan = planSafetensors(tensors.toReversed());
    expect(plan.totalBytes).toBe(file.byteLength);
    expect(new TextDecoder().decode(plan.header)).toBe(new TextDecoder().decode(file.subarray(0, plan.header.byteLength)));
    expect(plan.tensors).toEqual(tensors);
  });
});

describe(`safetensors of real models${realModelsNote}`, () => {
  it.runIf(realModels !== null)('reads story656k: 20 F32 tensors, the embedding under lm_head only', async () => {
    const { tensors } = await readSafetensors(fileSource(realModelPath('story656k', 'model.safetensors')));
    expect(tensors).toHaveLength(20);
    expect(tensors.every((tensor) => tensor.dtype === 'F32')).toBe(true);
    expect(tensors.find((tensor) => tensor.name === 'lm_head.weight')?.shape).toEqual([2048, 128]);
    expect(tensors.reduce((sum, tensor) => sum + tensor.sizeBytes / 4, 0)).toBe(656_000);
  });

  it.runIf(realModels !== null)('reads stories260k: 260,032 parameters in 47 tensors', async () => {
    const { tensors } = await readSafetensors(fileSource(realModelPath('stories260k', 'model.safetensors')));
    expect(tensors).toHaveLength(47);
    expect(tensors.reduce((sum, tensor) => sum + tensor.sizeBytes / 4, 0)).toBe(260_032);
  });
});
