import { setImmediate as turn } from 'node:timers/promises';
import { AppError, toErrorData, type AppErrorData } from '#core/errors/index.ts';
import { planSteps, type StepPlan } from '#core/training/order.ts';
import type { RunWish } from '#core/training/run-files.ts';
import { joinRows, rowOf } from '#core/training/rows.ts';
import { learningRateAt, warmupStepsOf } from '#core/training/schedule.ts';
import type { TrainingSettings } from '#core/training/settings.ts';
import { newWatch, watchEvaluation, watchStep, type Trouble } from '#core/training/watch.ts';
import type { LogEntry } from '#contract/training.ts';
import type { RowResult, Trainer } from '../native-train.ts';
import {
  listCheckpoints,
  noSums,
  pruneCheckpoints,
  readCheckpoint,
  writeCheckpoint,
  type LogSums,
  type RunProgress,
} from './checkpoint.ts';
import type { EncodedData } from './data.ts';

export interface RunOptions {
  readonly trainer: Trainer;
  readonly data: EncodedData;
  readonly settings: TrainingSettings;
  /** Tokens that the model knows. */
  readonly vocabulary: number;
  /** Rows go through the model together up to so many tokens. */
  readonly togetherTokens: number;
  readonly checkpointFolder: string;
  /** Of everything that a checkpoint has to have in common with the run. */
  readonly fingerprint: string;
  readonly signal: AbortSignal;
  /** The newest wish, which is then forgotten; null: none. */
  readonly takeWish: () => RunWish | null;
  readonly tell: {
    log(entry: LogEntry): Promise<void>;
    checkpoint(saved: { step: number; sizeBytes: number; isBest: boolean; savedMs: number }): void;
    progress(tokens: number, totalTokens: number): void;
    /** Where the run goes on: nothing of later steps counts. */
    begin(step: number): Promise<void>;
    /** Time for samples. */
    samples(step: number): Promise<void>;
  };
}

export interface RunEnd {
  readonly reason: 'completed' | 'stopped' | 'earlyStopped' | 'trouble' | 'paused';
  /** Of what the trainer now holds. */
  readonly step: number;
  readonly warnings: readonly AppErrorData[];
}

/**
 * Train until the plan's end, or what comes before it. Goes on from the newest checkpoint of the folder; on a CPU the rest is then bit
 * for bit what it would have been. Throws `train.*`, `disk.*`, the signal's reason: the checkpoints stay.
 */
export async function runTraining({
  trainer,
  data,
  settings,
  togetherTokens,
  vocabulary,
  checkpointFolder,
  fingerprint,
  signal,
  takeWish,
  tell,
}: RunOptions): Promise<RunEnd> {
  const plan = planSteps(data.rows.length, settings);
  const tokensOfRow = (row: readonly number[]): number => row.reduce((sum, index) => sum + (data.samples[index]?.tokens.length ?? 0), 0);
  const together = (rows: EncodedData['rows']) => joinRows(rows, tokensOfRow, togetherTokens);
  const filled = (row: readonly number[]) => rowOf(row.map((sample) => data.samples[sample]).filter((each) => each !== undefined));
  const guess = Math.log(vocabulary);
  const tokensPerEpoch = data.rows.reduce((sum, row) => sum + tokensOfRow(row), 0);
  const totalTokens = Math.round((tokensPerEpoch * plan.totalSteps) / plan.stepsPerEpoch);
  const schedule = scheduleOf(settings, plan);

  let progress: RunProgress = { step: 0, tokens: 0, watch: newWatch, sums: noSums };
  let savedStep = -1;
  const load = async (step: number): Promise<void> => {
    const found = await readCheckpoint(checkpointFolder, step, fingerprint);
    trainer.writeState(found.trainer);
    progress = found.progress;
    savedStep = step;
  };
  const newest = (await listCheckpoints(checkpointFolder)).at(-1);
  if (newest !== undefined) await load(newest.step);
  await tell.begin(progress.step);

  const save = async (): Promise<void> => {
    const { step, watch } = progress;
    if (step === savedStep || step === 0) return;
    const sizeBytes = await writeCheckpoint(checkpointFolder, fingerprint, { progress, trainer: trainer.readState() });
    savedStep = step;
    const bestStep = watch.bestEval?.step ?? null;
    const saved = (await listCheckpoints(checkpointFolder)).map((each) => each.step);
    await pruneCheckpoints(checkpointFolder, settings.save_total_limit, [bestStep, beforeRise(saved, watch.leastMeanStep)]);
    tell.checkpoint({ step, sizeBytes, isBest: bestStep === step, savedMs: Date.now() });
  };

  const meter = { sinceMs: performance.now(), tokens: 0, perSecond: null as number | null };
  const evaluate = async (): Promise<number | null> => {
    if (data.evaluationRows.length === 0) return null;
    let [loss, weight] = [0, 0];
    for (const row of together(data.evaluationRows)) {
      const result = await trainer.evaluate(filled(row), signal);
      loss += result.lossSum;
      weight += result.weightSum;
    }
    // Evaluating takes time that no training token accounts for.
    meter.sinceMs = performance.now();
    meter.tokens = 0;
    return loss / weight;
  };

  /** Ends a run that went wrong, with what was good last. */
  const troubled = async (trouble: Trouble, step: number, bad: number): Promise<RunEnd> => {
    const { bestEval, leastMeanStep } = progress.watch;
    const saved = (await listCheckpoints(checkpointFolder)).map((each) => each.step).filter((each) => each < step);
    const good =
      trouble === 'lost' ? null : trouble === 'divergence' ? beforeRise(saved, bestEval?.step ?? leastMeanStep) : (saved.at(-1) ?? null);
    const learningRate = Number((settings.learning_rate / 3).toPrecision(2));
    if (good === null) throw new AppError('train.lostEarly', { step, learningRate });
    await load(good);
    const params = { step, goodStep: good, learningRate };
    const warning =
      trouble === 'notFinite'
        ? new AppError('train.stepNotFinite', { ...params, count: bad })
        : new AppError(trouble === 'spike' ? 'train.spiked' : 'train.diverged', params);
    return { reason: 'trouble', step: good, warnings: [toErrorData(warning)] };
  };

  const finish = async (reason: 'completed' | 'stopped' | 'earlyStopped'): Promise<RunEnd> => {
    await save();
    const best = progress.watch.bestEval;
    const wantsBest = settings.load_best_model_at_end || reason === 'earlyStopped';
    if (wantsBest && reason !== 'stopped' && best !== null && best.step !== progress.step) await load(best.step);
    return { reason, step: progress.step, warnings: [] };
  };

  try {
    while (progress.step < plan.totalSteps) {
      const rows = Array.from(plan.rowsOf(progress.step), (index) => data.rows[index] ?? []);
      let seen: LogSums = { ...noSums, steps: 1 };
      let tokens = 0;
      for (const joined of together(rows)) {
        const row = filled(joined);
        seen = added(seen, await trainer.accumulate(row, signal));
        tokens += row.tokens.length;
        tell.progress(progress.tokens + tokens, totalTokens);
        // For pings and wishes.
        await turn();
      }
      const learningRate = learningRateAt(schedule, progress.step);
      const { gradNorm, applied } = await trainer.update({
        optimizer: settings.optim === 'sgd' ? 'sgd' : 'adamw',
        learningRate,
        learningRateB: learningRate * settings.loraplus_lr_ratio,
        beta1: settings.adam_beta1,
        beta2: settings.adam_beta2,
        epsilon: settings.adam_epsilon,
        weightDecay: settings.weight_decay,
        maxGradNorm: settings.max_grad_norm,
        gradientScale: 1 / seen.weight,
      });
      const step = progress.step + 1;
      const watched = watchStep(progress.watch, step, seen.loss / seen.weight, applied, guess);
      progress = { step, tokens: progress.tokens + tokens, watch: watched.state, sums: combined(progress.sums, seen) };
      meter.tokens += tokens;

      const isLast = step === plan.totalSteps;
      const wish = takeWish();
      const every = settings.eval_steps === 0 ? plan.stepsPerEpoch : settings.eval_steps;
      const evalLoss = step % every === 0 || isLast ? await evaluate() : null;
      if (step % settings.logging_steps === 0 || isLast || evalLoss !== null || watched.trouble !== null) {
        const elapsedMs = performance.now() - meter.sinceMs;
        if (meter.tokens > 0 && elapsedMs > 0) meter.perSecond = (meter.tokens * 1000) / elapsedMs;
        meter.sinceMs = performance.now();
        meter.tokens = 0;
        const { sums } = progress;
        const secondsLeft = meter.perSecond === null ? null : Math.max(0, totalTokens - progress.tokens) / meter.perSecond;
        progress = { ...progress, sums: noSums };
        await tell.log({
          step,
          epoch: plan.epochAfter(step),
          loss: finite(sums.loss / sums.weight),
          eval_loss: evalLoss === null ? null : finite(evalLoss),
          grad_norm: finite(gradNorm),
          learning_rate: learningRate,
          num_tokens: progress.tokens,
          mean_token_accuracy: finite(sums.correct / sums.trained),
          entropy: finite(sums.entropy / sums.trained),
          tokens_per_second: meter.perSecond,
          memory_bytes: process.memoryUsage.rss(),
          seconds_left: secondsLeft,
        });
      }
      if (watched.trouble !== null) return await troubled(watched.trouble, step, watched.state.bad);
      if (evalLoss !== null) {
        const { state, isBest, stops } = watchEvaluation(progress.watch, step, evalLoss, settings.early_stopping_patience);
        progress = { ...progress, watch: state };
        if (isBest) await save();
        if (stops) return await finish('earlyStopped');
      }
      if (settings.sample_steps > 0 && (step % settings.sample_steps === 0 || isLast)) {
        await tell.samples(step);
        meter.sinceMs = performance.now();
        meter.tokens = 0;
      }
      // What may be the beginning of trouble is nothing to go back to.
      if ((step % settings.save_steps === 0 && watched.state.bad === 0) || wish === 'checkpoint') await save();
      if (wish === 'stop') return await finish('stopped');
      if (wish === 'pause') {
        await save();
        return { reason: 'paused', step, warnings: [] };
      }
    }
    return await finish('completed');
  } catch (error) {
    // Told to stop in the middle of a step: what was added up of it is forgotten, and made again.
    if (signal.aborted) {
      trainer.discard();
      await save();
    }
    throw error;
  }
}

function scheduleOf(settings: TrainingSettings, { totalSteps }: StepPlan) {
  const { lr_scheduler_type: kind, learning_rate: learningRate, warmup_ratio, warmup_steps } = settings;
  return { kind, learningRate, totalSteps, warmupSteps: warmup_steps > 0 ? warmup_steps : warmupStepsOf(warmup_ratio, totalSteps) };
}

/** The newest checkpoint of a time when all was well; the oldest where there is none. `steps` rise. */
const beforeRise = (steps: readonly number[], wellAt: number): number | null =>
  steps.filter((step) => step <= wellAt).at(-1) ?? steps[0] ?? null;

const added = (sums: LogSums, row: RowResult): LogSums => ({
  steps: sums.steps,
  loss: sums.loss + row.lossSum,
  weight: sums.weight + row.weightSum,
  trained: sums.trained + row.trained,
  correct: sums.correct + row.correct,
  entropy: sums.entropy + row.entropySum,
});

const combined = (a: LogSums, b: LogSums): LogSums => ({
  steps: a.steps + b.steps,
  loss: a.loss + b.loss,
  weight: a.weight + b.weight,
  trained: a.trained + b.trained,
  correct: a.correct + b.correct,
  entropy: a.entropy + b.entropy,
});

const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);
