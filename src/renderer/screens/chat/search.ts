/** A new chat may begin with a model that another screen chose. */
export interface ChatSearch {
  readonly model?: string;
}

export function chatSearch(raw: Record<string, unknown>): ChatSearch {
  const model = raw['model'];
  return typeof model === 'string' || typeof model === 'number' ? { model: String(model) } : {};
}
