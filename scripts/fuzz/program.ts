import { openSync, writeSync } from 'node:fs';
import { meterAllocations, takeAllocatedBytes } from './allocations.ts';
import type { Parts, Target } from './target.ts';

/**
 * The process in which readers get their inputs: `program.ts TARGETS PROGRESS`. It can be ended, its memory is limited, and where it dies
 * the file PROGRESS tells at which input.
 */

export type FuzzTask =
  | { readonly type: 'inputs'; readonly target: string; readonly seed: number; readonly first: number; readonly count: number }
  | { readonly type: 'case'; readonly target: string; readonly parts: Parts };

export interface Finding {
  readonly kind: 'exception' | 'memory' | 'hang' | 'died';
  /** What went wrong, without what differs from input to input. */
  readonly problem: string;
  readonly stack?: string | undefined;
}

export type FuzzReply =
  | { readonly type: 'found'; readonly index: number; readonly finding: Finding }
  /** No input could be made: a fault of the harness. */
  | { readonly type: 'broken'; readonly problem: string }
  | { readonly type: 'done'; readonly endings: ReadonlyMap<string, number> };

/** Buffers beside the input's own bytes: windows of a mebibyte, and copies of a header in several forms. */
const allowedBuffers = (inputBytes: number): number => 16 * 2 ** 20 + 32 * inputBytes;
/** A message is read by people. Foreign text in it is cut to a line. */
const MAX_WORDS = 1000;

const [address = '', progressPath = ''] = process.argv.slice(2);
const progressFile = openSync(progressPath, 'r+');
/** Inputs begun, and the number of the one at work. */
const progress = new Int32Array(2);
const reply = (message: FuzzReply): void => void process.send?.(message);

meterAllocations();
// From here on, so that these modules too get the constructors that count.
const { AppError, describeError, isErrorCode } = await import('#core/errors/index.ts');
const { wireError } = await import('#contract/wire.ts');
const { randomOfInput } = await import('./random.ts');
const { targets } = (await import(address)) as { readonly targets: readonly Target[] };

function targetNamed(name: string): Target {
  const target = targets.find((each) => each.name === name);
  if (target === undefined) throw new Error(`There is no target ${name}.`);
  return target;
}

/** How an input ended, or what is wrong. */
async function endingOf(target: Target, parts: Parts): Promise<string | Finding> {
  const inputBytes = parts.reduce((sum, { byteLength }) => sum + byteLength, 0);
  takeAllocatedBytes();
  let ending: string | Finding;
  try {
    ending = await target.run(parts);
  } catch (error) {
    ending = refusal(target, error);
  }
  const buffers = takeAllocatedBytes();
  if (typeof ending !== 'string') return ending;
  if (buffers > allowedBuffers(inputBytes)) return { kind: 'memory', problem: `${ending}: buffers far beyond the input` };
  return ending;
}

function refusal(target: Target, error: unknown): string | Finding {
  const stack = error instanceof Error ? error.stack : undefined;
  const exception = (problem: string): Finding => ({ kind: 'exception', problem, stack });
  if (!(error instanceof AppError))
    return exception(error instanceof Error ? `${error.constructor.name}: ${error.message.slice(0, 200)}` : String(error));
  if (!isErrorCode(error.code) || !target.codes.test(error.code)) return exception(`${error.code} is no code of this reader`);
  const { what, safe, next } = describeError(wireError(error));
  for (const words of [what, safe, next]) {
    if (words.length > MAX_WORDS) return exception(`the message of ${error.code} is too long`);
    if (/[\p{Cc}\u202A-\u202E\u2066-\u2069]/u.test(words)) return exception(`the message of ${error.code} holds control characters`);
  }
  return error.code;
}

async function work(task: FuzzTask): Promise<ReadonlyMap<string, number>> {
  const target = targetNamed(task.target);
  const endings = new Map<string, number>();
  const one = async (index: number, parts: Parts): Promise<void> => {
    progress.set([(progress[0] ?? 0) + 1, index]);
    writeSync(progressFile, progress, 0, progress.byteLength, 0);
    const ending = await endingOf(target, parts);
    // Rejections that nobody waits for are told when all else is done.
    await new Promise((resolve) => setImmediate(resolve));
    if (typeof ending === 'string') endings.set(ending, (endings.get(ending) ?? 0) + 1);
    else reply({ type: 'found', index, finding: ending });
  };
  if (task.type === 'case') await one(0, task.parts);
  else
    for (let index = task.first; index < task.first + task.count; index += 1)
      await one(index, target.make(randomOfInput(task.target, task.seed, index)));
  return endings;
}

process.on('unhandledRejection', (error: unknown) => {
  const [problem, stack] = error instanceof Error ? [error.message, error.stack] : [String(error), undefined];
  reply({
    type: 'found',
    index: progress[1] ?? 0,
    finding: { kind: 'exception', problem: `a rejection that nobody waits for: ${problem}`, stack },
  });
});
process.on('message', (task: FuzzTask) => {
  work(task).then(
    (endings) => reply({ type: 'done', endings }),
    (error: unknown) => reply({ type: 'broken', problem: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
  );
});
