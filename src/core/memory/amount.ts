/** Why an amount is a range. `exact`: it is none. */
export type AmountBasis = 'exact' | 'simulated' | 'guessedShape' | 'measuredElsewhere';

/** Bytes of one part. What is exact has `lowBytes` = `bytes` = `highBytes`. */
export interface Amount<Kind extends string> {
  readonly kind: Kind;
  readonly bytes: number;
  readonly lowBytes: number;
  readonly highBytes: number;
  readonly basis: AmountBasis;
}

/** Parts, and their sum. */
export interface Total<Kind extends string> {
  readonly amounts: readonly Amount<Kind>[];
  readonly totalBytes: number;
  readonly lowBytes: number;
  readonly highBytes: number;
}

export const exact = <K extends string>(kind: K, bytes: number): Amount<K> => ({
  kind,
  bytes,
  lowBytes: bytes,
  highBytes: bytes,
  basis: 'exact',
});

/** Between `low` and `high` times `bytes`. */
export const range = <K extends string>(kind: K, bytes: number, low: number, high: number, basis: AmountBasis): Amount<K> => ({
  kind,
  bytes,
  lowBytes: bytes * low,
  highBytes: bytes * high,
  basis,
});

/** The sum of all parts that there are. */
export function totalOf<K extends string>(all: readonly Amount<K>[]): Total<K> {
  const amounts = all.filter(({ bytes }) => bytes > 0);
  const sum = (of: (amount: Amount<K>) => number): number => amounts.reduce((total, amount) => total + of(amount), 0);
  return {
    amounts,
    totalBytes: sum(({ bytes }) => bytes),
    lowBytes: sum(({ lowBytes }) => lowBytes),
    highBytes: sum(({ highBytes }) => highBytes),
  };
}

/** Parts of the same kind in one. */
export function mergeAmounts<K extends string>(all: readonly Amount<K>[]): readonly Amount<K>[] {
  const merged = new Map<K, Amount<K>>();
  for (const amount of all) {
    const left = merged.get(amount.kind);
    if (left === undefined) merged.set(amount.kind, amount);
    else
      merged.set(amount.kind, {
        kind: amount.kind,
        bytes: left.bytes + amount.bytes,
        lowBytes: left.lowBytes + amount.lowBytes,
        highBytes: left.highBytes + amount.highBytes,
        basis: left.basis === 'exact' ? amount.basis : left.basis,
      });
  }
  return [...merged.values()];
}
