/** An answer in its two parts: what the model thought to itself first, and what it said. */
export interface ReasonedText {
  readonly reasoning: string;
  readonly answer: string;
  /** The thinking has not ended yet. */
  readonly isOpen: boolean;
}

/** The marks of DeepSeek-R1, Qwen 3 and those after them, and of others that chose longer names. */
const OPEN = /^\s*<(think|thinking|reasoning|thought)>/;
/** Templates may write the opening mark themselves: then an answer only has the closing one. */
const CLOSE = /<\/(think|thinking|reasoning|thought)>\s*/;

/** Part what a model thought from what it answered. Marks that come later in a text are words like any others. */
export function splitReasoning(text: string): ReasonedText {
  const open = OPEN.exec(text);
  const from = open === null ? 0 : open[0].length;
  const rest = text.slice(from);
  const close = open === null ? CLOSE.exec(text) : new RegExp(`</${open[1]}>\\s*`).exec(rest);
  if (close === null)
    return open === null ? { reasoning: '', answer: text, isOpen: false } : { reasoning: rest.trim(), answer: '', isOpen: true };
  // Within a code block it is an example.
  if (open === null && rest.slice(0, close.index).split('```').length % 2 === 0) return { reasoning: '', answer: text, isOpen: false };
  return { reasoning: rest.slice(0, close.index).trim(), answer: rest.slice(close.index + close[0].length), isOpen: false };
}
