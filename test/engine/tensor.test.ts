import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { memorySource } from '#core/byte-source.ts';
import { demoFromText, demoShape } from '#core/demo/from-text.ts';
import { readGguf } from '#core/gguf/read.ts';
import { writeHfFolder } from '#engine/demo.ts';
import { createEngines, forkEngine, type EngineClient, type Engines } from '#main/engines/index.ts';
import { errorOf } from '#test/expect-error.ts';
import { realModelPath, realModels, realModelsNote } from '#test/real-models.ts';

const entry = fileURLToPath(new URL('../../src/engine/index.ts', import.meta.url));

type Tensor = EngineClient<'tensor'>['tensor'];
type Target = 'F32' | 'F16' | 'BF16';

let root: string;
let engines: Engines;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'lathe tensor 张量 '));
  engines = createEngines({ spawn: (kind) => forkEngine(kind, { entry }), log: () => undefined });
});
afterAll(async () => {
  await engines.close();
  await rm(root, { recursive: true });
});

const tensor = async (): Promise<Tensor> => (await engines.tensor()).tensor;

interface Progress {
  readonly phase: string;
  readonly amount: number;
  readonly total: number;
}

/** A stream to its end: the progress that it told, and its result. */
async function finish<P extends { readonly type: string }>(
  events: AsyncIterable<P>,
): Promise<{ progress: Progress[]; result: Extract<P, { type: 'finished' }> }> {
  const progress: Progress[] = [];
  for await (const event of events) {
    if (event.type === 'finished') return { progress, result: event as Extract<P, { type: 'finished' }> };
    progress.push(event as unknown as Progress);
  }
  throw new Error('it ended without a result');
}

const converting = async (modelPath: string, target: Target, outputPath: string) =>
  (await tensor()).quantize({ modelPath, target, outputPath, name: 'test', options: {}, scratchFolder: root, threads: null });

const convert = async (modelPath: string, target: Target, outputPath: string) => finish(await converting(modelPath, target, outputPath));

async function greedyText(modelPath: string, prompt: string): Promise<string> {
  const { inference } = await engines.inference();
  for await (const _ of inference.load({ modelPath, contextLength: 512, threads: 1 }));
  let text = '';
  const request = {
    mode: 'text' as const,
    systemPrompt: '',
    turns: [{ role: 'user' as const, text: prompt }],
    sampling: { temperature: 0, maxTokens: 100 },
  };
  for await (const event of inference.generate(request)) if (event.type === 'text') text += event.text;
  return text;
}

/** A demo model large enough that its conversion can be interrupted: 150 MB. */
async function largeModel(): Promise<string> {
  const folder = join(root, 'large');
  if (existsSync(folder)) return folder;
  const shape = { ...demoShape, layerCount: 4, embeddingLength: 1536, headCount: 12, feedForwardLength: 4096, dtype: 'BF16' as const };
  await writeHfFolder(demoFromText({ ...shape, text: 'the cat sat on the mat. '.repeat(50), seed: 1 }), folder);
  return folder;
}

describe('the tensor engine', () => {
  it('makes the demo model, converts it, and the result answers', async () => {
    const folder = join(root, 'demo');
    const made = await finish((await tensor()).demo({ outputFolder: folder, name: 'Demo' }));
    expect(made.result.sizeBytes).toBeGreaterThan(1_000_000);
    expect(await readdir(folder)).toEqual(expect.arrayContaining(['config.json', 'model.safetensors', 'tokenizer.json']));
    const output = join(root, 'demo.gguf');
    const { result, progress } = await convert(folder, 'F16', output);
    expect(result).toMatchObject({ sizeBytes: (await stat(output)).size, warnings: [], resumedTensors: 0 });
    const { amount, total } = progress.findLast(({ phase }) => phase === 'quantize.writing') ?? { amount: 0, total: 1 };
    expect(amount).toBe(total);
    // It was trained on stories like this one: that is how they go on.
    expect(await greedyText(output, 'Once upon a time, there was a child named')).toMatch(/^ [A-Z][a-z]+ who lived near the [a-z ]+\./);
    expect(await errorOf(finish((await tensor()).demo({ outputFolder: folder, name: 'Demo' })))).toMatchObject({
      code: 'model.folderExists',
    });
  });

  it('hashes files, one by one', async () => {
    await writeFile(join(root, 'a b'), 'abc');
    await writeFile(join(root, '空'), '');
    const { result } = await finish((await tensor()).hash({ folder: root, files: ['a b', '空'] }));
    // FIPS 180-2's example, and the hash of nothing.
    expect(result.files).toEqual([
      { name: 'a b', sha256: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad' },
      { name: '空', sha256: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855' },
    ]);
    expect(await errorOf(finish((await tensor()).hash({ folder: root, files: ['absent'] })))).toMatchObject({ code: 'disk.missing' });
  });

  it('leaves nothing under the name of a conversion that is left, and goes on', async () => {
    const folder = await largeModel();
    const output = join(root, 'left.gguf');
    for await (const event of await converting(folder, 'F32', output))
      if (event.type === 'progress' && event.phase === 'quantize.writing') break;
    expect(existsSync(output)).toBe(false);
    expect((await (await engines.tensor()).health.ping({})).residentBytes).toBeGreaterThan(0);
  });

  it('killed while it writes, leaves no file under the name, and the next attempt completes it', async () => {
    const folder = await largeModel();
    const output = join(root, 'killed.gguf');
    const killed = (async () => {
      for await (const event of await converting(folder, 'F16', output))
        if (event.type === 'progress' && event.phase === 'quantize.writing')
          process.kill(engines.processes().find(({ kind }) => kind === 'tensor')?.pid ?? 0, 'SIGKILL');
    })();
    expect(await errorOf(killed)).toMatchObject({ code: 'engine.crashed', params: { reason: 'SIGKILL' } });
    expect(existsSync(output)).toBe(false);
    expect(existsSync(`${output}.partial`)).toBe(true);
    const { result } = await convert(folder, 'F16', output);
    expect((await stat(output)).size).toBe(result.sizeBytes);
    expect(existsSync(`${output}.partial`)).toBe(false);
  });

  it('names what is wrong with a model or a text', async () => {
    const file = join(root, 'no model.gguf');
    await writeFile(file, 'no model');
    const measure = async (modelPath: string, textPath: string) =>
      finish((await tensor()).perplexity({ modelPath, textPath, contextLength: 64, threads: 1 }));
    expect((await errorOf(measure(file, file))).code).toMatch(/^(engine\.loadFailed|gguf\.badMagic)$/);
    expect((await errorOf(measure(file, join(root, 'absent.txt')))).code).toBe('disk.missing');
    expect((await errorOf(convert(root, 'F16', join(root, 'x.gguf')))).code).toMatch(/^model\./);
  });
});

describe.skipIf(realModels === null).each([
  { name: 'story656k', reference: 'story656K-f32.gguf', prompt: 'Once upon a time, ', perplexity: 34.166, within: 0.02 },
  { name: 'stories260k', reference: 'stories260K-f32.gguf', prompt: 'Once upon a time', perplexity: 4.811, within: 0.005 },
])(`$name, a really trained model${realModelsNote}`, ({ name, reference, prompt, perplexity, within }) => {
  const converted = (target: Target): string => join(root, `${name}-${target}.gguf`);
  beforeAll(async () => {
    for (const target of ['F32', 'F16', 'BF16'] as const) await convert(realModelPath(name), target, converted(target));
  });

  it('has in F32 every value of an independent conversion', async () => {
    const read = async (path: string) => {
      const bytes = await readFile(path);
      const header = await readGguf(memorySource(new Uint8Array(bytes)));
      const digest = (from: number, size: number): string =>
        createHash('sha256')
          .update(bytes.subarray(from, from + size))
          .digest('hex');
      return new Map(
        header.tensors.map(({ name: tensorName, type, dimensions, offset, sizeBytes }) => [
          tensorName,
          [type, dimensions.join('x'), digest(offset, sizeBytes)],
        ]),
      );
    };
    const [own, theirs] = [await read(converted('F32')), await read(realModelPath(name, reference))];
    expect(own.size).toBeGreaterThan(15);
    expect(Object.fromEntries(own)).toEqual(Object.fromEntries(theirs));
  });

  it('says greedily in F32 what the reference file says, and speaks in F16 and BF16', async () => {
    const expected = await greedyText(realModelPath(name, reference), prompt);
    expect(await greedyText(converted('F32'), prompt)).toBe(expected);
    for (const target of ['F16', 'BF16'] as const) expect(await greedyText(converted(target), prompt)).toMatch(/the|and/);
  });

  it('has the perplexity that llama-perplexity measured', async () => {
    const textPath = realModelPath('corpora', 'tinystories-recased-60k.txt');
    const request = { modelPath: converted('F32'), textPath, contextLength: 256, threads: 2 };
    const { result } = await finish((await tensor()).perplexity(request));
    expect(Math.abs(result.perplexity - perplexity)).toBeLessThanOrEqual(within);
    // 127 of each window's tokens are scored.
    expect(result.tokens).toBe(result.windows * 127);
  });

  it('has its shapes and sizes: half the bytes in F16 and BF16, norms in F32', async () => {
    const sizes = await Promise.all((['F32', 'F16', 'BF16'] as const).map(async (target) => (await stat(converted(target))).size));
    expect(sizes[1]).toBe(sizes[2]);
    expect((sizes[1] ?? 0) / (sizes[0] ?? 1)).toBeLessThan(0.62);
  });
});

describe.skipIf(realModels === null)(`a text with characters that a model lacks${realModelsNote}`, () => {
  it('is an error that names one, and the engine lives', async () => {
    const textPath = join(root, 'café.txt');
    await writeFile(textPath, 'Once upon a time, there was a Café. '.repeat(100));
    const measuring = finish(
      (await tensor()).perplexity({ modelPath: realModelPath('story656k', 'story656K-f32.gguf'), textPath, contextLength: 64, threads: 1 }),
    );
    expect(await errorOf(measuring)).toMatchObject({
      code: 'tokenizer.unsupportedText',
      params: { character: expect.stringContaining('é') },
    });
    expect((await (await engines.tensor()).health.ping({})).residentBytes).toBeGreaterThan(0);
  });
});
