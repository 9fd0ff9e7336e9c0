/** The model that is asked about, kept in the address; none: one known only by its size. */
export interface MemorySearch {
  readonly model?: string;
}

export function memorySearch(raw: Record<string, unknown>): MemorySearch {
  const model = raw['model'];
  return (typeof model === 'string' && model !== '') || typeof model === 'number' ? { model: String(model) } : {};
}
