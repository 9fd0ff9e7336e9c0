import { AppError } from '#core/errors/index.ts';

export const usage = (problem: string): AppError => new AppError('cli.usage', { problem });

interface Range {
  readonly min: number;
  readonly max: number;
}

/** A number option, or undefined where it was not given. Throws `cli.usage`. */
export function numberOf(name: string, value: string | undefined, { min, max }: Range): number | undefined {
  if (value === undefined) return undefined;
  // Number('') is 0, Number('0x10') is 16: neither is what somebody meant.
  const number = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(value.trim()) ? Number(value) : Number.NaN;
  if (!(number >= min && number <= max)) throw usage(`--${name} takes a number from ${min} to ${max}, not '${value}'`);
  return number;
}

/** As `numberOf`, for counts. */
export function wholeNumberOf(name: string, value: string | undefined, range: Range): number | undefined {
  const number = numberOf(name, value, range);
  if (number !== undefined && !Number.isInteger(number)) throw usage(`--${name} takes a whole number, not '${value}'`);
  return number;
}

/** The value of an option that the command cannot do without. */
export function required(name: string, value: string | undefined): string {
  if (value === undefined || value === '') throw usage(`--${name} is missing`);
  return value;
}

/** One of a few words. */
export function oneOf<const T extends string>(name: string, value: string, words: readonly T[]): T {
  const found = words.find((word) => word === value.toLowerCase());
  if (found === undefined) throw usage(`--${name} takes ${words.join(', ')}, not '${value}'`);
  return found;
}

/** The object without its undefined fields. */
export function definedOnly<T extends object>(value: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

/** One of a few numbers, or undefined where it was not given. Throws `cli.usage`. */
export function oneOfNumbers<const T extends number>(name: string, value: string | undefined, numbers: readonly T[]): T | undefined {
  const found = numbers.find((number) => String(number) === value?.trim());
  if (value !== undefined && found === undefined) throw usage(`--${name} takes ${numbers.join(', ')}, not '${value}'`);
  return found;
}
