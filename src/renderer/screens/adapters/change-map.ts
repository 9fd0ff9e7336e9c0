/** Changes of weights as a map: a row for each matrix of a layer, a column for each layer. */
export interface WeightFigure {
  readonly weight: string;
  readonly layer: number | null;
  readonly value: number;
}

interface ChangeRow {
  /** `attn_q`, `self_attn.q_proj`. */
  readonly part: string;
  /** By layer; null where a layer is not changed. */
  readonly cells: readonly (WeightFigure | null)[];
}

export interface ChangeMap {
  readonly layers: readonly number[];
  readonly rows: readonly ChangeRow[];
  /** Weights outside of the layers. */
  readonly single: readonly WeightFigure[];
  readonly most: number;
}

/** The name behind the layer's number, without its ending. */
export function partOf({ weight, layer }: Pick<WeightFigure, 'weight' | 'layer'>): string {
  const mark = `.${layer}.`;
  const at = layer === null ? -1 : weight.indexOf(mark);
  return (at === -1 ? weight : weight.slice(at + mark.length)).replace(/\.weight$/, '');
}

export function changeMap(figures: readonly WeightFigure[]): ChangeMap {
  const layers = [...new Set(figures.flatMap(({ layer }) => (layer === null ? [] : [layer])))].sort((left, right) => left - right);
  const column = new Map(layers.map((layer, index) => [layer, index]));
  const rows = new Map<string, (WeightFigure | null)[]>();
  for (const figure of figures) {
    if (figure.layer === null) continue;
    const part = partOf(figure);
    const cells = rows.get(part) ?? layers.map(() => null);
    cells[column.get(figure.layer) ?? 0] = figure;
    rows.set(part, cells);
  }
  return {
    layers,
    rows: [...rows].map(([part, cells]) => ({ part, cells })),
    single: figures.filter(({ layer }) => layer === null),
    most: figures.reduce((most, { value }) => Math.max(most, value), 0),
  };
}
