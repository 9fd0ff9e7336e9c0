import type { MixName } from '#core/quantize/mixes.ts';
import type { TinyOptions } from '#test/fixtures.ts';

/** Rows of 256 and of 384: one that all types take, one that K-quants do not. */
export const llamaToolsModel: TinyOptions = { embeddingLength: 256, feedForwardLength: 384, headCount: 4, headCountKv: 2 };

/** Tokens of a window of text. */
export const llamaToolsWindow = 32;

export const mixesOfLlamaTools = ['Q4_0', 'Q8_0', 'Q4_K_M', 'Q2_K', 'IQ4_XS', 'IQ2_XS'] as const satisfies readonly MixName[];
