/** What a piece of text comes to: what may be shown, and whether a stop string ended the text with it. */
export interface StopStep {
  readonly text: string;
  readonly stopped: boolean;
}

export interface StopFinder {
  push(text: string): StopStep;
  /** What was held back as the possible beginning of a stop string, when no more text comes. */
  rest(): string;
}

/**
 * Finds stop strings in a text that comes in pieces. A stop string and what follows it is never given out, wherever the
 * pieces were cut; what cannot become one any more is given out at once.
 */
export function stopFinder(strings: readonly string[]): StopFinder {
  const wanted = strings.filter((text) => text !== '');
  let held = '';
  return {
    push: (text) => {
      held += text;
      const found = wanted.map((stop) => held.indexOf(stop)).filter((at) => at >= 0);
      if (found.length > 0) {
        const out = held.slice(0, Math.min(...found));
        held = '';
        return { text: out, stopped: true };
      }
      const kept = Math.max(0, ...wanted.map((stop) => overlap(held, stop)));
      const out = held.slice(0, held.length - kept);
      held = held.slice(held.length - kept);
      return { text: out, stopped: false };
    },
    rest: () => {
      const out = held;
      held = '';
      return out;
    },
  };
}

/** Length of the longest end of a text that is the beginning of a stop string. */
function overlap(text: string, stop: string): number {
  for (let length = Math.min(text.length, stop.length - 1); length > 0; length -= 1)
    if (text.endsWith(stop.slice(0, length))) return length;
  return 0;
}
