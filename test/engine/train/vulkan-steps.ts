import { readFile } from 'node:fs/promises';
import { memorySource } from '#core/byte-source.ts';
import { AppError } from '#core/errors/index.ts';
import { readGguf } from '#core/gguf/read.ts';
import { trainableFamily } from '#core/training/families.ts';
import { llamaLibraries } from '#engine/llama-libraries.ts';
import { loadNative, type Native } from '#engine/native.ts';

/**
 * A process of its own for training on a card, since drivers start threads that stay: `vulkan-steps.ts MODEL` prints lines of
 * JSON: the name of the first Vulkan device, and the losses on the processor and on it; or `null` where there is none.
 */
const DEVICE = 'Vulkan0';
const TOKENS = 40;
const STEPS = 12;

async function losses(native: Native, modelPath: string, device: string): Promise<number[]> {
  const family = trainableFamily(await readGguf(memorySource(new Uint8Array(await readFile(modelPath)))), TOKENS);
  const trainer = await native.openTrainer({
    modelPath,
    family,
    device,
    threads: 2,
    maxTokens: TOKENS,
    modules: family.linears.flatMap((part) =>
      Array.from({ length: family.layers }, (_, layer) => ({ tensor: `blk.${layer}.${part}.weight`, rank: 4, scale: 2 })),
    ),
  });
  const state = trainer.readState();
  for (const { name, shape, offset } of trainer.tensors)
    if (name.endsWith('lora_a'))
      for (let i = 0; i < shape.reduce((a, b) => a * b, 1); i++) state.parameters[offset + i] = Math.sin(offset + 7 * i) / 8;
  trainer.writeState(state);
  const tokens = Int32Array.from({ length: TOKENS }, (_, place) => 3 + ((place * place * 5) % 37));
  const found: number[] = [];
  for (let step = 0; step < STEPS; step++) {
    const { lossSum, weightSum } = await trainer.accumulate({
      tokens,
      positions: Int32Array.from(tokens.keys(), (place) => (place < 25 ? place : place - 25)),
      segments: Int32Array.from(tokens.keys(), (place) => (place < 25 ? 0 : 1)),
      labels: Int32Array.from(tokens.keys(), (place) => (place === 24 ? -1 : (tokens[place + 1] ?? -1))),
      weights: new Float32Array(TOKENS).fill(1),
    });
    await trainer.update({ optimizer: 'adamw', learningRate: 3e-3, maxGradNorm: 1, gradientScale: 1 / weightSum });
    found.push(lossSum / weightSum);
  }
  trainer.close();
  return found;
}

function openVulkan(): Native | null {
  try {
    const native = loadNative({ libraries: llamaLibraries('vulkan') });
    return native.systemInfo().devices.some(({ name }) => name === DEVICE) ? native : null;
  } catch (error) {
    if (error instanceof AppError && error.code === 'native.librariesMissing') return null;
    throw error;
  }
}

const native = openVulkan();
const [, , modelPath = ''] = process.argv;
if (native === null) process.stdout.write('null');
else {
  const processor = await losses(native, modelPath, 'CPU');
  // On its own line, for those who look at why this process died.
  process.stdout.write(`${JSON.stringify(native.systemInfo().devices.find(({ name }) => name === DEVICE)?.description)}\n`);
  const card = await losses(native, modelPath, DEVICE);
  process.stdout.write(`${JSON.stringify({ processor, card })}\n`);
}
