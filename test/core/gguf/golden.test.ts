import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { memorySource } from '#core/byte-source.ts';
import { fileTypeName, fileTypes } from '#core/gguf/file-types.ts';
import { ggufNumber, ggufString, ggufStringArray } from '#core/gguf/header.ts';
import { readGguf } from '#core/gguf/read.ts';
import { readGgufSplit } from '#core/gguf/split.ts';
import { dimensionsToShape, ggmlTypeName, ggmlTypes, isQuantized, removedGgmlTypes } from '#core/gguf/types.ts';
import { planGguf } from '#core/gguf/write.ts';
import { fileSource, readTestFile } from '#test/byte-source.ts';
import { realModelPath, realModels, realModelsNote } from '#test/real-models.ts';

interface GoldenTensor {
  readonly name: string;
  readonly type: string;
  readonly dimensions: number[];
  readonly offset: number;
  readonly sha256: string;
}

interface GoldenValue {
  readonly key: string;
  readonly type: string;
  readonly value: unknown;
}

interface Golden {
  readonly scalars: GoldenValue[];
  readonly arrays: (GoldenValue & { readonly value: unknown[] })[];
  readonly 'values.gguf': GoldenTensor[];
  readonly 'aligned.gguf': GoldenTensor[];
  readonly 'split.gguf': GoldenTensor[];
}

const json = (path: string): unknown => JSON.parse(new TextDecoder().decode(readTestFile(path)));
const golden = json('golden/gguf/expected.json') as Golden;
const partNames = [1, 2, 3].map((part) => `golden/gguf/split-0000${part}-of-00003.gguf`);

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
/** The numbers of 64 bits are text in the golden file, since JSON has none. */
const shown = (value: unknown): unknown =>
  typeof value === 'bigint' || (typeof value === 'number' && Number.isInteger(value)) ? String(value) : value;
const pythonTypes: Record<string, string> = {
  UINT8: 'u8',
  INT8: 'i8',
  UINT16: 'u16',
  INT16: 'i16',
  UINT32: 'u32',
  INT32: 'i32',
  FLOAT32: 'f32',
  BOOL: 'bool',
  STRING: 'str',
  UINT64: 'u64',
  INT64: 'i64',
  FLOAT64: 'f64',
};

describe("GGUF files of llama.cpp's Python package", () => {
  it('gives every type of value', async () => {
    const { metadata } = await readGguf(fileSource('golden/gguf/values.gguf'));
    for (const { key, type, value } of golden.scalars) {
      const found = metadata.get(key);
      expect([key, found?.type, shown(found?.value)]).toEqual([key, pythonTypes[type], shown(value)]);
    }
    for (const { key, type, value } of golden.arrays) {
      const found = metadata.get(key);
      if (found?.type !== 'arr') throw new Error(`${key} is no list`);
      const elements: unknown[] = Array.from<unknown>(found.value);
      expect([key, found.elementType]).toEqual([key, pythonTypes[type]]);
      expect(elements.map(shown)).toEqual(value.map((element) => (type === 'BOOL' ? String(Number(element)) : shown(element))));
    }
    // And general.architecture, which the package writes on its own.
    expect(metadata.size).toBe(golden.scalars.length + golden.arrays.length + 1);
  });

  it.each(['values.gguf', 'aligned.gguf'] as const)('finds every tensor of %s and every byte of it', async (name) => {
    const file = readTestFile(`golden/gguf/${name}`);
    const { tensors } = await readGguf(memorySource(file));
    const found = tensors.map(({ type, dimensions, offset, sizeBytes, ...tensor }) => ({
      name: tensor.name,
      type,
      sha256: sha256(file.subarray(offset, offset + sizeBytes)),
      dimensions,
      offset,
    }));
    expect(found).toEqual(golden[name]);
  });

  it('keeps the alignment that a file asks for', async () => {
    const { alignment, tensors } = await readGguf(fileSource('golden/gguf/aligned.gguf'));
    expect(alignment).toBe(256);
    expect(tensors.every(({ offset }) => offset % 256 === 0)).toBe(true);
  });

  it.each(['golden/gguf/values.gguf', 'golden/gguf/aligned.gguf', ...partNames])(
    'writes the header of %s in the same bytes',
    async (path) => {
      const file = readTestFile(path);
      const { metadata, tensors, dataOffset, alignment } = await readGguf(memorySource(file));
      const plan = planGguf({ metadata, tensors, alignment });
      expect(Buffer.from(plan.header).equals(file.subarray(0, dataOffset))).toBe(true);
      expect(plan.totalBytes).toBe(file.byteLength);
      expect(plan.tensors.map(({ paddedBytes: _, ...tensor }) => tensor)).toEqual(tensors);
    },
  );

  it('reads a model in three parts', async () => {
    const { parts, metadata, tensors } = await readGgufSplit(partNames.map((path) => fileSource(path)));
    expect(parts.map((part) => part.tensors.length)).toEqual([5, 5, 2]);
    expect(tensors.map(({ name, type, dimensions, offset }) => ({ name, type, dimensions, offset }))).toEqual(
      golden['split.gguf'].map(({ sha256: _, ...tensor }) => tensor),
    );
    expect([...metadata.keys()]).toEqual(['general.architecture']);
  });
});

describe('tables of types', () => {
  interface GgmlRow {
    readonly id: number;
    readonly name: string;
    readonly blockSize: number;
    readonly bytesPerBlock: number;
    readonly quantized: boolean;
  }
  const rows = json('golden/gguf/ggml-types.json') as GgmlRow[];

  it('has the blocks that the ggml library itself reports, and no type besides', () => {
    const present = rows.filter((row) => row.blockSize > 0);
    expect(Object.keys(ggmlTypes)).toHaveLength(present.length);
    for (const { id, name, blockSize, bytesPerBlock, quantized } of present) {
      const ours = ggmlTypeName(id);
      expect(ours?.toLowerCase()).toBe(name.toLowerCase());
      if (ours === undefined) continue;
      expect(ggmlTypes[ours]).toEqual({ id, blockSize, bytesPerBlock });
      expect(isQuantized(ours)).toBe(quantized);
    }
  });

  it('knows the removed types as removed', () => {
    expect([...removedGgmlTypes]).toEqual(rows.filter((row) => row.blockSize === 0).map((row) => row.id));
  });

  it('has the recipes of the Python package', () => {
    const { GUESSED, ...recipes } = json('golden/gguf/file-types.json') as Record<string, number>;
    expect(fileTypes).toMatchObject(recipes);
    // Newer than the package: LLAMA_FTYPE_MOSTLY_Q2_0 of llama.h.
    expect(Object.keys(fileTypes).filter((name) => !(name in recipes))).toEqual(['Q2_0']);
    expect(fileTypeName(15)).toBe('Q4_K_M');
    expect(fileTypeName(15 + (GUESSED ?? 0))).toBe('Q4_K_M');
    expect(fileTypeName(33)).toBeUndefined();
    expect(fileTypeName(1024 + 1024)).toBeUndefined();
  });

  it("turns ggml's order of dimensions into numpy's, and back", () => {
    expect(dimensionsToShape([4096, 128_256])).toEqual([128_256, 4096]);
    expect(dimensionsToShape(dimensionsToShape([1, 2, 3]))).toEqual([1, 2, 3]);
    expect(dimensionsToShape([])).toEqual([]);
  });
});

describe(`GGUF files of real models${realModelsNote}`, () => {
  it.runIf(realModels !== null)('reads story656k: 656,000 parameters, 2,048 tokens, tied', async () => {
    const header = await readGguf(fileSource(realModelPath('story656k', 'story656K-f32.gguf')));
    expect(ggufString(header, 'general.architecture')).toBe('llama');
    expect(ggufNumber(header, 'llama.block_count')).toBe(2);
    expect(ggufStringArray(header, 'tokenizer.ggml.tokens')).toHaveLength(2048);
    const elements = header.tensors.reduce((sum, { dimensions }) => sum + dimensions.reduce((product, size) => product * size, 1), 0);
    expect(elements).toBe(656_000);
    expect(header.tensors.find(({ name }) => name === 'token_embd.weight')?.dimensions).toEqual([128, 2048]);
  });

  it.runIf(realModels !== null)('reads stories260k and writes its header in the same bytes', async () => {
    const file = readTestFile(realModelPath('stories260k', 'stories260K-f32.gguf'));
    const header = await readGguf(memorySource(file));
    expect(header.tensors).toHaveLength(47);
    const plan = planGguf(header);
    expect(Buffer.from(plan.header).equals(file.subarray(0, header.dataOffset))).toBe(true);
    expect(plan.totalBytes).toBe(file.byteLength);
  });
});
