import { styleText } from 'node:util';
import { formatBytes } from '#core/bytes.ts';
import { problemWords } from '#core/training/problem-words.ts';
import { templateNames } from '#core/training/templates.ts';
import type { DataReport } from '#contract/training.ts';
import { defineCommand } from '../command.ts';
import { findModel } from '../model.ts';
import { facts, printable, table } from '../text.ts';
import { columnsOf, columnSpec, settingSpec, settingsOf } from '../training-options.ts';
import { oneOf, required, wholeNumberOf } from '../values.ts';

export const command = defineCommand({
  args: ['check', 'FILE'],
  options: {
    model: { type: 'string', value: 'M', help: 'the model that is to learn from it' },
    template: { type: 'string', value: 'NAME', help: `settings to begin with: ${templateNames.join(', ')} (instructions)` },
    set: settingSpec,
    column: columnSpec,
    samples: { type: 'string', value: 'N', help: 'samples to print (3)' },
    from: { type: 'string', value: 'N', help: 'the first of them (0)' },
  },
  notes: 'Samples are printed as the model sees them. What is trained stands between » and «.',
  run: async (context, [action = '', file = ''], values) => {
    oneOf('check', action, ['check']);
    const { id: baseId } = await findModel(context, required('model', values.model));
    const { training } = await context.client();
    const report = await training.checkData({
      baseId,
      dataPath: context.resolvePath(file),
      columns: columnsOf(values.column),
      ...(values.template === undefined ? {} : { template: oneOf('template', values.template, templateNames) }),
      settings: settingsOf(values.set),
      shown: wholeNumberOf('samples', values.samples, { min: 0, max: 50 }) ?? 3,
      first: wholeNumberOf('from', values.from, { min: 0, max: 2 ** 31 }) ?? 0,
    });
    return { json: report, text: reportText(report) };
  },
});

const number = (value: number): string => value.toLocaleString('en');
const samplesOf = (count: number): string => `${number(count)} ${count === 1 ? 'sample' : 'samples'}`;

function reportText(report: DataReport): string {
  const share = report.tokens === 0 ? 0 : Math.round((100 * report.trainedTokens) / report.tokens);
  const shapes = Object.entries(report.shapes).filter(([, count]) => count > 0);
  const summary = facts([
    ['samples', `${number(report.samples)} (${shapes.map(([shape, count]) => `${number(count)} ${shape}`).join(', ')})`],
    ['size', formatBytes(report.sizeBytes)],
    ['tokens', `${number(report.tokens)}, ${number(report.trainedTokens)} trained (${share} %)`],
    ['length', `median ${number(report.medianLength)}, longest ${number(report.longest)}`],
    ['cut', report.truncatedSamples === 0 ? null : `${samplesOf(report.truncatedSamples)}, ${number(report.truncatedTokens)} tokens`],
    ['twice', report.duplicateCount === 0 ? null : samplesOf(report.duplicateCount)],
    ['evaluation', report.evaluationSamples === 0 ? null : samplesOf(report.evaluationSamples)],
    ['steps', `${number(report.totalSteps)}, ${number(report.stepsPerEpoch)} an epoch`],
    ['fields', report.fields.join(', ')],
  ]);
  const problems =
    report.problemCount === 0
      ? []
      : [
          `\n${number(report.problemCount)} ${report.problemCount === 1 ? 'record' : 'records'} cannot be used:`,
          table(
            [{ title: 'line', align: 'right' }, { title: 'problem' }],
            report.problems.map(({ line, kind }) => [String(line), problemWords[kind]]),
          ),
        ];
  const samples = report.shown.map(({ line, tokens, trained, truncated, pieces }) => {
    const head = styleText('bold', `line ${line}: ${tokens} tokens, ${trained} trained${truncated ? ', cut' : ''}`, {
      stream: process.stdout,
    });
    const text = pieces.map((piece) => (piece.trained ? `»${printable(piece.text, 'lines')}«` : printable(piece.text, 'lines'))).join('');
    return `\n${head}\n${text}`;
  });
  return [summary, ...problems, ...samples].join('\n');
}
