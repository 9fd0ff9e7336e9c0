/** What is to be made of which adapters, kept in the address so that it survives a reload. */
export const MODES = ['merge', 'combine', 'extract', 'convert'] as const;
export type Mode = (typeof MODES)[number];

export interface AdaptersSearch {
  readonly mode?: Mode;
  /** The chosen adapters with their strengths: `id:0.5,id`. */
  readonly use?: string;
  readonly base?: string;
  /** Of an extraction: the model that was trained further. */
  readonly tuned?: string;
}

export interface Use {
  readonly adapterId: string;
  readonly scale: number;
}

const text = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : typeof value === 'number' ? String(value) : undefined;

export function adaptersSearch(raw: Record<string, unknown>): AdaptersSearch {
  const mode = MODES.find((one) => one === raw['mode']);
  const [use, base, tuned] = [text(raw['use']), text(raw['base']), text(raw['tuned'])];
  return {
    ...(mode === undefined || mode === 'merge' ? {} : { mode }),
    ...(use === undefined ? {} : { use }),
    ...(base === undefined ? {} : { base }),
    ...(tuned === undefined ? {} : { tuned }),
  };
}

/** The farthest that a strength can be typed; the slider takes the useful part. */
export const MOST_SCALE = 100;

export function usesOf(use: string | undefined): readonly Use[] {
  const found = new Map<string, number>();
  for (const part of use?.split(',') ?? []) {
    const [adapterId = '', typed] = part.split(':');
    const scale = typed === undefined ? 1 : Number(typed);
    if (adapterId !== '' && Number.isFinite(scale) && Math.abs(scale) <= MOST_SCALE) found.set(adapterId, scale);
  }
  return [...found].map(([adapterId, scale]) => ({ adapterId, scale }));
}

export const writeUses = (uses: readonly Use[]): string | undefined =>
  uses.length === 0 ? undefined : uses.map(({ adapterId, scale }) => (scale === 1 ? adapterId : `${adapterId}:${scale}`)).join(',');
