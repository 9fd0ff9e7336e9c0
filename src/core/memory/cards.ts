import { GiB } from '../bytes.ts';

/** A graphics card of the table, or one that was found in this computer. */
export interface Card {
  readonly name: string;
  readonly vendor: string;
  readonly capacityBytes: number;
  /** Bytes a second. */
  readonly bandwidth: number;
  /** It shares the processor's memory. */
  readonly unified: boolean;
}

/** What macOS lets the graphics processor take of unified memory unless told otherwise (`recommendedMaxWorkingSetSize`), at most. */
const UNIFIED_SHARE = 0.75;

/** What a model can have of a card's memory. */
export const usableBytes = ({ capacityBytes, unified }: Card): number => (unified ? UNIFIED_SHARE * capacityBytes : capacityBytes);

/** The cards of `resources/gpus.json`. Rows that are not what they should be are left out. */
export function readCards(table: unknown): readonly Card[] {
  const rows: unknown = typeof table === 'object' && table !== null && 'cards' in table ? table.cards : undefined;
  return Array.isArray(rows) ? rows.flatMap((row) => readCard(row) ?? []) : [];
}

function readCard(row: unknown): Card | undefined {
  if (typeof row !== 'object' || row === null) return undefined;
  const { name, vendor, capacityGiB, bandwidthGBps, unified } = row as Readonly<Record<string, unknown>>;
  if (typeof name !== 'string' || typeof vendor !== 'string' || !isPositive(capacityGiB) || !isPositive(bandwidthGBps)) return undefined;
  return { name, vendor, capacityBytes: capacityGiB * GiB, bandwidth: bandwidthGBps * 1e9, unified: unified === true };
}

const isPositive = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value) && value > 0;

/** The card of the table that a driver's name means: the longest name that it contains, whatever its case and spaces. */
export function findCard(cards: readonly Card[], driverName: string): Card | undefined {
  const plain = (text: string): string => text.toLowerCase().replace(/[^a-z0-9+]/g, '');
  const wanted = plain(driverName);
  const [best] = cards.filter(({ name }) => wanted.includes(plain(name))).toSorted((left, right) => right.name.length - left.name.length);
  return best;
}
