/**
 * Random weights, fast enough to fill gigabytes: each value is one of 65,536 quantiles of a normal distribution, drawn by 16 bits of
 * a generator and looked up already scaled and cast. The same seed and name give the same bytes on every machine.
 */
export type DemoDtype = 'F32' | 'F16' | 'BF16';

const QUANTILES = 65_536;

/** xorshift32 (Marsaglia 2003, triple 13-17-5). Weak, but without any pattern that a matrix of weights could show. */
export class XorShift32 {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0 || 0x9e3779b9;
  }

  next(): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x >>> 0;
    return this.#state;
  }
}

/** A seed for one tensor of a model: FNV-1a of its name, mixed with the model's seed. */
export function seedOf(name: string, seed: number): number {
  let hash = (0x811c9dc5 ^ seed) >>> 0;
  for (let i = 0; i < name.length; i += 1) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193) >>> 0;
  return hash;
}

/**
 * The value below which a share `p` of a standard normal distribution lies; relative error below 1.2e-9.
 * P. J. Acklam, "An algorithm for computing the inverse normal cumulative distribution function" (2003).
 */
export function normalQuantile(p: number): number {
  const a = [-39.69683028665376, 220.9460984245205, -275.9285104469687, 138.357751867269, -30.66479806614716, 2.506628277459239];
  const b = [-54.47609879822406, 161.5858368580409, -155.6989798598866, 66.80131188771972, -13.28068155288572, 1];
  const c = [-0.007784894002430293, -0.3223964580411365, -2.400758277161838, -2.549732539343734, 4.374664141464968, 2.938163982698783];
  const d = [0.007784695709041462, 0.3224671290700398, 2.445134137142996, 3.754408661907416, 1];
  const horner = (coefficients: readonly number[], x: number): number =>
    coefficients.reduce((sum, coefficient) => sum * x + coefficient, 0);
  if (p > 0.5) return -normalQuantile(1 - p);
  if (p < 0.02425) {
    const tail = Math.sqrt(-2 * Math.log(p));
    return horner(c, tail) / horner(d, tail);
  }
  const centre = p - 0.5;
  return (horner(a, centre * centre) * centre) / horner(b, centre * centre);
}

let standardQuantiles: Float64Array | undefined;

const standard = (): Float64Array =>
  (standardQuantiles ??= Float64Array.from({ length: QUANTILES }, (_, i) => normalQuantile((i + 0.5) / QUANTILES)));

/** The bits of each quantile of a normal distribution in one data type. */
export function normalTable(dtype: DemoDtype, mean: number, sigma: number): Uint16Array | Uint32Array {
  const singles = Float32Array.from(standard(), (z) => mean + sigma * z);
  const bits = new Uint32Array(singles.buffer);
  if (dtype === 'F32') return bits;
  return Uint16Array.from(bits, dtype === 'BF16' ? bfloat16Bits : halfBits);
}

/** Bits of a single, rounded to bfloat16: to nearest, ties to even. Finite values only. */
const bfloat16Bits = (bits: number): number => (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;

/** Bits of a single, rounded to half: to nearest, ties to even. Magnitudes below 65,504 only. */
function halfBits(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const exponent = ((bits >>> 23) & 0xff) - 112;
  const fraction = bits & 0x7fffff;
  if (exponent > 0) {
    const kept = (exponent << 10) | (fraction >>> 13);
    const rest = fraction & 0x1fff;
    return sign | (kept + (rest > 0x1000 || (rest === 0x1000 && (kept & 1) === 1) ? 1 : 0));
  }
  // Subnormal: the step is 2^-24.
  if (exponent < -10) return sign;
  const shift = 14 - exponent;
  const whole = fraction | 0x800000;
  const kept = whole >>> shift;
  const rest = whole & ((1 << shift) - 1);
  const half = 1 << (shift - 1);
  return sign | (kept + (rest > half || (rest === half && (kept & 1) === 1) ? 1 : 0));
}

/** Fill with draws from a table, two for each number of the generator. */
export function fillFrom(table: Uint16Array | Uint32Array, random: XorShift32, values: Uint16Array | Uint32Array): void {
  const pairs = values.length & ~1;
  for (let i = 0; i < pairs; i += 2) {
    const draw = random.next();
    values[i] = table[draw & 0xffff] ?? 0;
    values[i + 1] = table[draw >>> 16] ?? 0;
  }
  if (pairs < values.length) values[pairs] = table[random.next() & 0xffff] ?? 0;
}
