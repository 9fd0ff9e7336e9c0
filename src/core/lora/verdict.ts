import type { AppErrorData, ErrorCode } from '../errors/index.ts';
import { excerpt } from '../excerpt.ts';

/** Green: as it should be. Amber: to be known. Red: something is wrong. */
export type Verdict = 'green' | 'amber' | 'red';

/** How a merged tensor lies to its base W, to W + ΔW as computed from the files, and to what rounding to its type makes of that. */
export interface MeasuredTensor {
  readonly name: string;
  readonly count: number;
  /** ‖merged − (W + ΔW)‖² */
  readonly error: number;
  /** ‖W + ΔW‖² */
  readonly norm: number;
  /** ‖ΔW‖² */
  readonly change: number;
  /** ‖W‖² */
  readonly base: number;
  /** ⟨merged − W, ΔW⟩ */
  readonly overlap: number;
  /** ‖rounded − (W + ΔW)‖ / ‖W + ΔW‖ with the values rounded to the tensor's type, as it costs or is known to cost. */
  readonly rounding: number;
  /**
   * ⟨rounded − W, ΔW⟩ / ⟨ΔW, ΔW⟩. Below 1 where W lies on the steps of the type already: a change of less than half a step is
   * rounded away again.
   */
  readonly roundedStrength: number;
}

/** What is told of a tensor. */
export interface JudgedTensor {
  readonly name: string;
  readonly relativeError: number;
  readonly bound: number;
  readonly relativeChange: number;
  readonly strength: number | null;
  readonly verdict: Verdict;
}

type Fault = 'missing' | 'twice' | 'scale' | 'otherBase' | 'inexact' | 'lost';

interface Judged {
  readonly tensor: JudgedTensor;
  readonly fault: Fault | undefined;
  /** Of what the type could have kept. */
  readonly share: number;
}

/** Sums of float32 products in another order, several steps for each adapter: sixteen units in the last place. */
const FLOAT32_NOISE = 2 ** -20;

/** Quantizers differ: with an importance matrix, by GPTQ, the plain error of the weights grows. */
const ROUNDING_MARGIN = 1.5;
/** Farther than this many bounds a tensor is not the rounded one of any quantizer. */
const OTHER_WEIGHTS = 3;

/** A strength is told where six standard deviations of the rounding noise are less than this. */
const TELLABLE = 0.25;
/** Least tolerance of a strength. */
const TOLERANCE = 0.03;

const faultVerdict = {
  missing: 'red',
  twice: 'red',
  scale: 'red',
  otherBase: 'red',
  inexact: 'amber',
  lost: 'amber',
} as const satisfies Record<Fault, Verdict>;

function judge(measured: MeasuredTensor): Judged {
  const { name, count, error, norm, change, base, overlap, roundedStrength } = measured;
  const rounding = Math.max(measured.rounding, FLOAT32_NOISE);
  const bound = ROUNDING_MARGIN * rounding;
  const relative = (squares: number): number => (norm === 0 ? (squares === 0 ? 0 : 1) : Math.sqrt(Math.max(0, squares) / norm));
  // Rounding errors of single weights are taken as independent: their part along ΔW has the size of one of them.
  const noise = change === 0 ? Infinity : rounding * Math.sqrt(norm / (count * change));
  const strength = 6 * noise < TELLABLE ? overlap / change : null;
  const deviation = strength === null ? 0 : strength - roundedStrength;
  const share = strength === null ? 1 : strength / Math.max(roundedStrength, TOLERANCE);
  // Where much is rounded away, another quantizer keeps more or less of it.
  const tolerance = Math.max(TOLERANCE, 6 * noise) + (1 - Math.min(1, roundedStrength)) / 2;
  const fault = ((): Fault | undefined => {
    // What a wrong share of ΔW does not explain.
    const unexplained = relative(error - (strength === null ? 0 : (strength - 1) ** 2 * change));
    if (unexplained > OTHER_WEIGHTS * bound) return 'otherBase';
    if (Math.abs(deviation) > tolerance) {
      if (Math.abs(share) < TELLABLE) return 'missing';
      return Math.abs(share - 2) <= 2 * tolerance ? 'twice' : 'scale';
    }
    if (strength !== null && roundedStrength < 0.5) return 'lost';
    return unexplained > bound ? 'inexact' : undefined;
  })();
  const relativeChange = base === 0 ? (change === 0 ? 0 : 1) : Math.sqrt(change / base);
  const verdict = fault === undefined ? 'green' : faultVerdict[fault];
  return { tensor: { name, relativeError: relative(error), bound, relativeChange, strength, verdict }, fault, share };
}

/** The merged model beside the one whose adapters act at run time. Divergences in nats. */
export interface MeasuredRuntime {
  readonly meanKl: number;
  readonly boundMeanKl: number;
}

export interface Evidence {
  readonly tensors: readonly MeasuredTensor[];
  /** Weights that only one of both has. */
  readonly otherTensors: readonly string[];
  /** Null where llama.cpp cannot run the adapters beside the weights. */
  readonly runtime: MeasuredRuntime | null;
  /** Why it cannot: what GGUF has no place for, and where. */
  readonly notRunnable: { readonly what: string; readonly tensor: string } | undefined;
  readonly changedTokenizer: string | undefined;
  readonly isTemplateChanged: boolean;
}

/** Farther than this many bounds, rounding is no explanation. */
const DISAGREES = 10;

const severity = {
  'certificates.otherBase': 'red',
  'certificates.otherTensors': 'red',
  'certificates.missing': 'red',
  'certificates.mergedTwice': 'red',
  'certificates.wrongScale': 'red',
  'certificates.disagrees': 'red',
  'certificates.tokenizerChanged': 'red',
  'certificates.noEffect': 'amber',
  'certificates.lostInRounding': 'amber',
  'certificates.inexact': 'amber',
  'certificates.tooSmall': 'amber',
  'certificates.diverges': 'amber',
  'certificates.weightsOnly': 'amber',
  'certificates.templateChanged': 'amber',
} as const satisfies Partial<Record<ErrorCode, Verdict>>;
type FindingCode = keyof typeof severity;

const findingOf = {
  missing: 'certificates.missing',
  twice: 'certificates.mergedTwice',
  scale: 'certificates.wrongScale',
  otherBase: 'certificates.otherBase',
  inexact: 'certificates.inexact',
  lost: 'certificates.lostInRounding',
} as const satisfies Record<Fault, FindingCode>;

export interface Judgement {
  readonly verdict: Verdict;
  /** The gravest first. */
  readonly findings: readonly AppErrorData[];
  /** Worst first. */
  readonly tensors: readonly JudgedTensor[];
}

const rank = { red: 0, amber: 1, green: 2 } as const satisfies Record<Verdict, number>;

/** What the measures say of a merge. Pure: the same evidence gets the same verdict. */
export function judgeMerge(evidence: Evidence): Judgement {
  const { otherTensors, runtime, notRunnable, changedTokenizer, isTemplateChanged } = evidence;
  const judged = evidence.tensors.map(judge);
  const findings: { readonly code: FindingCode; readonly params: AppErrorData['params'] }[] = [];
  const changed = judged.filter(({ tensor }) => tensor.relativeChange > 0);
  for (const [fault, code] of Object.entries(findingOf) as [Fault, FindingCode][]) {
    const found = judged.filter((each) => each.fault === fault);
    const [worst] = found.toSorted((left, right) => right.tensor.relativeError - left.tensor.relativeError);
    if (worst === undefined) continue;
    const total = fault === 'otherBase' || fault === 'inexact' ? judged.length : changed.length;
    const share = median(found.map((each) => each.share));
    findings.push({ code, params: { count: found.length, total, tensor: excerpt(worst.tensor.name), share: share.toFixed(2) } });
  }
  const [other] = otherTensors;
  if (other !== undefined)
    findings.push({ code: 'certificates.otherTensors', params: { count: otherTensors.length, tensor: excerpt(other) } });
  if (changed.length === 0) findings.push({ code: 'certificates.noEffect', params: {} });
  else if (changed.every(({ tensor }) => tensor.strength === null))
    findings.push({ code: 'certificates.tooSmall', params: { count: changed.length } });
  if (runtime !== null && runtime.meanKl > runtime.boundMeanKl) {
    const isFar = runtime.meanKl > DISAGREES * runtime.boundMeanKl;
    const params = { meanKl: runtime.meanKl.toPrecision(2), bound: runtime.boundMeanKl.toPrecision(2) };
    findings.push({ code: isFar ? 'certificates.disagrees' : 'certificates.diverges', params });
  }
  if (notRunnable !== undefined)
    findings.push({ code: 'certificates.weightsOnly', params: { what: notRunnable.what, tensor: excerpt(notRunnable.tensor) } });
  if (changedTokenizer !== undefined)
    findings.push({ code: 'certificates.tokenizerChanged', params: { field: excerpt(changedTokenizer) } });
  if (isTemplateChanged) findings.push({ code: 'certificates.templateChanged', params: {} });
  const order = Object.keys(severity);
  const sorted = findings.toSorted((left, right) => order.indexOf(left.code) - order.indexOf(right.code));
  const tensors = judged
    .map(({ tensor }) => tensor)
    .toSorted((left, right) => rank[left.verdict] - rank[right.verdict] || right.relativeError - left.relativeError);
  const [first] = sorted;
  return { verdict: first === undefined ? 'green' : severity[first.code], findings: sorted, tensors };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
