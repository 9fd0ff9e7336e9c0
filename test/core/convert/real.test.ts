import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { memorySource } from '#core/byte-source.ts';
import { readGguf } from '#core/gguf/read.ts';
import type { Config } from '#core/model/config.ts';
import { readSafetensors } from '#core/safetensors/read.ts';
import { realModelPath, realModels, realModelsNote } from '#test/real-models.ts';
import { plainVocabulary } from './golden.ts';
import { planConversion } from './planned.ts';
import { convertTensor } from './reference.ts';

/** Both folders hold an independent conversion beside the original; that of story656k has its tied matrix under the output's name alone. */
describe.skipIf(realModels === null)(`really trained models${realModelsNote}`, () => {
  it.each([
    ['story656k', 'story656K-f32.gguf', 2048],
    ['stories260k', 'stories260K-f32.gguf', 512],
  ])('%s becomes the same tensors, byte for byte, as in the conversion beside it', async (folder, gguf, tokens) => {
    const weights = readFileSync(realModelPath(folder, 'model.safetensors'));
    const { tensors } = await readSafetensors(memorySource(weights));
    const config = JSON.parse(readFileSync(realModelPath(folder, 'config.json'), 'utf8')) as Config;
    const stored = tensors.map((tensor) => ({ ...tensor, shard: 'model.safetensors' }));
    const plan = planConversion({ config, tensors: stored, vocabulary: plainVocabulary(tokens), name: folder, target: 'F32' });
    const read = (name: string): Uint8Array => {
      const tensor = tensors.find((candidate) => candidate.name === name);
      if (tensor === undefined) throw new Error(`no tensor ${name}`);
      return weights.subarray(tensor.offset, tensor.offset + tensor.sizeBytes);
    };
    const file = readFileSync(realModelPath(folder, gguf));
    const header = await readGguf(memorySource(file));
    const expected = new Map(header.tensors.map((tensor) => [tensor.name, tensor]));
    expect(plan.tensors.map(({ name }) => name).toSorted()).toEqual([...expected.keys()].toSorted());
    for (const tensor of plan.tensors) {
      const other = expected.get(tensor.name)!;
      expect(tensor.dimensions).toEqual(other.dimensions);
      const theirs = file.subarray(other.offset, other.offset + other.sizeBytes);
      expect(Buffer.compare(convertTensor(tensor, read), theirs)).toBe(0);
    }
    const own = [...plan.metadata].filter(([key]) => key.startsWith('llama.'));
    expect(own.filter(([key, { value }]) => header.metadata.has(key) && header.metadata.get(key)?.value !== value)).toEqual([]);
  });
});
