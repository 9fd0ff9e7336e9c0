import type { MeasuredVariant } from '#core/benchmark/recommend.ts';
import { settingsText } from '#core/benchmark/settings-text.ts';
import type { SpeedSettings } from '#core/benchmark/sweep.ts';
import type { BenchmarkCell, BenchmarkRun, CellResult, MeasuredTarget } from '#contract/benchmark.ts';

export interface MeasuredRun {
  readonly run: BenchmarkRun;
  readonly cells: readonly BenchmarkCell[];
}

export type ResultOf<K extends CellResult['kind']> = Extract<CellResult, { kind: K }>;

/** Cells of one kind of task, each with its result once it is there. */
interface Measured<K extends CellResult['kind']> {
  readonly cell: BenchmarkCell;
  readonly result: ResultOf<K> | null;
}

/** One target under one choice of speed settings, with all that was measured of it. */
export interface Row {
  readonly id: string;
  readonly name: string;
  readonly target: MeasuredTarget;
  /** Of another run, laid beside: where it was measured. */
  readonly computer: string | null;
  readonly isBase: boolean;
  readonly speed: Measured<'speed'> | undefined;
  readonly quality: Measured<'quality'> | undefined;
  readonly questions: Measured<'questions'> | undefined;
  /** Of the computer and its cards together; null where it was not measured. */
  readonly memoryBytes: number | null;
}

/** A target in a few words: the model, and what is beside its weights. */
export const targetName = ({ name, adapters }: MeasuredTarget): string =>
  [name, ...adapters.map((adapter) => `${adapter.name} × ${adapter.scale}`)].join(' + ');

const measured = <K extends CellResult['kind']>(kind: K, cell: BenchmarkCell | undefined): Measured<K> | undefined =>
  cell === undefined ? undefined : { cell, result: cell.result?.kind === kind ? (cell.result as ResultOf<K>) : null };

/** The speed settings that a run tries, in its order, each with its short text as its name. */
export function settingsOf(cells: readonly BenchmarkCell[]): readonly { readonly name: string; readonly settings: SpeedSettings }[] {
  const all = cells.flatMap(({ task }) => (task.kind === 'speed' ? [{ name: settingsText(task.settings), settings: task.settings }] : []));
  return [...new Map(all.map((each) => [each.name, each])).values()];
}

/**
 * The targets of a run, under one of its settings.
 * @param settings name of them, as `settingsOf` gives it; another run that has none such shows its first
 * @param isBeside whether the run lies beside another one
 */
export function rowsOf({ run, cells }: MeasuredRun, settings: string | undefined, isBeside = false): Row[] {
  const known = settingsOf(cells);
  const name = known.find((each) => each.name === settings)?.name ?? known[0]?.name;
  const computer = isBeside ? (run.environment?.name ?? run.name) : null;
  return run.targets.map((target, place): Row => {
    const own = cells.filter((cell) => cell.target === place);
    const speed = measured(
      'speed',
      own.find(({ task }) => task.kind === 'speed' && settingsText(task.settings) === name),
    );
    const memory = speed?.result?.peakMemoryBytes ?? null;
    return {
      id: `${run.id}:${place}`,
      name: targetName(target),
      target,
      computer,
      isBase: run.base !== null && target.modelId === run.base.modelId && target.name === run.base.name && target.adapters.length === 0,
      speed,
      quality: measured(
        'quality',
        own.find(({ task }) => task.kind === 'quality'),
      ),
      questions: measured(
        'questions',
        own.find(({ task }) => task.kind === 'questions'),
      ),
      memoryBytes: memory === null ? null : memory + (speed?.result?.peakVramBytes ?? 0),
    };
  });
}

/** A row that can be held against others. */
export type Variant = MeasuredVariant & { readonly row: Row };

/** Those whose speed and memory are known. */
export const variantsOf = (rows: readonly Row[]): Variant[] =>
  rows.flatMap((row) => {
    const tokensPerSecond = row.speed?.result?.newPerSecond?.median;
    if (tokensPerSecond === undefined || row.memoryBytes === null) return [];
    return [{ id: row.id, row, tokensPerSecond, memoryBytes: row.memoryBytes, meanKl: row.quality?.result?.against?.meanKl ?? null }];
  });

export interface Answers {
  readonly prompt: string;
  readonly answers: readonly { readonly name: string; readonly output: ResultOf<'prompts'>['outputs'][number] | null }[];
}

/** What the targets answered, prompt by prompt. A target that has not answered yet, or failed, is there without an output. */
export function answersOf({ run, cells }: MeasuredRun): Answers[] {
  const asked = cells.filter(({ task }) => task.kind === 'prompts');
  const prompts = run.request?.prompts?.texts ?? asked.find(({ result }) => result?.kind === 'prompts')?.result;
  const texts = Array.isArray(prompts) ? prompts : prompts?.kind === 'prompts' ? prompts.outputs.map(({ prompt }) => prompt) : [];
  return texts.map((prompt, place) => ({
    prompt,
    answers: asked.map(({ target, result }) => ({
      name: nameAt(run, target),
      output: result?.kind === 'prompts' ? (result.outputs[place] ?? null) : null,
    })),
  }));
}

export const nameAt = (run: BenchmarkRun, place: number): string => {
  const target = run.targets[place];
  return target === undefined ? '' : targetName(target);
};
