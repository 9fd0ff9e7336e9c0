import type { Row } from './results.ts';

/** What a table of results can show of a target, in this order: what the chart shows comes first. */
export const COLUMNS = ['answer', 'kl', 'memory', 'prompt', 'firstToken', 'topOne', 'perplexity', 'questions', 'load', 'energy'] as const;
export type Column = (typeof COLUMNS)[number];

export interface Order {
  readonly column: Column;
  readonly isDown: boolean;
}

/** The number that a column sorts by; null: not measured. */
export function valueOf({ speed, quality, questions, memoryBytes }: Row, column: Column): number | null {
  const one = speed?.result;
  switch (column) {
    case 'answer':
      return one?.newPerSecond?.median ?? null;
    case 'prompt':
      return one?.promptPerSecond?.median ?? null;
    case 'firstToken':
      return one?.firstTokenMs?.median ?? null;
    case 'memory':
      return memoryBytes;
    case 'load':
      return one?.loadMs ?? null;
    case 'energy':
      return one?.joulesPerToken ?? null;
    case 'kl':
      return quality?.result?.against?.meanKl ?? null;
    case 'topOne':
      return quality?.result?.against?.topOneAgreement ?? null;
    case 'perplexity':
      return quality?.result?.perplexity ?? null;
    case 'questions': {
      const kinds = [questions?.result?.cloze, questions?.result?.choice].flatMap((share) => (share == null ? [] : [share]));
      const count = kinds.reduce((sum, share) => sum + share.count, 0);
      return count === 0 ? null : kinds.reduce((sum, share) => sum + share.right, 0) / count;
    }
  }
}

/** Rows by a column, those that were not measured last either way; as they are without an order. */
export function sorted(rows: readonly Row[], order: Order | undefined): readonly Row[] {
  if (order === undefined) return rows;
  return rows.toSorted((left, right) => {
    const [one, other] = [valueOf(left, order.column), valueOf(right, order.column)];
    if (one === null || other === null) return Number(one === null) - Number(other === null);
    return order.isDown ? other - one : one - other;
  });
}
