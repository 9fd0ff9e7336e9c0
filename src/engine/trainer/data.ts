import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import { MiB } from '#core/bytes.ts';
import { AppError } from '#core/errors/index.ts';
import { onDisk } from '#core/errors/on-disk.ts';
import { formatOf } from '#core/training/records.ts';
import { fieldNames, readDataset, type Sample } from '#core/training/samples.ts';
import { splitSamples } from '#core/training/order.ts';
import { rowsOf } from '#core/training/rows.ts';
import type { TrainingSettings } from '#core/training/settings.ts';
import type { DataColumns, DataProblem } from '#contract/training.ts';
import { parquetText } from '../parquet/parquet-text.ts';
import type { TemplateRunner } from '../inference/template-runner.ts';
import { sampleEncoder, type EncodedSample } from './encode.ts';
import type { SampleVocabulary } from './vocabulary.ts';

/** Largest dataset: it is held whole, as text and as tokens. */
export const MAX_DATA_BYTES = 256 * MiB;

export interface DataFile {
  readonly file: string;
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly fields: readonly string[];
  readonly samples: readonly Sample[];
  readonly problems: readonly DataProblem[];
}

/** A dataset's file, and what errors call it; of Parquet a row is a line. Throws `train.unreadableData`, `train.dataTooLarge`, `disk.*`. */
export async function readDataFile(path: string, columns: DataColumns, file = basename(path)): Promise<DataFile> {
  const bytes = await onDisk(path, async () => {
    const found = await stat(path);
    if (!found.isFile()) throw new AppError('train.unreadableData', { file });
    const { size: sizeBytes } = found;
    if (sizeBytes > MAX_DATA_BYTES) throw new AppError('train.dataTooLarge', { sizeBytes, limitBytes: MAX_DATA_BYTES });
    return readFile(path);
  });
  const isParquet = extname(path).toLowerCase() === '.parquet';
  const text = isParquet ? await parquetText(path, bytes.length, MAX_DATA_BYTES) : bytes.toString('utf8');
  const format = isParquet ? 'jsonl' : formatOf(extname(path), text);
  if (format === null) throw new AppError('train.unreadableData', { file });
  const { samples, problems } = readDataset(text, format, columns);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return { file, sha256, sizeBytes: bytes.length, fields: fieldNames(text, format), samples, problems };
}

export interface EncodedData {
  readonly samples: readonly EncodedSample[];
  /** In the order of lines. */
  readonly problems: readonly DataProblem[];
  readonly duplicates: readonly { readonly line: number; readonly firstLine: number }[];
  readonly train: readonly number[];
  readonly evaluation: readonly number[];
  /** Of an epoch: samples of each, by their number. */
  readonly rows: readonly (readonly number[])[];
  readonly evaluationRows: readonly (readonly number[])[];
}

/** A dataset from which something can be learned. Throws `train.noSamples`, `train.noTrainedTokens`. */
export function checkUsable({ file }: Pick<DataFile, 'file'>, { samples, problems }: EncodedData): void {
  if (samples.length > 0) return;
  if (problems.length > 0 && problems.every(({ kind }) => kind === 'nothingTrained'))
    throw new AppError('train.noTrainedTokens', { samples: problems.length });
  throw new AppError('train.noSamples', { file, problems: problems.length });
}

/**
 * A dataset as tokens, split and packed; without samples where all records have problems. Throws `train.noTemplate`,
 * `train.otherTokens`, `chat.template*`: a template that fails on every record is no fault of the records.
 */
export async function encodeData(
  { samples, problems: unread }: Pick<DataFile, 'samples' | 'problems'>,
  settings: TrainingSettings,
  {
    vocabulary,
    templates,
    signal,
  }: { readonly vocabulary: SampleVocabulary; readonly templates: TemplateRunner; readonly signal: AbortSignal },
): Promise<EncodedData> {
  const encoder = sampleEncoder(vocabulary, settings, templates);
  const encoded: EncodedSample[] = [];
  const problems = [...unread];
  const seen = new Map<string, number>();
  let templateError: AppError | undefined;
  const duplicates: { line: number; firstLine: number }[] = [];
  for (const sample of samples) {
    signal.throwIfAborted();
    const found = await encoder.encode(sample);
    if (typeof found === 'string' || found instanceof AppError) {
      if (found instanceof AppError) templateError ??= found;
      problems.push({ line: sample.line, kind: found instanceof AppError ? 'templateFailed' : found });
      continue;
    }
    const key = found.map(({ tokens }) => tokens.join(' ')).join('|');
    const firstLine = seen.get(key);
    if (firstLine === undefined) seen.set(key, sample.line);
    else duplicates.push({ line: sample.line, firstLine });
    encoded.push(...found);
  }
  if (encoded.length === 0 && templateError !== undefined && problems.every(({ kind }) => kind === 'templateFailed')) throw templateError;
  const { train, evaluation } = splitSamples(encoded.length, settings.eval_split, settings.seed);
  const rows = (chosen: readonly number[]): number[][] =>
    rowsOf(
      chosen.map((index) => encoded[index]).filter((each) => each !== undefined),
      settings.max_length,
      settings.packing,
    ).map((row) => row.map((index) => chosen[index] ?? 0));
  return {
    samples: encoded,
    problems: problems.toSorted((a, b) => a.line - b.line),
    duplicates,
    train,
    evaluation,
    rows: rows(train),
    evaluationRows: rows(evaluation),
  };
}
