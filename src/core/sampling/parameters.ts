/** One number that shapes how the next token is chosen. */
export interface SamplingParameter {
  /** What the engine accepts, both ends included. */
  readonly min: number;
  readonly max: number;
  /** A new conversation's. */
  readonly standard: number;
  /** Where it does nothing; null where it always does something. */
  readonly off: number | null;
  /** What is worth trying. */
  readonly useful: readonly [from: number, to: number];
  readonly integer: boolean;
  /** As OpenAI's protocol names it, or the programs that extended it; null where none does. */
  readonly wireName: string | null;
}

const real = (
  min: number,
  max: number,
  standard: number,
  off: number | null,
  useful: readonly [number, number],
  wireName: string | null,
): SamplingParameter => ({ min, max, standard, off, useful, wireName, integer: false });
const whole = (...of: Parameters<typeof real>): SamplingParameter => ({ ...real(...of), integer: true });

/**
 * Every numeric sampling setting, in the order in which llama.cpp applies them. The command line, the server and the
 * screens read their ranges here. Typical sampling is not in it: node-llama-cpp 3.21 has none.
 */
export const SAMPLING_PARAMETERS = {
  /** No run of so many tokens is written twice (`no-repeat-ngram.ts`); of the prompt's as well. The end of an answer is never barred. */
  noRepeatNgram: whole(0, 64, 0, 0, [3, 6], 'no_repeat_ngram_size'),
  /** Divides the logit of a token that was seen within the window (CTRL, arXiv 1909.05858). */
  repeatPenalty: real(0.1, 5, 1, 1, [1.05, 1.3], 'repeat_penalty'),
  /** Tokens that the repeat, presence and frequency penalties look back on. */
  repeatLastN: whole(0, 8192, 64, 0, [64, 512], 'repeat_last_n'),
  /** Taken from the logit of every token within the window, once. */
  presencePenalty: real(-2, 2, 0, 0, [0.1, 1], 'presence_penalty'),
  /** Taken from the logit for each time that the token stands within the window. */
  frequencyPenalty: real(-2, 2, 0, 0, [0.1, 1], 'frequency_penalty'),
  /** DRY: a token that would lengthen a repetition loses strength · base^(length − allowed) (llama.cpp, `llama_sampler_init_dry`). */
  dryStrength: real(0, 5, 0, 0, [0.5, 1], 'dry_multiplier'),
  dryBase: real(1, 4, 1.75, null, [1.5, 2], 'dry_base'),
  /** Repetitions of up to this many tokens are free. */
  dryAllowedLength: whole(1, 64, 2, null, [2, 6], 'dry_allowed_length'),
  /** Only this many of the likeliest tokens remain. */
  topK: whole(0, 1_000_000, 40, 0, [20, 100], 'top_k'),
  /** The likeliest tokens that together reach this probability remain (nucleus sampling, arXiv 1904.09751). */
  topP: real(0, 1, 0.95, 1, [0.8, 0.98], 'top_p'),
  /** Tokens remain that have at least this share of the likeliest one's probability (arXiv 2407.01082). */
  minP: real(0, 1, 0.05, 0, [0.02, 0.1], 'min_p'),
  /** XTC: with this chance all tokens above the threshold but the least likely of them go. */
  xtcProbability: real(0, 1, 0, 0, [0.3, 0.6], 'xtc_probability'),
  /** Above one half only one token could be over it, and nothing would happen. */
  xtcThreshold: real(0, 0.5, 0.1, 0.5, [0.05, 0.2], 'xtc_threshold'),
  /** Divides all logits; at 0 the likeliest token is taken. */
  temperature: real(0, 5, 0.8, 1, [0.1, 1.2], 'temperature'),
  maxTokens: whole(1, 1_000_000, 1024, null, [64, 4096], 'max_tokens'),
} as const satisfies Record<string, SamplingParameter>;

export type SamplingParameterName = keyof typeof SAMPLING_PARAMETERS;

/** Stop strings: how many, and how long each. They are looked for in every token's text. */
export const MAX_STOP_STRINGS = 16;
export const MAX_STOP_LENGTH = 256;

/** Alternatives of a token that can be told. */
export const MAX_TOP_LOGPROBS = 20;
