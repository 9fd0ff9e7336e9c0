/** Long enough for any real tensor name or key, short enough for one line of a message. */
const EXCERPT_LENGTH = 96;

/** Foreign text made fit for a message: short, one line, no control or direction characters. */
export function excerpt(text: string, length = EXCERPT_LENGTH): string {
  const start = text.slice(0, length).replace(/\p{C}/gu, '\uFFFD');
  return text.length > length ? `${start}…` : start;
}

/** Deeper than any setting of a model, and far above what the stack takes to go through. */
export const MAX_JSON_DEPTH = 64;

/**
 * Whether a foreign value is nested deeper than `limit`. JSON can be read at any depth, but neither `JSON.stringify` nor anything that
 * calls itself for each level ends well with all of it.
 */
export function isNestedDeeper(value: unknown, limit = MAX_JSON_DEPTH): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return limit === 0 || Object.values(value).some((entry) => isNestedDeeper(entry, limit - 1));
}

/** A foreign value as JSON, as it is put into a message. */
export function excerptOfJson(value: unknown): string {
  return excerpt(isNestedDeeper(value) ? 'a list in lists without end' : (JSON.stringify(value) ?? 'nothing'));
}
