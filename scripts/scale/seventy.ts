import { mkdir, open, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AppClient } from '#contract/index.ts';
import type { Job } from '#contract/jobs.ts';
import { quantizeOptions } from '#contract/quantize.ts';
import { GiB, MiB } from '#core/bytes.ts';
import { demoFromText, demoShape } from '#core/demo/from-text.ts';
import { estimateInference } from '#core/memory/inference.ts';
import type { ModelFacts } from '#core/model/facts.ts';
import { planShards } from '#core/safetensors/write.ts';
import type { BenchRow } from '../bench/row.ts';
import { heldBy } from '../processes.ts';

const textFile = new URL('../../resources/demo/stories.txt', import.meta.url);
const SHARD_BYTES = 5 * GiB;
/** Of the quantization: several of the largest matrices, and no more disk than most machines have free. */
const WORK_MS = 40_000;
const SAMPLE_MS = 250;

/** Llama 3 70B's layers as a folder of shards whose weights are holes: 130 GiB that take no disk. Resolves to its size. */
export async function writeSeventy(folder: string): Promise<number> {
  const shape = { embeddingLength: 8192, feedForwardLength: 28_672, layerCount: 80, headCount: 64, headCountKv: 8, contextLength: 8192 };
  const text = await readFile(textFile, 'utf8');
  const model = demoFromText({ ...demoShape, ...shape, tiedEmbeddings: false, dtype: 'BF16', text, seed: 1 });
  await mkdir(folder, { recursive: true });
  for (const [name, content] of Object.entries(model.files)) await writeFile(join(folder, name), content);
  const { shards, index } = planShards(model.weights.tensors, SHARD_BYTES);
  if (index !== null) await writeFile(join(folder, 'model.safetensors.index.json'), index);
  for (const { fileName, header, totalBytes } of shards) {
    await using file = await open(join(folder, fileName), 'w');
    await file.write(header);
    await file.truncate(totalBytes);
  }
  return shards.reduce((sum, { totalBytes }) => sum + totalBytes, 0);
}

async function importOne(client: AppClient, path: string): Promise<string> {
  for await (const event of client.library.import({ path })) {
    if (event.type === 'added') return event.model.id;
    if (event.type === 'problem') throw new Error(JSON.stringify(event.problem));
  }
  throw new Error(`nothing was found at ${path}`);
}

const percent = (fraction: number | null | undefined): string => `${((fraction ?? 0) * 100).toFixed(1)} %`;

/** A model far larger than the memory, from its import to the first tensors of its quantization. `pid` is the program's. */
export async function measureSeventy(client: AppClient, pid: number, work: string, target: string): Promise<BenchRow[]> {
  const folder = join(work, 'seventy');
  const outputPath = join(work, 'seventy.gguf');
  const sizeBytes = await writeSeventy(folder);
  const before = (await heldBy(pid)).residentBytes;
  const time = async <T>(run: () => Promise<T>): Promise<[T, number]> => {
    const startMs = performance.now();
    const value = await run();
    return [value, performance.now() - startMs];
  };
  try {
    const [modelId, importMs] = await time(() => importOne(client, folder));
    const { model } = await client.library.get({ modelId });
    const [estimate, estimateMs] = await time(async () =>
      estimateInference({ facts: model.facts as ModelFacts, sizeBytes }, { contextLength: 8192 }),
    );
    const options = quantizeOptions.parse({});
    const [converted, convertMs] = await time(() => client.quantize.plan({ modelId, target: 'F16', options }));
    const [plan, planMs] = await time(() => client.quantize.plan({ modelId, target, options }));
    const planned = (await heldBy(pid)).residentBytes;
    const { id: jobId } = await client.jobs.start({
      spec: { kind: 'quantize', modelId, target, format: 'gguf', outputPath, options, quality: null },
    });
    const samples: number[] = [];
    const endMs = performance.now() + WORK_MS;
    let last: Job | undefined;
    while (performance.now() < endMs) {
      await sleep(SAMPLE_MS);
      last = (await client.jobs.list({})).find(({ id }) => id === jobId);
      if (last?.state === 'failed') throw new Error(JSON.stringify(last.error));
      if (last?.state === 'done') break;
      samples.push((await heldBy(pid)).residentBytes);
    }
    await client.jobs.cancel({ jobId });
    for await (const job of client.jobs.watch({ jobId })) if (job.state === 'cancelled') break;
    const [first, second] = [samples.slice(samples.length / 4, samples.length / 2), samples.slice(samples.length / 2)];
    const peak = (values: readonly number[]): number => Math.max(...values) / MiB;
    return [
      { name: '70B: size', value: sizeBytes / GiB, unit: 'GiB', note: 'sparse, BF16, of Llama 3 70B’s layers' },
      { name: '70B: import', value: importMs, unit: 'ms' },
      {
        name: '70B: estimate of its memory',
        value: estimateMs,
        unit: 'ms',
        note: `${(estimate.totalBytes / GiB).toFixed(1)} GiB at 8,192 tokens`,
      },
      { name: '70B: plan of its conversion to F16', value: convertMs, unit: 'ms', note: `${(converted.sizeBytes / GiB).toFixed(1)} GiB` },
      { name: `70B: plan of ${target}`, value: planMs, unit: 'ms', note: `${(plan.sizeBytes / GiB).toFixed(1)} GiB` },
      { name: '70B: memory more, after the plans', value: (planned - before) / MiB, unit: 'MiB' },
      {
        name: '70B: memory while quantizing',
        value: peak(second),
        unit: 'MiB',
        note: `all processes; in the quarter before ${peak(first).toFixed(0)} MiB; ${percent(last?.fraction)} of the file in ${WORK_MS / 1000} s`,
      },
    ];
  } finally {
    await rm(folder, { recursive: true, force: true });
    await rm(outputPath, { force: true });
  }
}
