import { AppError } from '../errors/index.ts';
import { excerpt } from '../excerpt.ts';
import { cacheTypes, type CacheType } from '../memory/cache-types.ts';

/** How one cell of a benchmark runs. */
export interface SpeedSettings {
  /** Read at once. */
  readonly promptTokens: number;
  /** Made one after another. */
  readonly newTokens: number;
  /** Tokens that the context holds before either. */
  readonly context: number;
  readonly repetitions: number;
  readonly batch: number;
  readonly ubatch: number;
  readonly keyType: CacheType;
  readonly valueType: CacheType;
  readonly flashAttention: (typeof flashAttentions)[number];
  /** 0: as many as the program's settings say. */
  readonly threads: number;
  readonly gpuLayers: number;
}

const flashAttentions = ['auto', 'off', 'on'] as const;

export const presetNames = ['quick', 'standard', 'long'] as const;
export type PresetName = (typeof presetNames)[number];

/** Values to be tried of some settings. */
export type Sweep = { readonly [K in keyof SpeedSettings]?: readonly SpeedSettings[K][] };

const standard: SpeedSettings = {
  // llama-bench's own: pp512, tg128, five repetitions.
  promptTokens: 512,
  newTokens: 128,
  context: 0,
  repetitions: 5,
  batch: 2048,
  ubatch: 512,
  keyType: 'F16',
  valueType: 'F16',
  flashAttention: 'auto',
  threads: 0,
  gpuLayers: 0,
};

/** Each preset's settings, and what it sweeps over by itself. */
const presets: Readonly<Record<PresetName, { readonly settings: SpeedSettings; readonly sweep: Sweep }>> = {
  quick: { settings: { ...standard, promptTokens: 128, newTokens: 32, repetitions: 3 }, sweep: {} },
  standard: { settings: standard, sweep: {} },
  long: { settings: { ...standard, repetitions: 3 }, sweep: { context: [0, 2048, 8192] } },
};

/** A run of more would not end in a day; it is a mistake of the sweep. */
const MOST_CELLS = 1000;

/** Longest context that a sweep may ask for: what it costs is known before, but memory is finite. */
const MOST_TOKENS = 1_048_576;

/** One measurement: a model under settings. */
export interface Cell<M> {
  readonly model: M;
  readonly settings: SpeedSettings;
}

/**
 * The cells of a run: every model under every combination of what is swept. A model's cells stand together, and settings change
 * the later the earlier they stand in the sweep.
 * @throws benchmark.tooManyCells
 */
export function planCells<M>(models: readonly M[], preset: PresetName, sweep: Sweep = {}): readonly Cell<M>[] {
  const { settings, sweep: own } = presets[preset];
  let combinations: readonly SpeedSettings[] = [settings];
  for (const [name, values] of Object.entries({ ...own, ...sweep }))
    combinations = combinations.flatMap((each) =>
      [...new Set<unknown>(values)].map((value): SpeedSettings => ({ ...each, [name]: value })),
    );
  const cells = models.length * combinations.length;
  if (cells > MOST_CELLS) throw new AppError('benchmark.tooManyCells', { cells, limit: MOST_CELLS });
  return models.flatMap((model) => combinations.map((each) => ({ model, settings: each })));
}

const whole = (least: number, most: number) => ({
  expected: `whole numbers from ${least} to ${most}`,
  read: (text: string): number | undefined =>
    /^\d{1,9}$/.test(text) && Number(text) >= least && Number(text) <= most ? Number(text) : undefined,
});
const oneOf = <T extends string>(names: readonly T[]) => ({
  expected: names.join(', '),
  read: (text: string): T | undefined => names.find((name) => name.toLowerCase() === text.toLowerCase()),
});

/** What can be swept, by the names of the command line. */
const dimensions: Readonly<
  Record<
    string,
    {
      readonly sets: readonly (keyof SpeedSettings)[];
      readonly value: { expected: string; read(text: string): number | string | undefined };
    }
  >
> = {
  context: { sets: ['context'], value: whole(0, MOST_TOKENS) },
  prompt: { sets: ['promptTokens'], value: whole(1, MOST_TOKENS) },
  new: { sets: ['newTokens'], value: whole(1, MOST_TOKENS) },
  batch: { sets: ['batch'], value: whole(1, 65_536) },
  ubatch: { sets: ['ubatch'], value: whole(1, 65_536) },
  threads: { sets: ['threads'], value: whole(1, 512) },
  'gpu-layers': { sets: ['gpuLayers'], value: whole(0, 1000) },
  'key-type': { sets: ['keyType'], value: oneOf(cacheTypes) },
  'value-type': { sets: ['valueType'], value: oneOf(cacheTypes) },
  'flash-attention': { sets: ['flashAttention'], value: oneOf(flashAttentions) },
};

/** A sweep such as `context=512,2048`, several of them together. @throws benchmark.badSweep */
export function parseSweep(texts: readonly string[]): Sweep {
  const sweep: Record<string, (number | string)[]> = {};
  for (const text of texts) {
    const [name = '', ...rest] = text.split('=');
    const dimension = Object.hasOwn(dimensions, name) ? dimensions[name] : undefined;
    const fail = (expected: string): AppError => new AppError('benchmark.badSweep', { sweep: excerpt(text), expected });
    if (dimension === undefined || rest.length !== 1) throw fail(`NAME=VALUE,… with one of ${Object.keys(dimensions).join(', ')}`);
    const values = (rest[0] ?? '').split(',').map((part) => {
      const value = dimension.value.read(part.trim());
      if (value === undefined) throw fail(dimension.value.expected);
      return value;
    });
    for (const setting of dimension.sets) sweep[setting] = values;
  }
  return sweep;
}
