/** Long enough for any real tensor name or key, short enough for one line of a message. */
const EXCERPT_LENGTH = 96;

/** Foreign text made fit for a message: short, one line, no control or direction characters. */
export function excerpt(text: string): string {
  const start = text.slice(0, EXCERPT_LENGTH).replace(/\p{C}/gu, '\uFFFD');
  return text.length > EXCERPT_LENGTH ? `${start}…` : start;
}
