/**
 * Every how many layers one sees the whole context, where the file does not say it: `set_swa_pattern` in llama.cpp's
 * src/models. `first`: that one comes first of its group, else last.
 */
const periods: Readonly<Record<string, { readonly period: number; readonly first?: boolean }>> = {
  gemma2: { period: 2 },
  gemma3: { period: 6 },
  gemma3n: { period: 5 },
  cohere2: { period: 4 },
  'gpt-oss': { period: 2 },
  olmo2: { period: 4 },
  exaone4: { period: 4 },
  smallthinker: { period: 4, first: true },
  llama4: { period: 4 },
};

/** Architectures whose file may name a window that llama.cpp does not heed: their caches hold the whole context. */
const ignored: ReadonlySet<string> = new Set([
  'llama',
  'phi3',
  'qwen2',
  'qwen3',
  'qwen2moe',
  'qwen3moe',
  'smollm3',
  'stablelm',
  'starcoder2',
]);

/** Tokens in a chunk of llama4's chunked attention, and in gemma2's window where the file is silent (src/models). */
const fixedWindows: Readonly<Record<string, number>> = { llama4: 8192, gemma2: 4096, smallthinker: 4096 };

export interface WindowPattern {
  readonly window: number | null;
  /** Whether layer `index` looks back over the window alone. */
  readonly isWindowed: (index: number) => boolean;
  /** The file names a window, and it is not known which layers heed it. */
  readonly guessed: boolean;
}

/**
 * Which layers have a sliding window.
 * @param window what the file says, if anything
 * @param stated the file's own pattern: a period, or one truth value for each layer
 */
export function windowPattern(
  architecture: string | null,
  window: number | undefined,
  stated?: number | readonly boolean[],
): WindowPattern {
  const none: WindowPattern = { window: null, isWindowed: () => false, guessed: false };
  const known = architecture === null ? undefined : periods[architecture];
  const length = (architecture === null ? undefined : fixedWindows[architecture]) ?? window;
  // Llama 4 without the key has chunks, gemma 2 a window of 4096: the others have none unless the file says so.
  if (length === undefined || (window === undefined && architecture !== 'gemma2' && architecture !== 'llama4')) return none;
  if (architecture !== null && ignored.has(architecture)) return none;
  if (typeof stated === 'object') return { window: length, isWindowed: (index) => stated[index] ?? false, guessed: false };
  const period = stated ?? known?.period;
  // Counting all layers as full errs on the safe side.
  if (period === undefined || period < 1) return { ...none, guessed: true };
  const whole = known?.first === true ? 0 : period - 1;
  return { window: length, isWindowed: (index) => index % period !== whole, guessed: false };
}
