import { open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { planGguf } from '#core/gguf/write.ts';
import { str, u32, type GgufMetadata } from '#core/gguf/values.ts';
import { tinyFolder } from '#test/fixtures.ts';
import { errorOf } from '#test/expect-error.ts';
import { randomCalibration } from './calibrations.ts';
import { overwrite } from './overwrite.ts';
import { quantize, temporaryFolder, tensor, tensorsOf, valuesOf } from './quantize.ts';

const root = temporaryFolder();
afterAll(() => rm(root, { recursive: true }));

const wide = { embeddingLength: 256, feedForwardLength: 512, headCount: 4, headCountKv: 2, dtype: 'F32' } as const;

const name = 'model.layers.1.mlp.up_proj.weight';
const calibration = randomCalibration((tensorName) => (tensorName.includes('ffn_down') ? 512 : 256));

describe('a weight that is no number', () => {
  it.each([
    ['NaN', NaN, 'Q4_K_M'],
    ['infinity', Infinity, 'Q8_0'],
    ['minus infinity', -Infinity, 'IQ4_XS'],
    ['NaN', NaN, 'nf4'],
    ['infinity', Infinity, 'nf4-dq'],
    ['NaN', NaN, 'int8'],
    ['a number beyond half precision', 1e5, 'int8'],
    ['NaN', NaN, 'int8-zp'],
    ['NaN', NaN, 'gptq-4'],
  ] as const)('%s (%d) in %s: the tensor is named, and nothing is left', async (_, value, target) => {
    const folder = await tinyFolder(wide);
    await overwrite(folder, name, [0.5, value]);
    const path = join(root, 'failed');
    const failed = await errorOf(quantize(folder, path, target, {}, { calibration, syncMs: 0 }));
    expect(failed).toMatchObject({ code: 'quantize.notFinite', params: { tensor: target.match(/^[A-Z]/) ? 'blk.1.ffn_up.weight' : name } });
    await expect(readFile(`${path}.partial`)).rejects.toThrow('ENOENT');
    await expect(readFile(`${path}.partial.journal`)).rejects.toThrow('ENOENT');
  });

  it('in a tensor that stays a float is carried over, and counted', async () => {
    const folder = await tinyFolder(wide);
    await overwrite(folder, name, [1e30, Infinity]);
    const made = await quantize(folder, join(root, 'counted.gguf'), 'F16');
    expect(made).toMatchObject({ nonFinite: 1, overflowed: 1 });
  });
});

describe('rows and blocks of zeros', () => {
  it.each(['Q4_0', 'Q4_K_M', 'IQ4_NL', 'Q3_K_M'] as const)('stay zeros in %s', async (target) => {
    const folder = await tinyFolder(wide);
    await overwrite(
      folder,
      name,
      Array.from({ length: 256 * 3 }, () => 0),
    );
    const path = join(root, `zeros ${target}.gguf`);
    await quantize(folder, path, target);
    const values = await valuesOf(tensor(await tensorsOf(path), 'blk.1.ffn_up.weight'));
    expect(values.subarray(0, 256 * 3).every((value) => value === 0)).toBe(true);
    expect(values.subarray(256 * 3, 256 * 4).some((value) => value !== 0)).toBe(true);
  });

  it.each(['int8', 'int8-zp', 'nf4', 'nf4-dq', 'fp4', 'gptq-4'] as const)('are next to nothing in %s', async (target) => {
    const folder = await tinyFolder(wide);
    await overwrite(
      folder,
      name,
      Array.from({ length: 256 * 3 }, () => 0),
    );
    const path = join(root, `zeros ${target}`);
    await quantize(folder, path, target, { format: 'hf', options: { groupSize: 32 } }, { calibration });
    const back = join(root, `zeros ${target}.gguf`);
    await quantize(path, back, 'F32');
    const values = await valuesOf(tensor(await tensorsOf(back), 'blk.1.ffn_up.weight'));
    expect(values.every(Number.isFinite)).toBe(true);
    // Nested, an absmax of zero is rounded like any other.
    expect(values.subarray(0, 256 * 3).every((value) => Math.abs(value) < 0.001)).toBe(true);
  });
});

describe('a GGUF file that promises more than it holds', () => {
  const metadata: GgufMetadata = new Map([
    ['general.architecture', str('llama')],
    ['llama.block_count', u32(1)],
    ['llama.attention.head_count', u32(1)],
  ]);

  it('never reaches a kernel: a tensor larger than its file', async () => {
    const plan = planGguf({ metadata, tensors: [{ name: 'blk.0.ffn_up.weight', type: 'F16', dimensions: [2 ** 20, 2 ** 20] }] });
    const path = join(root, 'larger.gguf');
    const handle = await open(path, 'w');
    await handle.write(plan.header);
    await handle.close();
    expect((await errorOf(quantize(path, join(root, 'x.gguf'), 'Q4_K_M'))).code).toMatch(/^gguf\./);
  });

  it('with rows that are no valid blocks is refused by name', async () => {
    const tensors = [{ name: 'blk.0.ffn_up.weight', type: 'Q4_K' as const, dimensions: [256, 4] }];
    const plan = planGguf({ metadata, tensors });
    const path = join(root, 'blocks.gguf');
    const handle = await open(path, 'w');
    await handle.write(plan.header);
    // Scales of all ones are NaN.
    await handle.write(new Uint8Array(plan.totalBytes - plan.header.byteLength).fill(255));
    await handle.close();
    expect(await errorOf(quantize(path, join(root, 'x.gguf'), 'Q8_0'))).toMatchObject({
      code: 'quantize.badRows',
      params: { tensor: 'blk.0.ffn_up.weight' },
    });
  });
});
