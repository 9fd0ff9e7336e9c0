// A process for some steps of training, so that its peak memory is its own: `child.ts SETTINGS.json` prints one line of JSON.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { memorySource } from '#core/byte-source.ts';
import { readGguf } from '#core/gguf/read.ts';
import { readSafetensors } from '#core/safetensors/read.ts';
import { trainableFamily } from '#core/training/families.ts';
import { joinRows, longestTogether, rowOf } from '#core/training/rows.ts';
import { openFileSource } from '#engine/file-source.ts';
import { llamaLibraries } from '#engine/llama-libraries.ts';
import { loadNative } from '#engine/native.ts';
import { peakBytes } from '../quantize/peak.ts';
import type { TrainSettings } from './settings.ts';

/** GGUF's last name of each matrix, by Hugging Face's. */
const PARTS: Readonly<Record<string, string>> = {
  q_proj: 'attn_q',
  k_proj: 'attn_k',
  v_proj: 'attn_v',
  o_proj: 'attn_output',
  gate_proj: 'ffn_gate',
  up_proj: 'ffn_up',
  down_proj: 'ffn_down',
};

/** Every lora_A of an adapter by the tensor that it changes in GGUF: of the same order of numbers in both. */
async function lefts(folder: string): Promise<ReadonlyMap<string, Float32Array>> {
  const file = await readFile(join(folder, 'adapter_model.safetensors'));
  const { tensors } = await readSafetensors(memorySource(file));
  const found = new Map<string, Float32Array>();
  for (const { name, offset, sizeBytes } of tensors) {
    const [, layer, part = ''] = /layers\.(\d+)\.\w+\.(\w+)\.lora_A/.exec(name) ?? [];
    const values = new Float32Array(new Uint8Array(file.subarray(offset, offset + sizeBytes)).buffer);
    if (layer !== undefined) found.set(`blk.${layer}.${PARTS[part]}.weight`, values);
  }
  return found;
}

const [path = ''] = parseArgs({ allowPositionals: true }).positionals;
const settings = JSON.parse(await readFile(path, 'utf8')) as TrainSettings;
const { model, adapter, rows, rank, alpha, learningRate, steps, threads, checkpointing, device } = settings;
const length = rows[0]?.length ?? 0;
// As runs do it.
const most = device === 'CPU' ? longestTogether(length, rows.length) : length;
const samples = rows.map((tokens) => ({ tokens: Int32Array.from(tokens), mask: new Uint8Array(tokens.length).fill(1) }));
const joined = joinRows(
  rows.map((_, index) => [index]),
  () => length,
  most,
);
const initial = await lefts(adapter);
// Its header alone: what a bench reads beside would count as the trainer's memory.
const source = await openFileSource(model);
const family = trainableFamily(await readGguf(source), length);
await source[Symbol.asyncDispose]();
const libraries = device === 'CPU' ? undefined : llamaLibraries(device.toLowerCase().startsWith('cuda') ? 'cuda' : 'vulkan');
const trainer = await loadNative({ libraries }).openTrainer({
  modelPath: model,
  family,
  device,
  threads,
  maxTokens: most,
  modules: [...initial.keys()].map((tensor) => ({ tensor, rank, scale: alpha / rank })),
  checkpointing,
});
const state = trainer.readState();
for (const { name, offset } of trainer.tensors) {
  const values = name.endsWith('.lora_a') ? initial.get(name.slice(0, -'.lora_a'.length)) : undefined;
  if (values !== undefined) state.parameters.set(values, offset);
}
trainer.writeState(state);

const losses: number[] = [];
const seconds: number[] = [];
const weightSum = rows.length * (length - 1);
for (let step = 0; step < steps; step += 1) {
  const startMs = performance.now();
  let lossSum = 0;
  for (const row of joined) lossSum += (await trainer.accumulate(rowOf(row.flatMap((index) => samples[index] ?? [])))).lossSum;
  await trainer.update({ optimizer: 'adamw', learningRate, weightDecay: 0, maxGradNorm: 1, gradientScale: 1 / weightSum });
  seconds.push((performance.now() - startMs) / 1000);
  losses.push(lossSum / weightSum);
}
process.stdout.write(`${JSON.stringify({ losses, seconds, peakBytes: await peakBytes(), memory: trainer.memory() })}\n`);
trainer.close();
