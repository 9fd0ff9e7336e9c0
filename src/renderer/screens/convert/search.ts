/** What is to be made of what, kept in the address so that it survives a reload. */
export interface ConvertSearch {
  readonly model?: string;
  /** The chosen targets, separated by commas. */
  readonly to?: string;
}

const text = (value: unknown): string | undefined => (typeof value === 'string' || typeof value === 'number' ? String(value) : undefined);

export function convertSearch(raw: Record<string, unknown>): ConvertSearch {
  const model = text(raw['model']);
  const to = text(raw['to']);
  return { ...(model === undefined || model === '' ? {} : { model }), ...(to === undefined || to === '' ? {} : { to }) };
}

export const targetsOf = ({ to }: ConvertSearch): readonly string[] => [...new Set(to?.split(',').filter((target) => target !== '') ?? [])];
