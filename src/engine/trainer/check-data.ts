import { dataNumbers } from '#core/training/data-report.ts';
import { planSteps } from '#core/training/order.ts';
import { trainedTokens } from '#core/training/rows.ts';
import type { TrainingSettings } from '#core/training/settings.ts';
import type { DataReport } from '#contract/training.ts';
import type { DataFile, EncodedData } from './data.ts';

/** Problems and duplicates that are named; more is only counted. */
const NAMED = 100;

/** What a dataset is for a model, with a few samples as the model sees them. */
export function dataReportOf(
  file: DataFile,
  data: EncodedData,
  settings: TrainingSettings,
  { first, shown }: { readonly first: number; readonly shown: number },
): DataReport {
  const { samples, tokens, trainedTokens: trained, longest, medianLength, lengths } = dataNumbers(data.samples);
  const cut = data.samples.filter(({ cutTokens }) => cutTokens > 0);
  const { totalSteps, stepsPerEpoch } =
    data.rows.length === 0 ? { totalSteps: 0, stepsPerEpoch: 0 } : planSteps(data.rows.length, settings);
  const shapes = { messages: 0, completion: 0, text: 0 };
  for (const { kind } of file.samples) shapes[kind]++;
  return {
    sha256: file.sha256,
    sizeBytes: file.sizeBytes,
    samples,
    problemCount: data.problems.length,
    problems: data.problems.slice(0, NAMED),
    shapes,
    fields: [...file.fields],
    tokens,
    trainedTokens: trained,
    longest,
    medianLength,
    lengths: [...lengths],
    truncatedSamples: cut.length,
    truncatedTokens: cut.reduce((sum, { cutTokens }) => sum + cutTokens, 0),
    duplicates: data.duplicates.slice(0, NAMED),
    duplicateCount: data.duplicates.length,
    trainSamples: data.train.length,
    evaluationSamples: data.evaluation.length,
    rows: data.rows.length,
    stepsPerEpoch,
    totalSteps,
    shown: data.samples.slice(first, first + shown).map((sample) => ({
      line: sample.line,
      tokens: sample.tokens.length,
      trained: trainedTokens(sample),
      truncated: sample.cutTokens > 0,
      pieces: sample.pieces(),
    })),
  };
}
