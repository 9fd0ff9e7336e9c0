// node test/golden/verify/make.ts OUT: quantized folders of every kind, and beside each what Lathe reads back of it, for verify.py.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { demoFromText, demoShape, type TextDemoOptions } from '#core/demo/from-text.ts';
import type { QuantizationOptions } from '#core/quantize/options.ts';
import { planQuantization } from '#core/quantize/planner.ts';
import type { OutputFormat, QuantizeTarget } from '#core/quantize/targets.ts';
import { writeHfFolder } from '#engine/demo.ts';
import { loadNative } from '#engine/native.ts';
import type { Calibration } from '#engine/quantize/calibration.ts';
import { executeQuantization } from '#engine/quantize/execute.ts';
import { openQuantizable } from '#engine/quantize/open-model.ts';
import { realModelPath, realModels } from '#test/real-models.ts';

const [out] = process.argv.slice(2);
if (out === undefined) throw new Error('Where to?');
const native = loadNative();
const text = await readFile(new URL('../../../resources/demo/stories.txt', import.meta.url), 'utf8');

interface Recipe {
  readonly name: string;
  readonly target: QuantizeTarget;
  readonly options?: Partial<QuantizationOptions>;
}

const four: readonly Recipe[] = (['nf4', 'nf4-dq', 'fp4'] as const).flatMap((target) =>
  [64, 128, 4096].map((blockSize) => ({ name: `${target} b${blockSize}`, target, options: { blockSize } })),
);
const gptq = (bits: 2 | 3 | 4 | 8, name: string, options: Partial<QuantizationOptions>): Recipe => ({
  name: `gptq-${bits} ${name}`,
  target: `gptq-${bits}`,
  options,
});
const recipes: readonly Recipe[] = [
  { name: 'int8', target: 'int8' },
  { name: 'int8-zp', target: 'int8-zp' },
  ...four,
  ...([2, 3, 4, 8] as const).flatMap((bits) => [
    gptq(bits, 'g32', { groupSize: 32 }),
    gptq(bits, 'g128 act-order', { groupSize: 128, actOrder: true }),
    gptq(bits, 'whole rows', { groupSize: -1 }),
    gptq(bits, 'g128 asym', { groupSize: 128, symmetric: false }),
    gptq(bits, 'g32 v2', { groupSize: 32, checkpointFormat: 'gptq_v2' }),
  ]),
  gptq(4, 'g32 act-order static groups', { groupSize: 32, actOrder: true, staticGroups: true }),
  gptq(4, 'g32 act-order asym', { groupSize: 32, actOrder: true, symmetric: false }),
];

const shape: Omit<TextDemoOptions, 'seed' | 'text'> = { ...demoShape, layerCount: 2, maxVocabularySize: 512 };
const demo = async (name: string, options: Partial<TextDemoOptions>): Promise<string> => {
  const folder = join(out, name, 'source');
  await mkdir(join(out, name));
  await writeHfFolder(demoFromText({ ...shape, text, seed: 1, ...options }), folder);
  return folder;
};

async function quantize(
  source: string,
  target: QuantizeTarget,
  format: OutputFormat,
  path: string,
  more: Partial<Recipe> & { calibration?: Calibration } = {},
) {
  await using opened = await openQuantizable(source, basename(source));
  const plan = planQuantization({ model: opened.model, target, format, version: '0', ...(more.options && { options: more.options }) });
  return await executeQuantization({
    plan,
    sources: opened.sources,
    sourceFolder: opened.sourceFolder,
    outputPath: path,
    kernels: native,
    calibration: more.calibration,
    signal: new AbortController().signal,
    progress: () => undefined,
  });
}

/** The true second moments of a model's inputs on a text; every layer on the inputs of the unquantized model. */
async function calibrate(gguf: string, text: string): Promise<Calibration> {
  const calibrator = await native.openCalibrator({ modelPath: gguf, text, contextLength: 128, maxWindows: 16 });
  const names = (await calibrator.squareSums()).map(({ name }) => name);
  const found = await calibrator.secondMoments(names);
  calibrator.close();
  return {
    hessian: async (tensor) => {
      const matrix = found[tensor];
      if (matrix === undefined) throw new Error(`${tensor} is not multiplied`);
      return matrix;
    },
  };
}

await mkdir(out, { recursive: true });
interface Model {
  readonly source: string;
  readonly text: string;
}
const models: Record<string, Model> = {
  'llama F16': { source: await demo('llama F16', {}), text },
  'qwen2 BF16': { source: await demo('qwen2 BF16', { family: 'qwen2', dtype: 'BF16', tiedEmbeddings: false }), text },
  'gpt2 F32': { source: await demo('gpt2 F32', { family: 'gpt2', dtype: 'F32', headCountKv: 8 }), text },
};
if (realModels !== null) {
  models['story656K'] = {
    source: realModelPath('story656k'),
    text: await readFile(realModelPath('corpora', 'tinystories-recased-60k.txt'), 'utf8'),
  };
  await mkdir(join(out, 'story656K'));
}
const cases: object[] = [];
for (const [model, { source, text: ownText }] of Object.entries(models)) {
  const gguf = join(out, model, 'source.gguf');
  await quantize(source, 'F32', 'gguf', gguf);
  const calibration = await calibrate(gguf, ownText);
  for (const recipe of recipes) {
    if (recipe.target === 'int8-zp' && model === 'gpt2 F32') continue;
    const folder = join(out, model, recipe.name);
    const { tensors } = await quantize(source, recipe.target, 'hf', folder, { ...recipe, calibration });
    await quantize(folder, 'F32', 'hf', `${folder}.decoded`);
    const worst = Math.max(...tensors.map(({ relativeError }) => relativeError));
    cases.push({
      model,
      source,
      recipe: recipe.name,
      target: recipe.target,
      folder,
      decoded: `${folder}.decoded`,
      worstRelativeError: worst,
    });
  }
}
await writeFile(join(out, 'cases.json'), JSON.stringify(cases, null, 1));
