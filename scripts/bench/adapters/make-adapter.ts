import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { memorySource } from '#core/byte-source.ts';
import { readSafetensors } from '#core/safetensors/read.ts';
import { planSafetensors } from '#core/safetensors/write.ts';

/** The matrices of a layer that PEFT's `all-linear` means. */
const MODULES = /^(.+\.(?:self_attn\.[qkvo]_proj|mlp\.(?:gate|up|down)_proj))\.weight$/;

/** A PEFT adapter in float32 of seeded noise for every matrix of every layer of a generated llama. Gives the number of its modules. */
export async function makeAdapter(model: string, folder: string, rank: number): Promise<number> {
  const header = await readSafetensors(memorySource(await readFile(join(model, 'model.safetensors'))));
  const factors = header.tensors.flatMap(({ name, shape: [outputs = 0, inputs = 0] }) => {
    const path = MODULES.exec(name)?.[1];
    if (path === undefined) return [];
    const prefix = `base_model.model.${path}`;
    return [
      { name: `${prefix}.lora_A.weight`, dtype: 'F32' as const, shape: [rank, inputs] },
      { name: `${prefix}.lora_B.weight`, dtype: 'F32' as const, shape: [outputs, rank] },
    ];
  });
  const plan = planSafetensors(factors);
  const file = new Uint8Array(plan.totalBytes);
  file.set(plan.header);
  let state = 1;
  const random = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state / 2 ** 31 - 1) * 0.02;
  };
  for (const { offset, sizeBytes } of plan.tensors) {
    const values = Float32Array.from({ length: sizeBytes / 4 }, random);
    file.set(new Uint8Array(values.buffer), offset);
  }
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'adapter_model.safetensors'), file);
  const config = { peft_type: 'LORA', task_type: 'CAUSAL_LM', r: rank, lora_alpha: 2 * rank, target_modules: 'all-linear', bias: 'none' };
  await writeFile(join(folder, 'adapter_config.json'), JSON.stringify(config));
  return factors.length / 2;
}
