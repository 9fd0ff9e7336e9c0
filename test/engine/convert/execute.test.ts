import { appendFile, copyFile, cp, mkdtemp, open, readdir, readFile, rm, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { demoFromText, demoShape } from '#core/demo/from-text.ts';
import type { DemoModel } from '#core/demo/model.ts';
import { readGguf } from '#core/gguf/read.ts';
import { planGguf } from '#core/gguf/write.ts';
import { memorySource } from '#core/byte-source.ts';
import { writeHfFolder } from '#engine/demo.ts';
import { onDisk } from '#core/errors/on-disk.ts';
import type { ExecuteOptions } from '#engine/quantize/execute.ts';
import { PartialOutput } from '#engine/quantize/partial-output.ts';
import { errorOf } from '#test/expect-error.ts';
import type { ConvertedTensor } from '../../core/convert/planned.ts';
import { native, quantize } from '../quantize/quantize.ts';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'lathe convert 转换 '));
});
afterAll(() => rm(root, { recursive: true }));

const text = 'the cat sat on the mat and the dog ran to the cat. '.repeat(40);
let made = 0;

interface Made {
  readonly folder: string;
  readonly demo: DemoModel;
}

async function makeModel(family: string, more: Partial<Parameters<typeof demoFromText>[0]> = {}): Promise<Made> {
  const shape = { ...demoShape, family, layerCount: 2, embeddingLength: 32, headCount: 4, headCountKv: 2, feedForwardLength: 48 };
  const demo = demoFromText({
    ...shape,
    maxVocabularySize: 300,
    text,
    seed: 7,
    dtype: 'BF16',
    ...(family === 'gpt2' ? { headCountKv: 4 } : {}),
    ...more,
  });
  const folder = join(root, `model ${(made += 1)}`);
  await writeHfFolder(demo, folder);
  return { folder, demo };
}

/** To floats, as the program does it. */
async function convert(folder: string, outputPath: string, options: Partial<ExecuteOptions> = {}, target: 'F32' | 'BF16' = 'F32') {
  const { plan, nonFinite, overflowed } = await quantize(folder, outputPath, target, {}, options);
  if (plan.output.format !== 'gguf') throw new Error('floats go to GGUF unless they are asked not to');
  const { totalBytes, tensors } = planGguf(plan.output);
  const made = tensors.map((tensor, i): ConvertedTensor => {
    const source = plan.tensors[i]?.source;
    if (source === undefined) throw new Error(`${tensor.name} comes from nowhere`);
    return { ...tensor, source };
  });
  return { plan: { totalBytes, tensors: made }, written: { nonFinite, overflowed } };
}

/** What a tensor should hold, by the definition of its transform, value by value. */
function expected({ source, type }: ConvertedTensor, demo: DemoModel): Float32Array {
  if (source.kind === 'computed') return source.values;
  const bytes = demo.tensorBytes(source.tensor.name);
  const stored = Float32Array.from({ length: bytes.byteLength / 2 }, (_, index) => {
    const view = new DataView(new ArrayBuffer(4));
    view.setUint16(2, new DataView(bytes.buffer).getUint16(2 * index, true), true);
    return view.getFloat32(0, true);
  });
  expect(type).toBe('F32');
  const [rows = 0, columns = 1] = source.shape;
  const { transform } = source;
  switch (transform.kind) {
    case 'none':
      return stored.slice(0, source.elements);
    case 'addOne':
      return stored.map((value) => value + 1);
    case 'transpose':
      return stored.map((_, index) => stored[(index % rows) * columns + Math.floor(index / rows)] ?? Number.NaN);
    case 'permuteRows': {
      // reshape(heads, 2, d / 2, columns).swapaxes(1, 2), as llama.cpp's converter has it.
      const depth = rows / transform.heads;
      return stored.map((_, index) => {
        const row = Math.floor(index / columns);
        const [head, inside] = [Math.floor(row / depth), row % depth];
        const from = head * depth + (inside % 2) * (depth / 2) + Math.floor(inside / 2);
        return stored[from * columns + (index % columns)] ?? Number.NaN;
      });
    }
  }
}

describe('a conversion', () => {
  it.each(['llama', 'gemma', 'gpt2', 'qwen2', 'phi3'])(
    'of %s holds every value where its transform puts it, whatever the chunks',
    async (family) => {
      const { folder, demo } = await makeModel(family);
      const files: Buffer[] = [];
      for (const chunkElements of [37, 1000, 2 ** 21]) {
        const output = join(root, `${family} ${chunkElements}.gguf`);
        const { plan, written } = await convert(folder, output, { chunkElements });
        const file = await readFile(output);
        expect(file.byteLength).toBe(plan.totalBytes);
        expect(written).toEqual({ nonFinite: 0, overflowed: 0 });
        expect(written.overflowed).toBe(2 * written.nonFinite);
        files.push(file);
        if (files.length > 1) continue;
        for (const tensor of plan.tensors) {
          const found = new Float32Array(
            file.buffer.slice(file.byteOffset + tensor.offset, file.byteOffset + tensor.offset + tensor.sizeBytes),
          );
          expect([tensor.name, found]).toEqual([tensor.name, expected(tensor, demo)]);
        }
      }
      expect(files[1]?.equals(files[0] ?? Buffer.alloc(0))).toBe(true);
      expect(files[2]?.equals(files[0] ?? Buffer.alloc(0))).toBe(true);
    },
  );

  it('keeps the bytes of what stays in its type', async () => {
    const { folder, demo } = await makeModel('qwen2');
    const output = join(root, 'same.gguf');
    const { plan } = await convert(folder, output, {}, 'BF16');
    const file = await readFile(output);
    const matrix = plan.tensors.find(({ name }) => name === 'blk.0.ffn_up.weight');
    const bytes = file.subarray(matrix?.offset ?? 0, (matrix?.offset ?? 0) + (matrix?.sizeBytes ?? 0));
    expect(bytes.equals(demo.tensorBytes('model.layers.0.mlp.up_proj.weight'))).toBe(true);
    expect((await readGguf(memorySource(new Uint8Array(file)))).tensors.length).toBe(plan.tensors.length);
  });

  it('tells how far it is, up to the last byte', async () => {
    const { folder } = await makeModel('llama');
    const amounts: number[] = [];
    const { plan } = await convert(folder, join(root, 'progress.gguf'), { progress: (done) => amounts.push(done) });
    expect(amounts).toEqual(amounts.toSorted((left, right) => left - right));
    expect(amounts.at(-1)).toBe(plan.tensors.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0));
  });

  it('of a sharded folder takes each tensor from its shard, and names what is missing', async () => {
    const { folder } = await makeModel('llama');
    const whole = join(root, 'whole.gguf');
    // Under the same name, which goes into the file.
    const sharded = join(root, 'sharded', basename(folder));
    const { plan } = await convert(folder, whole);
    await splitIntoShards(folder, sharded);
    await convert(sharded, join(root, 'sharded.gguf'));
    expect((await readFile(join(root, 'sharded.gguf'))).equals(await readFile(whole))).toBe(true);
    expect(plan.tensors.length).toBeGreaterThan(10);
    await rm(join(sharded, 'model-00002-of-00002.safetensors'));
    expect(await errorOf(convert(sharded, join(root, 'x.gguf')))).toMatchObject({ code: 'safetensors.missingShards' });
  });

  it('keeps both matrices of a tied model that differ, and one of two that are the same', async () => {
    const { folder, demo } = await makeModel('llama', { tiedEmbeddings: false });
    const config = JSON.parse(await readFile(join(folder, 'config.json'), 'utf8'));
    await writeFile(join(folder, 'config.json'), JSON.stringify({ ...config, tie_word_embeddings: true }));
    const names = async (output: string): Promise<string[]> =>
      (await convert(folder, join(root, output))).plan.tensors.map(({ name }) => name);
    expect(await names('differs.gguf')).toContain('output.weight');
    const head = demo.weights.tensors.find(({ name }) => name === 'lm_head.weight');
    const handle = await open(join(folder, 'model.safetensors'), 'r+');
    await handle.write(demo.tensorBytes('model.embed_tokens.weight'), 0, undefined, head?.offset);
    await handle.close();
    expect(await names('same head.gguf')).not.toContain('output.weight');
  });
});

describe('a conversion that cannot be completed leaves nothing', () => {
  const left = async (): Promise<string[]> => (await readdir(root)).filter((name) => name.includes('partial') || name.startsWith('failed'));
  const output = (): string => join(root, 'failed.gguf');

  it('where there already is a file, which is not touched', async () => {
    const { folder } = await makeModel('llama');
    const path = join(root, 'precious.gguf');
    await writeFile(path, 'precious');
    expect(await errorOf(convert(folder, path))).toMatchObject({ code: 'convert.outputExists', params: { path } });
    expect(await readFile(path, 'utf8')).toBe('precious');
    expect(await left()).toEqual([]);
  });

  it('where a file comes to be while it runs', async () => {
    const { folder } = await makeModel('llama');
    const path = join(root, 'late.gguf');
    const late = { progress: () => void writeFile(path, 'late') };
    expect(await errorOf(convert(folder, path, { ...late, chunkElements: 100 }))).toMatchObject({ code: 'convert.outputExists' });
    expect(await readFile(path, 'utf8')).toBe('late');
    expect(await left()).toEqual([]);
  });

  it('where it is cancelled', async () => {
    const { folder } = await makeModel('llama');
    const leave = new AbortController();
    let calls = 0;
    const progress = (): void => {
      calls += 1;
      if (calls === 20) leave.abort();
    };
    await expect(convert(folder, output(), { signal: leave.signal, progress, chunkElements: 100 })).rejects.toMatchObject({
      name: 'AbortError',
    });
    expect(calls).toBeLessThan(30);
    expect(await left()).toEqual([]);
  });

  it.each([
    ['rewritten', (file: string) => utimes(file, new Date(), new Date(Date.now() + 5000))],
    ['extended', (file: string) => appendFile(file, 'x')],
    ['cut off', (file: string) => truncate(file, 5000)],
  ])('where a weight file is %s meanwhile', async (_, change) => {
    const { folder } = await makeModel('llama');
    let changed: Promise<void> | undefined;
    const cast: ExecuteOptions['kernels']['cast'] = async (...args) => {
      changed ??= change(join(folder, 'model.safetensors'));
      await changed;
      return native.cast(...args);
    };
    expect(await errorOf(convert(folder, output(), { kernels: { ...native, cast } }))).toMatchObject({
      code: 'disk.changed',
      params: { file: 'model.safetensors' },
    });
    expect(await left()).toEqual([]);
  });

  it('where a cast fails', async () => {
    const { folder } = await makeModel('llama');
    let casts = 0;
    const cast: ExecuteOptions['kernels']['cast'] = async (...args) => {
      if ((casts += 1) === 5) throw new Error('no more memory');
      return native.cast(...args);
    };
    await expect(convert(folder, output(), { kernels: { ...native, cast } })).rejects.toThrow('no more memory');
    expect(await left()).toEqual([]);
  });

  it('where there is no such folder, or not enough space', async () => {
    const { folder } = await makeModel('llama');
    expect(await errorOf(convert(folder, join(root, 'absent', 'x.gguf')))).toMatchObject({ code: 'disk.missing' });
    expect(
      await errorOf(
        PartialOutput.open({
          path: output(),
          isFolder: false,
          plan: undefined,
          files: [{ name: '', header: new Uint8Array(), totalBytes: 2 ** 60 }],
        }),
      ),
    ).toMatchObject({ code: 'disk.full', params: { path: output() } });
    expect(await left()).toEqual([]);
  });

  it('where the model is not one that can be converted', async () => {
    const { folder } = await makeModel('llama');
    const pickle = join(root, 'pickle');
    await writeHfFolder(demoFromText({ ...demoShape, text, seed: 1, layerCount: 1 }), pickle);
    await copyFile(join(pickle, 'model.safetensors'), join(pickle, 'pytorch_model.bin'));
    await rm(join(pickle, 'model.safetensors'));
    expect(await errorOf(convert(pickle, output()))).toMatchObject({ code: 'model.pickle' });
    const config = JSON.parse(await readFile(join(folder, 'config.json'), 'utf8'));
    const write = (more: object): Promise<void> => writeFile(join(folder, 'config.json'), JSON.stringify({ ...config, ...more }));
    await write({ architectures: ['AlienForCausalLM'], model_type: 'alien' });
    expect(await errorOf(convert(folder, output()))).toMatchObject({ code: 'model.unknownArchitecture' });
    await writeFile(join(folder, 'config.json'), '{');
    expect(await errorOf(convert(folder, output()))).toMatchObject({ code: 'convert.invalidJson', params: { file: 'config.json' } });
    expect(await errorOf(convert(join(root, 'nowhere'), output()))).toMatchObject({ code: 'disk.missing' });
    expect(await left()).toEqual([]);
  });

  it.skipIf(process.platform !== 'linux')('and a write that the system refuses for want of space is disk.full', async () => {
    const full = await open('/dev/full', 'w');
    expect(await errorOf(onDisk('/some/output', () => full.write('x')))).toMatchObject({
      code: 'disk.full',
      params: { path: '/some/output' },
    });
    await full.close();
  });
});

/** The same weights in two files with an index, written by hand: header length, header, data. */
async function splitIntoShards(folder: string, target: string): Promise<void> {
  await cp(folder, target, { recursive: true });
  const file = await readFile(join(folder, 'model.safetensors'));
  const headerBytes = Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.subarray(8, 8 + headerBytes).toString()) as Record<
    string,
    { dtype: string; shape: number[]; data_offsets: [number, number] }
  >;
  const names = Object.keys(header).filter((name) => name !== '__metadata__');
  const map: Record<string, string> = {};
  for (const part of [1, 2]) {
    const shard = `model-0000${part}-of-00002.safetensors`;
    const own = names.filter((_, index) => index % 2 === part - 1);
    const entries: Record<string, unknown> = {};
    const data: Buffer[] = [];
    let offset = 0;
    for (const name of own) {
      const {
        dtype,
        shape,
        data_offsets: [start, end],
      } = header[name] ?? { dtype: '', shape: [], data_offsets: [0, 0] };
      entries[name] = { dtype, shape, data_offsets: [offset, offset + end - start] };
      data.push(file.subarray(8 + headerBytes + start, 8 + headerBytes + end));
      offset += end - start;
      map[name] = shard;
    }
    const json = Buffer.from(JSON.stringify(entries));
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(json.byteLength));
    await writeFile(join(target, shard), Buffer.concat([length, json, ...data]));
  }
  await rm(join(target, 'model.safetensors'));
  await writeFile(join(target, 'model.safetensors.index.json'), JSON.stringify({ metadata: {}, weight_map: map }));
}
