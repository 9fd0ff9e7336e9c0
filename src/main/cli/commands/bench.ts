import { AppError } from '#core/errors/index.ts';
import { parseSweep, presetNames } from '#core/benchmark/sweep.ts';
import { benchmarkQuality, benchmarkRequest, type BenchmarkRun } from '#contract/benchmark.ts';
import { findAdapters } from '../adapters.ts';
import { benchmarkText } from '../benchmark.ts';
import { defineCommand, type CommandContext } from '../command.ts';
import { describe } from '../job.ts';
import { findModel } from '../model.ts';
import { findEngine } from '../remote.ts';
import { definedOnly, oneOf, usage, wholeNumberOf } from '../values.ts';

export const command = defineCommand({
  args: ['[MODEL…]'],
  options: {
    preset: { type: 'string', value: 'NAME', help: `how much is measured: ${presetNames.join(', ')} (quick)` },
    sweep: {
      type: 'string',
      value: 'NAME=VALUES',
      multiple: true,
      help: 'try each value, such as context=512,2048; given several times: every combination',
    },
    adapter: { type: 'string', value: 'A[:WEIGHT]', multiple: true, help: 'measure every model with this adapter beside it, too' },
    remote: {
      type: 'string',
      value: 'ENGINE=MODEL',
      multiple: true,
      help: 'measure a model of a remote engine, too: speed and answers alone',
    },
    quality: { type: 'boolean', help: 'measure perplexity, and divergence from the source' },
    text: { type: 'string', value: 'FILE', help: 'the text for it, UTF-8 (otherwise the one that comes with Lathe)' },
    against: { type: 'string', value: 'SOURCE', help: 'the model to diverge from (otherwise the first of several)' },
    'quality-context': { type: 'string', value: 'N', help: 'tokens in a window (512)' },
    'quality-windows': { type: 'string', value: 'N', help: 'at most so many windows (32)' },
    questions: { type: 'string', value: 'FILE', help: 'questions with answers, as JSON Lines' },
    prompt: { type: 'string', value: 'TEXT', multiple: true, help: 'let every model answer this' },
    tokens: { type: 'string', value: 'N', help: 'at most so many tokens of an answer to --prompt (256)' },
    'no-speed': { type: 'boolean', help: 'do not measure speed' },
    name: { type: 'string', value: 'NAME', help: 'the benchmark’s name (otherwise made from the models’)' },
    resume: { type: 'string', value: 'RUN', help: 'go on with a benchmark that was cancelled or interrupted' },
    markdown: { type: 'boolean', help: 'write Markdown' },
  },
  notes:
    'Sweeps: context, prompt, new, batch, ubatch, threads, gpu-layers, key-type, value-type, flash-attention. Ctrl+C keeps what is finished.\n' +
    'Questions are {"text": …, "answer": …} or {"question": …, "choices": [… ], "answer": 0}, one a line.',
  run: async (context, references, values) => {
    const { benchmark } = await context.client();
    const begin = async (): Promise<BenchmarkRun> => {
      if (values.resume !== undefined) {
        if (references.length > 0) throw usage('--resume goes on with a benchmark as it was begun');
        return benchmark.resume({ runId: values.resume });
      }
      const remotes = await remoteTargets(context, values.remote ?? []);
      if (references.length === 0 && remotes.length === 0) throw usage('MODEL is missing');
      const sweep = Object.fromEntries(Object.entries(parseSweep(values.sweep ?? [])).map(([name, tried]) => [name, [...tried]]));
      const quality = benchmarkQuality.omit({ baseId: true }).parse(
        definedOnly({
          textPath: values.text === undefined ? undefined : context.resolvePath(values.text),
          contextLength: wholeNumberOf('quality-context', values['quality-context'], { min: 8, max: 1_048_576 }),
          windows: wholeNumberOf('quality-windows', values['quality-windows'], { min: 1, max: 1_000_000 }),
        }),
      );
      const maxTokens = wholeNumberOf('tokens', values.tokens, { min: 1, max: 16_384 });
      const preset = values.preset === undefined ? 'quick' : oneOf('preset', values.preset, presetNames);
      const models: string[] = [];
      for (const reference of references) models.push((await findModel(context, reference)).id);
      const adapters = values.adapter === undefined ? [] : await findAdapters(context, values.adapter);
      const against = values.against === undefined ? undefined : (await findModel(context, values.against)).id;
      const baseId = against ?? (models.length > 1 || adapters.length > 0 ? (models[0] ?? null) : null);
      return benchmark.start(
        benchmarkRequest.parse({
          name: values.name,
          targets: [
            ...models.flatMap((modelId) =>
              [[], ...adapters.map((adapter) => [adapter])].map((beside) => ({ kind: 'local', modelId, adapters: beside })),
            ),
            ...remotes,
          ],
          preset,
          sweep,
          speed: values['no-speed'] !== true,
          quality: values.quality === true || against !== undefined ? { ...quality, baseId } : null,
          questionsPath: values.questions === undefined ? null : context.resolvePath(values.questions),
          prompts: values.prompt === undefined ? null : definedOnly({ texts: values.prompt, maxTokens }),
        }),
      );
    };
    const run = await follow(context, await begin());
    if (run.error !== null) throw AppError.from(run.error);
    if (run.state !== 'done') {
      context.note(`lathe bench --resume ${run.id} goes on with it.`);
      throw new AppError('request.cancelled', {});
    }
    const { cells } = await benchmark.get({ runId: run.id });
    const text =
      values.markdown === true ? (await benchmark.export({ runId: run.id, format: 'markdown' })).text : benchmarkText(run, cells);
    return { json: { run, cells }, text, exitCode: run.cells.failed > 0 ? 1 : 0 };
  },
});

/** `ENGINE=MODEL` each: names of models have colons and strokes in them. Throws `cli.usage`, `remote.unknownEngine`. */
async function remoteTargets(
  context: CommandContext,
  wanted: readonly string[],
): Promise<{ kind: 'remote'; engineId: string; model: string }[]> {
  const targets = [];
  for (const text of wanted) {
    const [, engine, model] = /^([^=]+)=(.+)$/.exec(text) ?? [];
    if (engine === undefined || model === undefined) throw usage(`--remote takes ENGINE=MODEL, not '${text}'`);
    targets.push({ kind: 'remote' as const, engineId: (await findEngine(context, engine)).id, model });
  }
  return targets;
}

/** A run that does not notice its end in this time is left. */
const CANCEL_LIMIT_MS = 15_000;

/** Stay with a run until it is at work no longer. Ctrl+C stops it; what is finished is kept. */
async function follow(context: CommandContext, begun: BenchmarkRun): Promise<BenchmarkRun> {
  const { benchmark, jobs } = await context.client();
  const limit = new AbortController();
  const leave = (): void => {
    context.progress('cancelling…');
    benchmark.cancel({ runId: begun.id }).catch(() => undefined);
    setTimeout(() => limit.abort(), CANCEL_LIMIT_MS).unref();
  };
  context.signal.addEventListener('abort', leave, { once: true });
  if (context.signal.aborted) leave();
  try {
    if (begun.jobId !== null)
      for await (const job of jobs.watch({ jobId: begun.jobId }, { signal: limit.signal }))
        if (!context.signal.aborted) context.progress(describe(job));
    return (await benchmark.get({ runId: begun.id })).run;
  } finally {
    context.signal.removeEventListener('abort', leave);
    context.progress('');
  }
}
