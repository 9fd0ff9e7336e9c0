import { AppError } from '../errors/index.ts';
import { excerptOfJson } from '../excerpt.ts';

/** A parsed config.json. Every field is unknown until it was looked at: the file comes from outside. */
export type Config = Readonly<Record<string, unknown>>;

/** Counts become u32 in GGUF, and llama.cpp holds several of them in an int32. */
const MAX_COUNT = 2 ** 31 - 1;

export const isConfig = (value: unknown): value is Config => typeof value === 'object' && value !== null && !Array.isArray(value);

/** A whole number from 1 to 2^31 - 1, or undefined. */
export const asCount = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= MAX_COUNT ? value : undefined;

/** A finite number, or undefined. */
export const asNumber = (value: unknown): number | undefined => (typeof value === 'number' && Number.isFinite(value) ? value : undefined);

/** A finite number above zero that a 32-bit float can hold, or undefined. */
export const asPositive = (value: unknown): number | undefined => {
  const number = asNumber(value);
  return number !== undefined && Math.fround(number) > 0 && Number.isFinite(Math.fround(number)) ? number : undefined;
};

export const asText = (value: unknown): string | undefined => (typeof value === 'string' && value.length > 0 ? value : undefined);

export const asBoolean = (value: unknown): boolean | undefined => (typeof value === 'boolean' ? value : undefined);

const showValue = (value: unknown): string => (value === undefined ? 'absent' : excerptOfJson(value));

export const badConfig = (field: string, value: unknown, expected: string): AppError =>
  new AppError('model.badConfig', { field, value: showValue(value), expected });

/** The first of `fields` that is present and not null, with its name. Python's None is JSON's null: "not set". */
function find(config: Config, fields: readonly string[]): { field: string; value: unknown } | undefined {
  for (const field of fields) {
    const value = Object.hasOwn(config, field) ? config[field] : undefined;
    if (value !== undefined && value !== null) return { field, value };
  }
  return undefined;
}

function strict<T>(parse: (value: unknown) => T | undefined, expected: string) {
  /** The value, or undefined when no field is set. @throws model.badConfig when a field holds something else. */
  const optional = (config: Config, ...fields: string[]): T | undefined => {
    const found = find(config, fields);
    if (found === undefined) return undefined;
    const value = parse(found.value);
    if (value === undefined) throw badConfig(found.field, found.value, expected);
    return value;
  };
  /** The value. @throws model.badConfig when no field is set or one holds something else. */
  const required = (config: Config, ...fields: string[]): T => {
    const value = optional(config, ...fields);
    if (value === undefined) throw badConfig(fields[0] ?? '', undefined, expected);
    return value;
  };
  return { optional, required };
}

export const count = strict(asCount, 'a whole number above 0');
export const positive = strict(asPositive, 'a number above 0');
export const flag = strict(asBoolean, 'true or false');
export const text = strict(asText, 'a text');
export const section = strict((value) => (isConfig(value) ? value : undefined), 'a group of settings');
export const numbers = strict(
  (value) => (Array.isArray(value) && value.every((item) => asPositive(item) !== undefined) ? (value as readonly number[]) : undefined),
  'a list of numbers above 0',
);

/** The language model's own settings: a multimodal config keeps them under `text_config`. */
export function textConfig(config: Config): Config {
  const inner = config['text_config'];
  return isConfig(inner) ? { ...config, ...inner } : config;
}

/** The class that transformers would build, by `architectures`; the inner text model's where it is named. */
export function architectureClass(config: Config): string | undefined {
  const inner = isConfig(config['text_config']) ? config['text_config']['architectures'] : undefined;
  for (const list of [inner, config['architectures']]) if (Array.isArray(list)) return asText(list[0]);
  return undefined;
}
