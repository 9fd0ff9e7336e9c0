import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { architectureOf } from '#core/architectures/index.ts';
import { memorySource } from '#core/byte-source.ts';
import { demoFamilies } from '#core/demo/config.ts';
import { demoModel } from '#core/demo/model.ts';
import { fillFrom, normalQuantile, normalTable, XorShift32 } from '#core/demo/random.ts';
import { AppError } from '#core/errors/index.ts';
import { readSafetensors } from '#core/safetensors/read.ts';
import { writeHfFolder } from '#engine/demo.ts';
import { decode } from '../convert/reference.ts';

const options = {
  family: 'llama',
  layerCount: 2,
  embeddingLength: 64,
  headCount: 4,
  headCountKv: 2,
  feedForwardLength: 96,
  contextLength: 64,
  vocabularySize: 512,
  tiedEmbeddings: true,
  dtype: 'F16',
  seed: 1,
  tokenizerFiles: { 'tokenizer.json': '{}' },
} as const;

const folder = mkdtempSync(join(tmpdir(), 'lathe demo ü-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('normal quantiles', () => {
  // Tables of the standard normal distribution.
  it.each([
    [0.5, 0],
    [0.975, 1.959963984540054],
    [0.025, -1.959963984540054],
    [0.999, 3.090232306167813],
    [0.00001, -4.264890793922825],
  ])('of %d is %d', (p, z) => {
    expect(normalQuantile(p)).toBeCloseTo(z, 7);
  });

  it.each(['F32', 'F16', 'BF16'] as const)('cast to %s give draws with the asked mean and deviation', (dtype) => {
    const table = normalTable(dtype, 1, 0.02);
    const values = dtype === 'F32' ? new Uint32Array(200_001) : new Uint16Array(200_001);
    fillFrom(table, new XorShift32(7), values);
    const floats = decode(new Uint8Array(values.buffer), dtype);
    const mean = floats.reduce((sum, value) => sum + value, 0) / floats.length;
    const deviation = Math.sqrt(floats.reduce((sum, value) => sum + (value - mean) ** 2, 0) / floats.length);
    // Four standard errors of 200,001 draws.
    expect(Math.abs(mean - 1)).toBeLessThan(0.0002);
    expect(Math.abs(deviation / 0.02 - 1)).toBeLessThan(0.01);
    expect(floats.at(-1)).not.toBe(0);
  });

  it('keep tiny values as subnormal halves', () => {
    const [first] = decode(new Uint8Array(normalTable('F16', 0, 2 ** -24).buffer), 'F16');
    // The lowest of 65,536 quantiles is at -4.33 deviations, of which each is one step of a subnormal half.
    expect(first).toBe(-4 * 2 ** -24);
  });
});

describe('a made-up model', () => {
  it('is the same for the same seed, and another for another', () => {
    const name = 'model.layers.0.mlp.up_proj.weight';
    const bytes = demoModel(options).tensorBytes(name);
    expect(demoModel(options).tensorBytes(name)).toEqual(bytes);
    expect(demoModel({ ...options, seed: 2 }).tensorBytes(name)).not.toEqual(bytes);
    expect(demoModel(options).tensorBytes('model.layers.1.mlp.up_proj.weight')).not.toEqual(bytes);
  });

  it.each(demoFamilies)('of the family %s streams a file that a reader takes, with all that its family needs', async (family) => {
    const model = demoModel({ ...options, family, tiedEmbeddings: false });
    const file = new Uint8Array(model.weights.totalBytes);
    let filled = 0;
    for (const chunk of model.chunks()) {
      file.set(chunk, filled);
      filled += chunk.byteLength;
    }
    expect(filled).toBe(file.byteLength);
    const { tensors } = await readSafetensors(memorySource(file));
    const architecture = architectureOf(model.config);
    const stored = new Set(tensors.map(({ name }) => name));
    const needed = architecture.tensors(architecture.hyperparameters(model.config)).filter((rule) => !rule.optional);
    expect(needed.filter(({ hf }) => !stored.has(hf))).toEqual([]);
    expect(stored.has('lm_head.weight')).toBe(!['gemma', 'gemma2'].includes(family));
    expect(stored.has('model.layers.0.self_attn.q_proj.bias')).toBe(family === 'qwen2');
    for (const { name, offset, sizeBytes, dtype } of tensors) {
      const bytes = file.subarray(offset, offset + sizeBytes);
      expect(bytes).toEqual(model.tensorBytes(name));
      expect(decode(bytes, dtype).every(Number.isFinite)).toBe(true);
    }
  });

  it('starts its norms near one, Gemma’s near zero', () => {
    const mean = (family: string): number => {
      const values = decode(demoModel({ ...options, family }).tensorBytes('model.norm.weight'), 'F16');
      return values.reduce((sum, value) => sum + value, 0) / values.length;
    };
    expect(mean('llama')).toBeCloseTo(1, 1);
    expect(mean('gemma2')).toBeCloseTo(0, 1);
  });

  it('refuses an impossible shape', () => {
    expect(() => demoModel({ ...options, headCount: 5 })).toThrow(AppError);
    expect(() => demoModel({ ...options, family: 'mamba' })).toThrow(/mamba/);
  });
});

describe('its folder', () => {
  it('appears whole, with its files and the predicted size', async () => {
    const model = demoModel(options);
    const path = join(folder, 'whole');
    const progress: number[] = [];
    await writeHfFolder(model, path, { onProgress: (done) => progress.push(done) });
    expect(readdirSync(path).toSorted()).toEqual(['config.json', 'generation_config.json', 'model.safetensors', 'tokenizer.json']);
    const sizes = readdirSync(path).map((name) => readFileSync(join(path, name)).byteLength);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(model.totalBytes);
    expect(progress.at(-1)).toBe(model.weights.totalBytes);
    expect(JSON.parse(readFileSync(join(path, 'config.json'), 'utf8'))).toEqual(model.config);
  });

  it('is not there at all after a cancellation', async () => {
    const path = join(folder, 'cancelled');
    const controller = new AbortController();
    const writing = writeHfFolder(demoModel(options), path, { signal: controller.signal, onProgress: () => controller.abort() });
    await expect(writing).rejects.toMatchObject({ name: 'AbortError' });
    expect(existsSync(path) || existsSync(`${path}.partial`)).toBe(false);
  });

  it('never replaces what is there', async () => {
    await expect(writeHfFolder(demoModel(options), folder)).rejects.toMatchObject({ code: 'model.folderExists' });
  });
});
