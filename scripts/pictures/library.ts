import { join } from 'node:path';
import type { AppClient } from '#contract/index.ts';

/** What the pictures show: all of it made by the program itself, of the demo model and the samples that come with it. */
export interface Made {
  /** The model as a folder, and its GGUF file of floats. */
  readonly sourceId: string;
  readonly floatsId: string;
  /** One of what it was quantized to, with a quality card. */
  readonly quantizedId: string;
  readonly adapterIds: readonly string[];
  /** The model with an adapter in its weights, with a certificate. */
  readonly mergedId: string;
  readonly trainingId: string;
  readonly benchmarkId: string;
  readonly threadId: string;
}

type Spec = Parameters<AppClient['jobs']['start']>[0]['spec'];

const TARGETS = ['Q8_0', 'Q6_K', 'Q5_K_M', 'Q4_K_M', 'Q3_K_M', 'Q2_K'];

async function runJob(client: AppClient, spec: Spec): Promise<string> {
  const { id: jobId } = await client.jobs.start({ spec });
  let last;
  for await (const job of client.jobs.watch({ jobId })) last = job;
  if (last?.state !== 'done' || last.result === null || !('modelId' in last.result))
    throw new Error(`${spec.kind}: ${JSON.stringify(last?.error)}`);
  return last.result.modelId;
}

/** @returns the run's id, and those of the adapter that it made, in both formats */
async function train(client: AppClient, folder: string, { baseId, name, settings }: { baseId: string; name: string; settings: object }) {
  const { path: dataPath } = await client.training.demoData({});
  const asked = { template: 'style', settings: { ...settings }, outputFolder: folder } as const;
  const { id: runId } = await client.training.start({ baseId, dataPath, name, ...asked });
  for await (const _ of client.training.follow({ runId }));
  const { run } = await client.training.get({ runId });
  const [ggufId, adapterId] = run.result?.modelIds ?? [];
  if (ggufId === undefined || adapterId === undefined) throw new Error(`${name}: ${JSON.stringify(run.error)}`);
  return { runId, ggufId, adapterId };
}

type Answerer = Pick<Parameters<AppClient['chat']['create']>[0], 'modelId' | 'adapters'>;

async function converse(client: AppClient, answerer: Answerer, title: string, questions: readonly string[]): Promise<string> {
  const { id: threadId } = await client.chat.create({ title, sampling: { temperature: 0, maxTokens: 80 }, ...answerer });
  let parentId: string | null = null;
  for (const text of questions)
    for await (const event of client.chat.send({ threadId, parentId, text })) if (event.type === 'finished') parentId = event.message.id;
  return threadId;
}

/** Fill an empty library, in some minutes. `say` is told what is at work. */
export async function makeLibrary(client: AppClient, folder: string, say: (what: string) => void): Promise<Made> {
  const at = (name: string): string => join(folder, name);
  say('the demo model');
  const floatsId = await runJob(client, { kind: 'demo', name: 'Demo model' });
  const sourceId = (await client.library.get({ modelId: floatsId })).lineage.parents[0]?.modelId ?? '';
  const quantized: string[] = [];
  for (const target of TARGETS) {
    say(`${target}, and what it lost`);
    quantized.push(await runJob(client, { kind: 'quantize', modelId: sourceId, target, outputPath: at(`Demo model-${target}.gguf`) }));
  }
  say('two training runs');
  const steps = { max_steps: 600, eval_steps: 50, save_steps: 100, early_stopping_patience: 0 };
  const whole = { ...steps, sample_steps: 100, sample_prompts: ['What is a token?'] };
  const small = await train(client, folder, { baseId: floatsId, name: 'sailor small', settings: { ...steps, max_steps: 200, r: 2 } });
  const sailor = await train(client, folder, { baseId: floatsId, name: 'sailor', settings: whole });
  await client.training.compare({ runId: sailor.runId, prompts: ['What is quantization?'] });
  say('a merge with its certificate');
  const adapters = [{ adapterId: sailor.adapterId }];
  const merged = { baseId: sourceId, adapters, target: 'Q8_0', name: 'Demo sailor-Q8_0', outputPath: at('Demo sailor-Q8_0.gguf') } as const;
  const mergedId = await runJob(client, { kind: 'merge', ...merged });
  say('a benchmark');
  const targets = [floatsId, ...quantized].map((modelId) => ({ kind: 'local' as const, modelId }));
  const { id: benchmarkId } = await client.benchmark.start({
    name: 'Demo model, from 2 to 16 bits',
    targets,
    preset: 'standard',
    quality: { baseId: floatsId, windows: 16 },
  });
  for await (const _ of client.benchmark.follow({ runId: benchmarkId }));
  say('conversations');
  await converse(client, { modelId: quantized[3] ?? '' }, 'A story', ['Tell me a story.', 'Tell me another story.']);
  await converse(client, { modelId: floatsId }, 'Words of the workshop', ['What does merging do?', 'What is a context?']);
  const threadId = await converse(client, { modelId: floatsId, adapters: [{ adapterId: sailor.ggufId, scale: 1 }] }, 'Ask the sailor', [
    'Who makes songs?',
    'What does perplexity mean?',
    'What is quantization?',
  ]);
  await client.library.update({ modelId: floatsId, favourite: true });
  await client.library.update({ modelId: mergedId, tags: ['sailor'] });
  await client.jobs.clear({});
  return {
    sourceId,
    floatsId,
    quantizedId: quantized[3] ?? '',
    adapterIds: [sailor.adapterId, small.adapterId],
    mergedId,
    trainingId: sailor.runId,
    benchmarkId,
    threadId,
  };
}
