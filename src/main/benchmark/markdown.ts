import { settingsText } from '#core/benchmark/settings-text.ts';
import { formatBytes, formatDuration, UNKNOWN } from '#core/bytes.ts';
import { AppError } from '#core/errors/index.ts';
import type { BenchmarkCell, CellResult, Series } from '#contract/benchmark.ts';
import type { SavedRun } from '../db/benchmarks.ts';
import { targetText } from './text.ts';

type ResultOf<K extends CellResult['kind']> = Extract<CellResult, { kind: K }>;

const figure = (value: number): string => (Math.abs(value) >= 1000 ? value.toFixed(0) : value.toPrecision(4));
const seriesText = (series: Series | null): string =>
  series === null
    ? UNKNOWN
    : `${figure(series.median)} (${figure(series.low)}–${figure(series.high)})${'\\*'.repeat(series.outliers.length > 0 ? 1 : 0)}`;
const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;

/** A cell of a table: names come from outside, and a stroke or a line break would end it. */
const escaped = (text: string): string => text.replaceAll(/[\r\n]+/g, ' ').replaceAll(/[\\|`*_<>[\]]/g, String.raw`\$&`);

const table = (titles: readonly string[], rows: readonly (readonly string[])[]): string =>
  [titles, titles.map((_, place) => (place === 0 ? '---' : '--:')), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');

/** A run as tables that people read in an issue or a wiki. */
export function markdownOf(run: SavedRun, cells: readonly BenchmarkCell[]): string {
  const of = <K extends CellResult['kind']>(kind: K): { cell: BenchmarkCell; name: string; result: ResultOf<K> }[] =>
    cells.flatMap((cell) =>
      cell.result?.kind === kind ? [{ cell, name: escaped(targetText(run.targets[cell.target])), result: cell.result as ResultOf<K> }] : [],
    );
  const parts: string[] = [`# ${escaped(run.name)}`];
  const { environment } = run;
  if (environment !== null) {
    const { processor, cores, memoryBytes, devices, platform, versions } = environment;
    parts.push(
      [
        `- ${escaped(processor)}, ${cores} cores, ${formatBytes(memoryBytes)}`,
        ...devices.map(({ name, memoryBytes: bytes }) => `- ${escaped(name)}, ${formatBytes(bytes)}`),
        `- ${escaped(platform)}; ${escaped(
          Object.entries(versions)
            .map(([name, version]) => `${name} ${version}`)
            .join(', '),
        )}`,
        `- ${new Date(run.createdMs).toISOString()}`,
      ].join('\n'),
    );
  }
  const speed = of('speed');
  if (speed.length > 0) {
    parts.push(
      '## Speed',
      table(
        [
          'Model',
          'Settings',
          'Prompt, tokens/s',
          'Answer, tokens/s',
          'First token',
          'Load',
          'Memory',
          'Graphics memory',
          'J/token',
          'Other load',
        ],
        speed.map(({ cell, name, result }) => [
          name,
          cell.task.kind === 'speed' ? settingsText(cell.task.settings) : '',
          seriesText(result.promptPerSecond),
          seriesText(result.newPerSecond),
          result.firstTokenMs === null ? UNKNOWN : formatDuration(result.firstTokenMs.median),
          result.loadMs === null ? UNKNOWN : formatDuration(result.loadMs),
          result.peakMemoryBytes === null ? UNKNOWN : formatBytes(result.peakMemoryBytes),
          result.peakVramBytes === null ? UNKNOWN : formatBytes(result.peakVramBytes),
          result.joulesPerToken === null ? UNKNOWN : figure(result.joulesPerToken),
          result.backgroundLoad === null ? UNKNOWN : percent(result.backgroundLoad),
        ]),
      ),
      'Medians, with the confidence interval of the median; \\*: some repetitions were far from the others.',
    );
  }
  const quality = of('quality');
  const [first] = quality;
  if (first !== undefined) {
    const { textName, contextLength, windows, tokens } = first.result;
    parts.push(
      '## Quality',
      table(
        ['Model', 'Perplexity', 'Mean KL divergence', '99.9 %', 'Same top token'],
        quality.map(({ name, result: { perplexity, perplexityError, against } }) => [
          name,
          `${perplexity.toFixed(4)} ± ${perplexityError.toFixed(4)}`,
          against === null ? UNKNOWN : `${against.meanKl.toFixed(6)} ± ${against.meanKlError.toFixed(6)}`,
          against === null ? UNKNOWN : against.kl999.toFixed(4),
          against === null ? UNKNOWN : percent(against.topOneAgreement),
        ]),
      ),
      `${escaped(textName)}: ${windows} windows of ${contextLength} tokens without overlap, ${tokens} predictions of the second halves scored, as llama-perplexity does.${
        first.result.against === null ? '' : ` Divergence from ${escaped(first.result.against.name)}, in nats a token.`
      }`,
    );
  }
  const questions = of('questions');
  if (questions.length > 0)
    parts.push(
      '## Questions',
      table(
        ['Model', 'Set', 'Cloze', 'Multiple choice'],
        questions.map(({ name, result: { fileName, cloze, choice } }) => [
          name,
          escaped(fileName),
          ...[cloze, choice].map((share) =>
            share === null
              ? UNKNOWN
              : `${share.right} of ${share.count}: ${percent(share.share)} (${percent(share.low)}–${percent(share.high)})`,
          ),
        ]),
      ),
    );
  const prompts = of('prompts');
  if (prompts.length > 0) {
    parts.push('## Prompts');
    for (const [place, { prompt }] of (prompts[0]?.result.outputs ?? []).entries()) {
      parts.push(fenced(prompt));
      for (const { name, result } of prompts) parts.push(`**${name}**`, fenced(result.outputs[place]?.text ?? ''));
    }
  }
  const failed = cells.flatMap(({ error, target, task }) => (error === null ? [] : [{ error, target, task }]));
  if (failed.length > 0)
    parts.push(
      '## Failed',
      failed
        .map(
          ({ error, target, task }) =>
            `- ${escaped(targetText(run.targets[target]))}, ${task.kind}: ${escaped(AppError.from(error).message)}`,
        )
        .join('\n'),
    );
  return `${parts.join('\n\n')}\n`;
}

/** A text as it is, between more strokes than it has in a row. */
function fenced(text: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([strokes]) => strokes.length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}text\n${text}\n${fence}`;
}
