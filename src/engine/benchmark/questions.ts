import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { MiB } from '#core/bytes.ts';
import { judgeQuestions } from '#core/benchmark/judge.ts';
import { pairsOf, readQuestions } from '#core/benchmark/questions.ts';
import { AppError } from '#core/errors/index.ts';
import { onDisk } from '#core/errors/on-disk.ts';
import { modelThreads } from '../tensor/context.ts';
import { withProgress } from '../tensor/progress.ts';
import { openRunnable, type BenchmarkContext, type BenchmarkHandlers } from './context.ts';

/** Published sets have a few megabytes; it is held whole, and as questions. */
const MAX_FILE_BYTES = 64 * MiB;

const readQuestionsFile = (path: string) =>
  onDisk(path, async () => {
    const { size: sizeBytes } = await stat(path);
    if (sizeBytes > MAX_FILE_BYTES) throw new AppError('evaluate.textTooLong', { sizeBytes, limitBytes: MAX_FILE_BYTES });
    const bytes = await readFile(path);
    return {
      questions: readQuestions(bytes.toString('utf8')),
      fileName: basename(path),
      fileSha256: createHash('sha256').update(bytes).digest('hex'),
    };
  });

export const questionsHandler =
  ({ native, version }: BenchmarkContext): BenchmarkHandlers['questions'] =>
  ({ modelPath, adapters, questionsPath, scratchFolder, threads: wanted }, { signal }) =>
    withProgress(async (tell) => {
      const { questions, ...file } = await readQuestionsFile(questionsPath);
      const kernels = await native(false);
      const threads = modelThreads(wanted);
      tell({ phase: 'benchmark.loading', detail: null, amount: 0, total: 1, unit: 'bytes' });
      await using model = await openRunnable({
        modelPath,
        adapters,
        scratchFolder,
        kernels,
        version,
        threads,
        signal,
        progress: (amount, total, detail) => tell({ phase: 'benchmark.loading', detail, amount, total, unit: 'bytes' }),
      });
      const scores = await kernels.scoreAnswers({
        modelPath: model.path,
        adapters: model.adapters,
        pairs: pairsOf(questions),
        threads,
        signal,
        onProgress: (amount, total) => tell({ phase: 'benchmark.questions', detail: null, amount, total, unit: 'windows' }),
      });
      return { type: 'finished' as const, ...file, ...judgeQuestions(questions, scores) };
    });
