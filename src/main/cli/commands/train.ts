import { basename, dirname } from 'node:path';
import { formatDuration } from '#core/bytes.ts';
import { AppError } from '#core/errors/index.ts';
import { settingNames } from '#core/training/settings.ts';
import { templateNames } from '#core/training/templates.ts';
import type { LogEntry, TrainingRun } from '#contract/training.ts';
import { defineCommand, type CommandContext } from '../command.ts';
import { findModel } from '../model.ts';
import { facts, printable } from '../text.ts';
import { columnsOf, columnSpec, settingSpec, settingsOf } from '../training-options.ts';
import { oneOf, required, usage } from '../values.ts';

export const command = defineCommand({
  args: ['[BASE]'],
  options: {
    data: { type: 'string', value: 'FILE', help: 'what is learned from: .jsonl, .json, .csv, .parquet or .txt' },
    out: { type: 'string', value: 'NAME', help: 'the adapter: NAME.gguf, and the folder NAME in PEFT’s format' },
    template: { type: 'string', value: 'NAME', help: `settings to begin with: ${templateNames.join(', ')} (instructions)` },
    set: settingSpec,
    column: columnSpec,
    adapter: { type: 'string', value: 'A', help: 'an adapter to go on with' },
    device: { type: 'string', value: 'NAME', help: 'where it is computed (CPU)' },
    resume: { type: 'string', value: 'RUN', help: 'go on with a run that was interrupted, from its last checkpoint' },
  },
  notes: `Ctrl+C saves a checkpoint. Settings have the names that TRL and PEFT give them: ${settingNames.join(', ')}.`,
  run: async (context, [reference], values) => {
    const { training } = await context.client();
    const begin = async (): Promise<TrainingRun> => {
      if (values.resume !== undefined) {
        if (reference !== undefined || values.data !== undefined) throw usage('--resume goes on with a run as it was begun');
        return training.resume({ runId: values.resume });
      }
      if (reference === undefined) throw usage('BASE is missing');
      const dataPath = context.resolvePath(required('data', values.data));
      const output = context.resolvePath(required('out', values.out)).replace(/\.gguf$/i, '');
      const { id: baseId } = await findModel(context, reference);
      const adapterId = values.adapter === undefined ? null : (await findModel(context, values.adapter)).id;
      return training.start({
        baseId,
        dataPath,
        columns: columnsOf(values.column),
        name: basename(output),
        outputFolder: dirname(output),
        ...(values.template === undefined ? {} : { template: oneOf('template', values.template, templateNames) }),
        settings: settingsOf(values.set),
        adapterId,
        ...(values.device === undefined ? {} : { device: values.device }),
      });
    };
    const { id: runId } = await begin();
    const run = await follow(context, runId);
    if (run.error !== null) throw AppError.from(run.error);
    const { result } = run;
    if (result === null) throw new AppError('request.cancelled', {});
    const { log, samples } = await training.get({ runId });
    const warnings = result.warnings.map((warning) => printable(AppError.from(warning).message));
    const told = facts([
      ['written', result.paths.join(', ')],
      ['steps', `${result.step} (${result.reason})`],
      ['loss', run.last?.loss?.toFixed(4)],
      ['eval loss', log.findLast(({ eval_loss }) => eval_loss !== null)?.eval_loss?.toFixed(4)],
      ['time', formatDuration(result.durationMs)],
      ['run', runId],
      ['id', result.modelIds.join(', ')],
    ]);
    return { json: { runId, ...result, log, samples }, text: [told, ...warnings].join('\n') };
  },
});

/** Stay with a run until it is at work no longer. Ctrl+C makes it wait, so that nothing is lost. */
async function follow(context: CommandContext, runId: string): Promise<TrainingRun> {
  const { training, jobs } = await context.client();
  const leave = (): void => {
    context.progress('saving a checkpoint…');
    void training.pause({ runId }).catch(async () => {
      const { run } = await training.get({ runId });
      if (run.jobId !== null) await jobs.cancel({ jobId: run.jobId }).catch(() => undefined);
    });
  };
  context.signal.addEventListener('abort', leave, { once: true });
  if (context.signal.aborted) leave();
  let { run } = await training.get({ runId });
  context.live(`run ${runId}\n`);
  try {
    for await (const event of training.follow({ runId })) {
      if (event.type === 'run') ({ run } = event);
      else if (event.type === 'log') context.live(`${line(event.entry, run.totalSteps)}\n`);
      else if (event.type === 'sample') context.live(`  ${printable(event.sample.prompt)} → ${printable(event.sample.text)}\n`);
    }
  } finally {
    context.signal.removeEventListener('abort', leave);
    context.progress('');
  }
  return run;
}

/** `step 12/60  loss 2.3141  eval 2.2010  grad 0.91  lr 1.9e-4  1,024 tokens/s  12 s left`. */
function line(entry: LogEntry, totalSteps: number | null): string {
  const { step, loss, eval_loss, grad_norm, learning_rate, tokens_per_second, seconds_left } = entry;
  return [
    `step ${step}${totalSteps === null ? '' : `/${totalSteps}`}`,
    loss === null ? null : `loss ${loss.toFixed(4)}`,
    eval_loss === null ? null : `eval ${eval_loss.toFixed(4)}`,
    grad_norm === null ? null : `grad ${grad_norm.toPrecision(3)}`,
    `lr ${learning_rate.toExponential(1)}`,
    tokens_per_second === null ? null : `${Math.round(tokens_per_second).toLocaleString('en')} tokens/s`,
    seconds_left === null ? null : `${formatDuration(seconds_left * 1000)} left`,
  ]
    .filter((part) => part !== null)
    .join('  ');
}
