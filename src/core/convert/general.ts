import type { MetadataEntry } from '../architectures/architecture.ts';
import { f32, text } from '../architectures/metadata.ts';
import { i32 } from '../gguf/values.ts';
import { asNumber, asText, isConfig } from '../model/config.ts';

/** An i32 in the file. */
const MAX_TOP_K = 2 ** 31 - 1;

/** What a model file says about itself beside its architecture. */
export interface GeneralFacts {
  readonly name: string;
  readonly licence?: string | undefined;
  /** Parsed generation_config.json: the maker's sampling settings, which llama.cpp's programs use as defaults. */
  readonly generationConfig?: unknown;
  readonly parameterCount: number;
}

/** The `general.*` entries, in the order in which llama.cpp's converter writes them (`gguf-py/gguf/metadata.py`). */
export function generalMetadata(architecture: string, facts: GeneralFacts): MetadataEntry[] {
  const licence = asText(facts.licence);
  return [
    text('general.architecture', architecture),
    text('general.type', 'model'),
    ...samplingMetadata(facts.generationConfig),
    text('general.name', facts.name),
    text('general.size_label', sizeLabel(facts.parameterCount)),
    ...(licence === undefined ? [] : [text('general.license', licence)]),
  ];
}

/** Tokens that llama.cpp asks for by name, and dies without, in a model that calls itself Phi-3 (llama-vocab.cpp, `_set_token_attr`). */
const phi3Tokens = ['</s>', '<unk>', '<s>', '<|endoftext|>'];

/** The name, with a space in "Phi-3" where that word would make llama.cpp refuse a vocabulary that is not Phi-3's. */
export const loadableName = (name: string, tokens: readonly string[]): string =>
  /phi-?3/i.test(name) && !phi3Tokens.every((token) => tokens.includes(token)) ? name.replaceAll(/(phi)-?3/gi, '$1 3') : name;

/** A setting that is absent or not a usable number is left out: llama.cpp then takes its own. */
function samplingMetadata(generationConfig: unknown): MetadataEntry[] {
  if (!isConfig(generationConfig)) return [];
  const entries: MetadataEntry[] = [];
  const topK = asNumber(generationConfig['top_k']);
  if (topK !== undefined && Number.isInteger(topK) && topK >= 0 && topK <= MAX_TOP_K) entries.push(['general.sampling.top_k', i32(topK)]);
  for (const [field, key] of [
    ['top_p', 'top_p'],
    ['min_p', 'min_p'],
    ['temperature', 'temp'],
    ['repetition_penalty', 'penalty_repeat'],
  ] as const) {
    const value = asNumber(generationConfig[field]);
    if (value !== undefined && value >= 0 && Number.isFinite(Math.fround(value))) entries.push(f32(`general.sampling.${key}`, value));
  }
  return entries;
}

/** Parameters as people say them, at least two digits: 656K, 1.2B, 13B. The rounding is that of gguf-py's `size_label`. */
export function sizeLabel(parameterCount: number): string {
  const [scaled, suffix] =
    parameterCount > 1e12
      ? [parameterCount * 1e-12, 'T']
      : parameterCount > 1e9
        ? [parameterCount * 1e-9, 'B']
        : parameterCount > 1e6
          ? [parameterCount * 1e-6, 'M']
          : [parameterCount * 1e-3, 'K'];
  const wholeDigits = roundHalfEven(scaled, 0).replace(/^0+/, '').length;
  return `${roundHalfEven(scaled, Math.max(2 - wholeDigits, 0))}${suffix}`;
}

/** Python's rounding of an exact half goes to the even digit, JavaScript's goes up. */
function roundHalfEven(value: number, digits: number): string {
  // A double in this range ends within 60 decimal places.
  const exact = value.toFixed(60);
  const cut = exact.length - 60 + digits;
  if (!/^50*$/.test(exact.slice(cut))) return value.toFixed(digits);
  const down = exact.slice(0, digits === 0 ? cut - 1 : cut);
  return Number(down.at(-1)) % 2 === 0 ? down : value.toFixed(digits);
}
