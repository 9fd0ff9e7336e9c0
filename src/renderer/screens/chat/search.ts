/** A new chat may begin with a model that another screen chose. */
export interface ChatSearch {
  readonly model?: string;
  /** Beside its weights, at full strength. */
  readonly adapter?: string;
}

export function chatSearch(raw: Record<string, unknown>): ChatSearch {
  const [model, adapter] = [idOf(raw['model']), idOf(raw['adapter'])];
  return { ...(model === undefined ? {} : { model }), ...(adapter === undefined ? {} : { adapter }) };
}

const idOf = (value: unknown): string | undefined => (typeof value === 'string' || typeof value === 'number' ? String(value) : undefined);
