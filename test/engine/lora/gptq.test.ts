import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { tinyFolder } from '#test/fixtures.ts';
import { quantize, tensorsOf } from '../quantize/quantize.ts';
import { finish, openTensor, options, type Progress } from '../tensor-client.ts';
import { merge, randomAdapter, relativeDistance, temporaryFolder, valuesOf } from './adapters.ts';

const tensor = openTensor();
const root = temporaryFolder();
const at = (...names: string[]): string => join(root, ...names);
const scratchFolder = at('scratch');
const shape = { embeddingLength: 128, feedForwardLength: 256, dtype: 'F32' } as const;

let base: string;
let adapter: string;
beforeAll(async () => {
  await mkdir(scratchFolder);
  base = await tinyFolder(shape);
  // The first layer's change reaches the inputs of all that comes after it.
  adapter = await randomAdapter(at('adapter'), [
    ['model.layers.0.self_attn.v_proj', 64, 128],
    ['model.layers.0.mlp.down_proj', 128, 256],
    ['model.layers.1.self_attn.q_proj', 128, 128],
  ]);
  await merge(base, [[adapter, 0.7]], at('merged'));
});

const common = (own: Parameters<typeof options>[0] = {}) => ({
  name: 'tiny',
  options: options({ calibrationContext: 64, calibrationWindows: 4, groupSize: 32, ...own }),
  scratchFolder,
  threads: 1,
});

const weightsOf = (path: string) => tensorsOf(path.endsWith('.gguf') ? path : join(path, 'model.safetensors'));

test.for([
  ['a folder', 'gptq-4', 'hf', true],
  ['a GGUF file', 'gptq-4', 'gguf', true],
  ['a folder, calibrated at once', 'gptq-8', 'hf', false],
] as const)(
  'GPTQ of a merged model, as %s, is calibrated on the merged model: the bytes are those of merging first',
  async ([name, target, format, trueSequential]) => {
    const ending = format === 'gguf' ? '.gguf' : '';
    const [one, two, other] = ['one', 'two', 'other'].map((each) => at(`${name} ${each}${ending}`)) as [string, string, string];
    const asked = { ...common({ trueSequential }), target, format };
    const adapters = [{ path: adapter, scale: 0.7 }];
    const { progress, changedTensors } = await finish(tensor.merge({ ...asked, basePath: base, adapters, outputPath: one }));
    expect(changedTensors).toBe(3);
    expect(new Set(progress.map(({ phase }: Progress) => phase))).toContain('quantize.calibrating');
    await finish(tensor.quantize({ ...asked, modelPath: at('merged'), outputPath: two }));
    expect(await weightsOf(one)).toEqual(await weightsOf(two));
    expect(await readdir(scratchFolder)).toEqual([]);

    // A tensor that no adapter changes, and whose inputs are changed, is rounded another way than in the base.
    await finish(tensor.quantize({ ...asked, modelPath: base, outputPath: other }));
    const unchanged = format === 'gguf' ? 'blk.1.ffn_up.weight' : 'model.layers.1.mlp.up_proj.qweight';
    const [mine, bases] = [(await weightsOf(one)).get(unchanged), (await weightsOf(other)).get(unchanged)];
    expect(mine).toBeDefined();
    expect(mine).not.toEqual(bases);
  },
);

test.for([false, true])('a GGUF base is merged and calibrated in a copy, true-sequential or not (%s)', async (trueSequential) => {
  const name = `file ${trueSequential}`;
  await quantize(base, at(`${name}.gguf`), 'F32', { format: 'gguf' });
  await quantize(at('merged'), at(`${name} merged.gguf`), 'F32', { format: 'gguf' });
  const before = await tensorsOf(at(`${name}.gguf`));
  const asked = { ...common({ trueSequential }), target: 'gptq-8', format: 'gguf' as const };
  const adapters = [{ path: adapter, scale: 0.7 }];
  await finish(tensor.merge({ ...asked, basePath: at(`${name}.gguf`), adapters, outputPath: at(`${name} one.gguf`) }));
  await finish(tensor.quantize({ ...asked, modelPath: at(`${name} merged.gguf`), outputPath: at(`${name} two.gguf`) }));
  expect(await tensorsOf(at(`${name} one.gguf`))).toEqual(await tensorsOf(at(`${name} two.gguf`)));
  expect(await tensorsOf(at(`${name}.gguf`))).toEqual(before);
});

test('a quantized base is decoded for its calibration, which keeps what the adapter adds', async () => {
  await quantize(base, at('q8.gguf'), 'Q8_0', { format: 'gguf' });
  const asked = { ...common(), target: 'gptq-8', format: 'gguf' as const };
  await finish(
    tensor.merge({ ...asked, basePath: at('q8.gguf'), adapters: [{ path: adapter, scale: 0.7 }], outputPath: at('q8 gptq.gguf') }),
  );
  await quantize(at('q8 gptq.gguf'), at('q8 floats.gguf'), 'F32', { format: 'gguf' });
  await quantize(at('merged'), at('merged floats.gguf'), 'F32', { format: 'gguf' });
  const name = 'blk.0.ffn_down.weight';
  const [mine, exact] = [(await tensorsOf(at('q8 floats.gguf'))).get(name), (await tensorsOf(at('merged floats.gguf'))).get(name)];
  if (mine === undefined || exact === undefined) throw new Error(`there is no ${name}`);
  expect(relativeDistance(valuesOf(mine), valuesOf(exact))).toBeLessThan(0.02);
});
