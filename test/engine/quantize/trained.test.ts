import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { realModelPath, realModels, realModelsNote } from '#test/real-models.ts';
import { finish, measuring, openTensor, options } from '../tensor-client.ts';
import { temporaryFolder } from './quantize.ts';

const root = temporaryFolder();
afterAll(() => rm(root, { recursive: true }));

/** Ten times what it takes on an idle computer. */
const LONG_MS = 300_000;

/** The windows of text that all the figures below were measured on. */
const contextLength = 256;

describe.skipIf(realModels === null)(`story656k through the tensor engine${realModelsNote}`, () => {
  const tensor = openTensor();
  const scratchFolder = join(root, 'scratch');
  const calibrationPath = join(root, 'calibration.txt');
  const text = (): string => realModelPath('corpora', 'tinystories-recased-60k.txt');

  beforeAll(async () => {
    await mkdir(scratchFolder);
    await writeFile(calibrationPath, await otherText(text()));
  });

  const quantized = async (target: string, own: Parameters<typeof options>[0] = {}) => {
    const outputPath = join(root, `${target}.gguf`);
    const made = await finish(
      tensor.quantize({
        modelPath: realModelPath('story656k'),
        target,
        format: 'gguf',
        outputPath,
        name: 'story656k',
        options: options({ calibrationPath, ...own }),
        scratchFolder,
        threads: 1,
      }),
    );
    expect((await stat(outputPath)).size).toBe(made.sizeBytes);
    const measured = await finish(
      tensor.quality({
        variantPath: outputPath,
        sourcePath: realModelPath('story656k'),
        options: measuring({ textPath: text(), contextLength, windows: null }),
        scratchFolder,
        threads: 1,
      }),
    );
    expect(await readdir(scratchFolder)).toEqual([]);
    return { ...made, measure: measured.measure };
  };

  // llama-perplexity's figures for llama-quantize's files: F32 34.1660, Q8_0 34.1712, Q4_0 36.1849.
  it.each([
    ['Q8_0', 34.1712, 0.02],
    ['Q4_0', 36.1849, 0.05],
  ] as const)(
    '%s in one pass from the folder is as good as llama-quantize’s',
    async (target, perplexity, within) => {
      const { measure } = await quantized(target);
      expect(Math.abs(measure.perplexity - perplexity)).toBeLessThanOrEqual(within);
      expect(Math.abs(measure.sourcePerplexity - 34.166)).toBeLessThanOrEqual(0.02);
    },
    LONG_MS,
  );

  it(
    'GPTQ of 4 bits in exact Q4_0, calibrated on another part of the text, loses half as much as Q4_0',
    async () => {
      const { tensors, measure } = await quantized('gptq-4', { groupSize: 32, actOrder: true, staticGroups: true, calibrationWindows: 48 });
      expect(tensors.filter(({ to }) => to === 'Q4_0')).toHaveLength(14);
      expect(measure.perplexity).toBeLessThanOrEqual(35.2);
      // Q4_0's is 0.0555.
      expect(measure.meanKl).toBeLessThan(0.036);
      expect(measure.topOneAgreement).toBeGreaterThan(0.84);
      expect(measure.samples).toHaveLength(5);
    },
    LONG_MS,
  );
});

/** A part of the sample that the text to be measured is not from, written as that is: the sample is in lower case. */
async function otherText(measured: string): Promise<string> {
  const known = new Set(await readFile(measured, 'utf8'));
  const sample = await readFile(realModelPath('corpora', 'tinystories-sample.txt'), 'utf8');
  const recased = sample
    .slice(200_000, 800_000)
    .replaceAll(/(^|[.!?"\n] *"?)([a-z])/g, (_, before: string, letter: string) => before + letter.toUpperCase())
    .replaceAll(' i ', ' I ');
  return [...recased].filter((character) => known.has(character)).join('');
}
