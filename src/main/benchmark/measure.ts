import { basename } from 'node:path';
import { summarize } from '#core/benchmark/statistics.ts';
import { AppError } from '#core/errors/index.ts';
import type { BenchmarkRequest, BenchmarkTarget, CellResult, CellTask, PromptsResult, Series } from '#contract/benchmark.ts';
import { sampling } from '#contract/chat.ts';
import type { Chat } from '../chat/index.ts';
import type { Engines } from '../engines/index.ts';
import { adaptersAt, usableAdapters } from '../jobs/adapters.ts';
import { checkIsModel, followWork } from '../jobs/inputs.ts';
import type { WorkReport } from '../jobs/runner.ts';
import type { Library } from '../library/index.ts';
import { resolveUserPath } from '../library/paths.ts';

export interface MeasureServices {
  readonly library: Pick<Library, 'usable' | 'get' | 'setUsed'>;
  readonly engines: Pick<Engines, 'benchmark' | 'restart'>;
  readonly chat: Pick<Chat, 'complete' | 'letGo'>;
  readonly threads: () => number | null;
}

interface MeasureContext {
  readonly signal: AbortSignal;
  readonly progress: (report: WorkReport) => void;
  readonly scratchFolder: string;
}

type Local = Extract<BenchmarkTarget, { kind: 'local' }>;

export const seriesOf = (samples: readonly number[]): Series => {
  const { median, low, high, confidence, outliers } = summarize(samples);
  return { samples: [...samples], median, low, high, confidence, outliers: [...outliers] };
};

/** Measure one cell of a local target. Throws what stands in its way. */
export async function measureLocal(
  services: MeasureServices,
  target: Local,
  task: CellTask,
  request: BenchmarkRequest,
  context: MeasureContext,
): Promise<CellResult> {
  const { library } = services;
  const model = await library.usable(target.modelId);
  checkIsModel(model);
  const adapters = adaptersAt(await usableAdapters(library, target.adapters));
  library.setUsed(model.id);
  const asked = { modelPath: model.path, adapters, threads: services.threads(), scratchFolder: context.scratchFolder };
  if (task.kind === 'prompts') return answers(services, target, request, context);
  const ask = async () => (await services.engines.benchmark()).benchmark;
  if (task.kind === 'speed') {
    if (model.kind !== 'gguf') throw new AppError('benchmark.needsGguf', { name: model.name });
    // A process of its own: what an earlier cell left in memory is not this one's.
    await services.engines.restart('benchmark');
    const { settings } = task;
    const events = (await ask()).speed({ ...asked, settings }, { signal: context.signal });
    const { loadMs, promptSeconds, newSeconds, threads, peakMemoryBytes, peakVramBytes, joulesPerToken, backgroundLoad } = await followWork(
      events,
      context.progress,
    );
    return {
      kind: 'speed',
      promptPerSecond: seriesOf(promptSeconds.map((seconds) => settings.promptTokens / seconds)),
      newPerSecond: seriesOf(newSeconds.map((seconds) => settings.newTokens / seconds)),
      // The last step of reading a prompt gives the first token.
      firstTokenMs: seriesOf(promptSeconds.map((seconds) => seconds * 1000)),
      loadMs,
      peakMemoryBytes,
      peakVramBytes,
      joulesPerToken,
      backgroundLoad,
      threads,
    };
  }
  if (task.kind === 'quality') {
    const { quality } = request;
    if (quality === null) throw new AppError('benchmark.nothing', {});
    const base = quality.baseId === null ? null : await library.usable(quality.baseId);
    if (base !== null) checkIsModel(base);
    const { textPath, contextLength, windows } = quality;
    const events = (await ask()).quality(
      {
        ...asked,
        basePath: base?.path ?? null,
        textPath: textPath === null ? null : resolveUserPath(textPath),
        contextLength,
        windows,
      },
      { signal: context.signal },
    );
    const { type: _, against, ...measured } = await followWork(events, context.progress);
    return { kind: 'quality', ...measured, against: against === null ? null : { ...against, name: base?.name ?? '' } };
  }
  if (request.questionsPath === null) throw new AppError('benchmark.nothing', {});
  const questionsPath = resolveUserPath(request.questionsPath);
  const events = (await ask()).questions({ ...asked, questionsPath }, { signal: context.signal });
  const { type: _, ...measured } = await followWork(events, context.progress);
  return { kind: 'questions', ...measured, fileName: basename(questionsPath) };
}

/** The user's own prompts, through the same service as a conversation: what it measures there is what a user gets. */
async function answers(
  { library, chat }: MeasureServices,
  { modelId, adapters }: Local,
  { prompts }: BenchmarkRequest,
  { signal, progress }: MeasureContext,
): Promise<CellResult> {
  if (prompts === null) throw new AppError('benchmark.nothing', {});
  const { texts, systemPrompt, maxTokens } = prompts;
  const mode = library.get(modelId).facts.hasChatTemplate === true ? 'chat' : 'text';
  const outputs: PromptsResult['outputs'] = [];
  for (const text of texts) {
    progress({ phase: 'benchmark.prompts', detail: null, amount: outputs.length, total: texts.length, unit: 'windows' });
    const request = {
      modelId,
      adapters,
      mode,
      systemPrompt: mode === 'chat' ? systemPrompt : '',
      sampling: sampling.parse({ temperature: 0, maxTokens, seed: 0 }),
      turns: [{ role: 'user' as const, text }],
    } as const;
    for await (const event of chat.complete(request, signal)) {
      if (event.type !== 'finished') continue;
      const { stopReason, answerTokens, timeToFirstTokenMs, tokensPerSecond } = event.facts;
      outputs.push({
        prompt: text,
        text: event.text,
        stopReason,
        tokens: answerTokens,
        firstTokenMs: timeToFirstTokenMs,
        tokensPerSecond,
      });
    }
    signal.throwIfAborted();
  }
  // The next cell measures alone.
  await chat.letGo(modelId);
  return { kind: 'prompts', outputs };
}
