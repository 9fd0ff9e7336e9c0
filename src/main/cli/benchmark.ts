import { settingsText } from '#core/benchmark/settings-text.ts';
import { formatBytes, formatDuration, UNKNOWN } from '#core/bytes.ts';
import { AppError } from '#core/errors/index.ts';
import type { BenchmarkCell, BenchmarkRun, CellResult, Series } from '#contract/benchmark.ts';
import { targetText } from '../benchmark/text.ts';
import { facts, heading, printable, table } from './text.ts';

/** Where numbers stand, right of their column. */
const right = (title: string) => ({ title, align: 'right' as const });
const left = (title: string) => ({ title, max: 40 });

const figure = (value: number): string => (value >= 1000 ? value.toFixed(0) : value.toPrecision(4));
const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;

/** `412.3 ±0.9 %`: the median, and half of its interval; with a star where some values are far from the others. */
function seriesText(series: Series | null): string {
  if (series === null) return UNKNOWN;
  const { median, low, high, outliers } = series;
  return `${figure(median)} ±${((50 * (high - low)) / median).toFixed(1)} %${outliers.length > 0 ? '*' : ''}`;
}

/** A run as tables. */
export function benchmarkText({ id, targets, environment }: BenchmarkRun, cells: readonly BenchmarkCell[]): string {
  const of = <K extends CellResult['kind']>(kind: K) =>
    cells.flatMap((cell) =>
      cell.result?.kind === kind
        ? [{ cell, name: targetText(targets[cell.target]), result: cell.result as Extract<CellResult, { kind: K }> }]
        : [],
    );
  const sections: string[] = [];
  const speed = of('speed');
  if (speed.length > 0) {
    const columns = [
      left('model'),
      left('settings'),
      ...['prompt tokens/s', 'answer tokens/s', 'first token', 'load', 'memory', 'other load'].map(right),
    ];
    const rows = speed.map(({ cell, name, result }) => [
      name,
      cell.task.kind === 'speed' ? settingsText(cell.task.settings) : '',
      seriesText(result.promptPerSecond),
      seriesText(result.newPerSecond),
      result.firstTokenMs === null ? UNKNOWN : formatDuration(result.firstTokenMs.median),
      result.loadMs === null ? UNKNOWN : formatDuration(result.loadMs),
      result.peakMemoryBytes === null ? UNKNOWN : formatBytes(result.peakMemoryBytes + (result.peakVramBytes ?? 0)),
      result.backgroundLoad === null ? UNKNOWN : percent(result.backgroundLoad),
    ]);
    sections.push(table(columns, rows));
  }
  const quality = of('quality');
  if (quality.length > 0) {
    const columns = [
      left('model'),
      ...['perplexity', 'KL divergence', '99.9 %', 'same top token'].map(right),
      left('text'),
      left('against'),
    ];
    const rows = quality.map(({ name, result: { perplexity, perplexityError, against, textName, windows, contextLength } }) => [
      name,
      `${perplexity.toFixed(4)} ± ${perplexityError.toFixed(4)}`,
      against === null ? UNKNOWN : against.meanKl.toFixed(6),
      against === null ? UNKNOWN : against.kl999.toFixed(4),
      against === null ? UNKNOWN : percent(against.topOneAgreement),
      `${textName}, ${windows} × ${contextLength}`,
      against?.name ?? UNKNOWN,
    ]);
    sections.push(table(columns, rows));
  }
  const questions = of('questions');
  if (questions.length > 0) {
    const rows = questions.map(({ name, result }) => [
      name,
      result.fileName,
      ...[result.cloze, result.choice].map((share) =>
        share === null ? UNKNOWN : `${share.right}/${share.count}  ${percent(share.low)}–${percent(share.high)}`,
      ),
    ]);
    sections.push(table([left('model'), left('questions'), right('cloze'), right('multiple choice')], rows));
  }
  const prompts = of('prompts');
  for (const [place, { prompt }] of (prompts[0]?.result.outputs ?? []).entries()) {
    sections.push(heading(printable(prompt)));
    for (const { name, result } of prompts)
      sections.push(`${printable(name)}:\n${printable(result.outputs[place]?.text.trim() ?? '', 'lines')}`);
  }
  const failed = cells.flatMap(({ error, target, task }) =>
    error === null ? [] : [`${targetText(targets[target])}, ${task.kind}: ${AppError.from(error).message}`],
  );
  if (failed.length > 0) sections.push(`${heading('Failed')}\n${failed.map((line) => printable(line)).join('\n')}`);
  sections.push(
    facts([
      ['computer', environment?.name],
      ['llama.cpp', environment?.versions['llama.cpp']],
      ['id', id],
    ]),
  );
  return sections.join('\n\n');
}
