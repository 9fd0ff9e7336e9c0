import { createHash } from 'node:crypto';
import { cp, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { demoFromText, demoShape } from '#core/demo/from-text.ts';
import type { AppClient } from '#contract/index.ts';
import { writeHfFolder } from '#engine/demo.ts';
import { openFaultApp } from './app.ts';

/** What is there before anything fails, and has to be there, unchanged, afterwards. */
export interface World {
  readonly home: string;
  /** Where the works write. */
  readonly outputs: string;
  readonly sources: string;
  /** A Hugging Face model, one of the same shape with other weights, and the adapter that is the difference. */
  readonly baseId: string;
  readonly basePath: string;
  readonly tunedId: string;
  readonly adapterId: string;
  /** Two without tensors that they replace, so that they can be combined. */
  readonly plainIds: readonly string[];
  /** One that was learned, as a PEFT folder. */
  readonly learnedId: string;
  /** The base as a GGUF file, and the base with the adapter merged into it. */
  readonly ggufId: string;
  readonly mergedId: string;
  readonly dataPath: string;
  readonly textPath: string;
  /** A conversation, and all that `chat.thread` says of it. */
  readonly threadId: string;
  readonly thread: string;
  /** sha256 over the sources' files. */
  readonly sourcesSha256: string;
}

const plainAdapter = fileURLToPath(new URL('../../test/golden/lora/plain', import.meta.url));

const sentence = 'The little lathe turned all day long. "I am tired," it said, and looked out of the window until the evening came. ';

/** Large enough for a work to take a second or so, small enough for hundreds of works. */
const model = (seed: number) =>
  demoFromText({ ...demoShape, layerCount: 4, maxVocabularySize: 320, contextLength: 256, text: sentence.repeat(8), seed });

/** sha256 over the names and contents of all files at a path, or below it. */
export async function contentHash(path: string): Promise<string> {
  const hash = createHash('sha256');
  const names = (await stat(path)).isDirectory() ? (await readdir(path, { recursive: true })).toSorted() : [''];
  for (const name of names) {
    const file = name === '' ? path : join(path, name);
    if (!(await stat(file)).isFile()) continue;
    hash.update(`${name}\0`).update(await readFile(file));
  }
  return hash.digest('hex');
}

/** Run a job to its end. Throws where it does not end well. */
export async function runJob(client: AppClient, spec: Parameters<AppClient['jobs']['start']>[0]['spec']): Promise<void> {
  const { id: jobId } = await client.jobs.start({ spec });
  for await (const job of client.jobs.watch({ jobId }))
    if (job.state !== 'done' && job.finishedMs !== null) throw new Error(`${spec.kind} ${job.state}: ${JSON.stringify(job.error)}`);
}

/** Train for one step. @returns the id of the PEFT adapter */
async function learn(client: AppClient, baseId: string, dataPath: string): Promise<string> {
  const settings = { r: 4, max_length: 64, max_steps: 1, per_device_train_batch_size: 1 };
  const { id: runId } = await client.training.start({ baseId, dataPath, name: 'learned', settings });
  for await (const _ of client.training.follow({ runId }));
  const { run } = await client.training.get({ runId });
  const ids = run.result?.modelIds ?? [];
  for (const modelId of ids) if ((await client.library.get({ modelId })).model.kind === 'peft-adapter') return modelId;
  throw new Error(`The run made no PEFT adapter: ${JSON.stringify(run.error)}`);
}

/** Make a library in `home` with one of everything, and a conversation; the models below `folder`. */
export async function makeWorld(folder: string, home = join(folder, 'home')): Promise<World> {
  const [sources, outputs] = [join(folder, 'sources'), join(folder, 'outputs')];
  for (const path of [sources, outputs]) await mkdir(path, { recursive: true });
  const [basePath, tunedPath] = [join(sources, 'base'), join(sources, 'tuned')];
  await writeHfFolder(model(1), basePath);
  await writeHfFolder(model(2), tunedPath);
  await writeHfFolder(model(3), join(sources, 'unlisted'));
  const [dataPath, textPath] = [join(sources, 'data.jsonl'), join(sources, 'text.txt')];
  await writeFile(
    dataPath,
    Array.from({ length: 24 }, (_, i) => JSON.stringify({ prompt: `${i}. ${sentence}`, completion: sentence })).join('\n'),
  );
  await writeFile(textPath, sentence.repeat(60));
  const app = await openFaultApp(home);
  try {
    const { client } = app;
    const idOf = async (path: string): Promise<string> => (await client.library.find({ reference: path })).id;
    const [baseId, tunedId] = [await idOf(basePath), await idOf(tunedPath)];
    const made = (name: string): string => join(sources, name);
    await runJob(client, { kind: 'extract', baseId, tunedId, rank: 4, format: 'peft', outputPath: made('adapter') });
    for (const name of ['plain', 'tuned-plain']) await cp(plainAdapter, made(name), { recursive: true });
    const adapterId = await idOf(made('adapter'));
    const plainIds = [await idOf(made('plain')), await idOf(made('tuned-plain'))];
    await runJob(client, {
      kind: 'quantize',
      modelId: baseId,
      target: 'F16',
      format: 'gguf',
      outputPath: made('base.gguf'),
      quality: null,
    });
    await runJob(client, { kind: 'merge', baseId, adapters: [{ adapterId }], outputPath: made('merged'), certify: null });
    const [ggufId, mergedId] = [await idOf(made('base.gguf')), await idOf(made('merged'))];
    const learnedId = await learn(client, ggufId, dataPath);
    const messages = Array.from({ length: 12 }, (_, i) => ({ role: i % 2 === 0 ? 'user' : 'assistant', content: `${i}: ${sentence}` }));
    const { id: threadId } = await client.chat.open({ name: 'kept.json', text: JSON.stringify({ messages }) });
    await client.jobs.clear({});
    return {
      home,
      outputs,
      sources,
      baseId,
      basePath,
      tunedId,
      adapterId,
      plainIds,
      learnedId,
      ggufId,
      mergedId,
      dataPath,
      textPath,
      threadId,
      thread: JSON.stringify(await client.chat.thread({ threadId })),
      sourcesSha256: await contentHash(sources),
    };
  } finally {
    await app.close();
  }
}
