import { randomOfInput } from './random.ts';
import type { Parts, Target } from './target.ts';
import type { ReaderProcess } from './process.ts';
import type { Finding } from './program.ts';

/** Inputs between two looks at the clock. */
const BATCH = 50;

/** A problem, with the first input that showed it. */
export interface FoundCase {
  readonly index: number;
  readonly finding: Finding;
  times: number;
}

export interface TargetReport {
  readonly target: string;
  readonly inputs: number;
  /** How inputs ended that are no findings: a word of the target, or an error's code. */
  readonly endings: ReadonlyMap<string, number>;
  readonly found: readonly FoundCase[];
}

export interface FuzzOptions {
  readonly seed: number;
  /** The first of these that is reached ends the run. */
  readonly inputs: number;
  readonly untilMs?: number;
}

/** Give a target inputs, each made from seed and number alone. */
export async function fuzzTarget(
  reader: ReaderProcess,
  target: string,
  { seed, inputs, untilMs = Infinity }: FuzzOptions,
): Promise<TargetReport> {
  const endings = new Map<string, number>();
  const found = new Map<string, FoundCase>();
  const note = (index: number, finding: Finding): void => {
    const key = keyOf(finding);
    const known = found.get(key);
    if (known === undefined) found.set(key, { index, finding, times: 1 });
    else known.times += 1;
  };
  let first = 0;
  while (first < inputs && performance.now() < untilMs) {
    const count = Math.min(BATCH, inputs - first);
    const end = await reader.run({ type: 'inputs', target, seed, first, count }, note);
    if ('endings' in end) {
      for (const [ending, times] of end.endings) endings.set(ending, (endings.get(ending) ?? 0) + times);
      first += count;
    } else {
      note(end.stoppedAt, end.finding);
      first = end.stoppedAt + 1;
    }
  }
  return { target, inputs: first, endings, found: [...found.values()] };
}

/** Two findings that differ in numbers only are one. */
const keyOf = ({ kind, problem }: Finding): string => `${kind} ${problem.replace(/\d+/g, '#')}`;

/** What is wrong with one input; null: nothing. */
export async function tryInput(reader: ReaderProcess, target: string, parts: Parts): Promise<Finding | null> {
  let found: Finding | null = null;
  const end = await reader.run({ type: 'case', target, parts }, (_, finding) => (found = finding));
  return 'finding' in end ? end.finding : found;
}

/** Attempts at making a case smaller. */
const ATTEMPTS = 120;
/** Likewise of one that does not end: each attempt may take the whole time. */
const HANG_ATTEMPTS = 6;

/** The input of a finding without what it does not take to show the same problem. */
export async function minimised(reader: ReaderProcess, target: Target, seed: number, { index, finding }: FoundCase): Promise<Parts> {
  let parts = target.make(randomOfInput(target.name, seed, index));
  const most = finding.kind === 'hang' ? HANG_ATTEMPTS : ATTEMPTS;
  let attempts = 0;
  const shows = async (candidate: Parts): Promise<boolean> => {
    attempts += 1;
    const again = await tryInput(reader, target.name, candidate);
    return again !== null && keyOf(again) === keyOf(finding);
  };
  for (const at of parts.keys()) {
    for (let piece = Math.ceil((parts[at]?.byteLength ?? 0) / 2); piece >= 1 && attempts < most; piece = Math.floor(piece / 2)) {
      for (let from = 0; from < (parts[at]?.byteLength ?? 0) && attempts < most;) {
        const whole = parts[at] ?? new Uint8Array();
        const rest = new Uint8Array([...whole.subarray(0, from), ...whole.subarray(from + piece)]);
        const candidate = parts.map((part, i) => (i === at ? rest : part));
        if (await shows(candidate)) parts = candidate;
        else from += piece;
      }
    }
  }
  return parts;
}
