import type { QuantizeOptions, QuantizePlan } from '#contract/quantize.ts';

type Planned = QuantizePlan['tensors'][number];
type Override = QuantizeOptions['overrides'][number];

/** The same matrix of every layer: one strip of the map. */
interface MapRow {
  /** `attn_v`, `mlp.down_proj`. */
  readonly part: string;
  /** Finds this matrix in every layer. */
  readonly pattern: string;
  /** By layer, of experts the first; null where a layer has none. */
  readonly cells: readonly (Planned | null)[];
  /** How many of each type, the most frequent first. */
  readonly types: readonly (readonly [type: string, count: number])[];
  readonly sizeBytes: number;
}

export interface PlanMap {
  readonly layers: readonly number[];
  readonly rows: readonly MapRow[];
  /** Matrices outside of the layers: the embedding, the output. */
  readonly single: readonly Planned[];
  /** Vectors: norms and biases, which stay as they are. */
  readonly vectors: { readonly count: number; readonly sizeBytes: number };
  /** Types of the matrices by the bytes in them, the largest first. */
  readonly types: readonly { readonly type: string; readonly bits: number; readonly sizeBytes: number; readonly count: number }[];
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);

/** A pattern that finds this tensor alone. */
export const patternOf = (name: string): string => `^${escaped(name)}$`;

export const bitsPerWeight = ({ sizeBytes, shape }: Pick<Planned, 'sizeBytes' | 'shape'>): number =>
  (8 * sizeBytes) /
  Math.max(
    1,
    shape.reduce((product, side) => product * side, 1),
  );

/** A step of the colour scale: the whole bits of a weight, without its share of the scales. */
export const bitStep = (bits: number): 16 | 8 | 6 | 5 | 4 | 3 | 2 =>
  bits >= 12 ? 16 : bits >= 7 ? 8 : bits >= 6 ? 6 : bits >= 5 ? 5 : bits >= 3.95 ? 4 : bits >= 2.9 ? 3 : 2;

/** A plan as strips by layer, in the order of its tensors. */
export function planMap(tensors: readonly Planned[]): PlanMap {
  const matrices = tensors.filter(({ shape }) => shape.filter((side) => side > 1).length > 1);
  const layers = [...new Set(matrices.flatMap(({ layer }) => (layer === null ? [] : [layer])))].sort((left, right) => left - right);
  const column = new Map(layers.map((layer, index) => [layer, index]));
  const parts = new Map<string, { readonly cells: (Planned | null)[]; readonly all: Planned[] }>();
  for (const tensor of matrices) {
    if (tensor.layer === null) continue;
    const part = partOf(tensor.name, tensor.layer);
    const row = parts.get(part) ?? { cells: layers.map(() => null), all: [] };
    row.cells[column.get(tensor.layer) ?? 0] ??= tensor;
    row.all.push(tensor);
    parts.set(part, row);
  }
  const byType = new Map<string, { type: string; bits: number; sizeBytes: number; count: number }>();
  for (const tensor of matrices) {
    const entry = byType.get(tensor.to) ?? { type: tensor.to, bits: bitsPerWeight(tensor), sizeBytes: 0, count: 0 };
    byType.set(tensor.to, { ...entry, sizeBytes: entry.sizeBytes + tensor.sizeBytes, count: entry.count + 1 });
  }
  const vectors = tensors.filter((tensor) => !matrices.includes(tensor));
  return {
    layers,
    rows: [...parts].map(([part, { cells, all }]) => ({
      part: part.replace(/\.weight$/, ''),
      pattern: String.raw`\.\d+\.${escaped(part).replaceAll(String.raw`\*`, String.raw`\d+`)}$`,
      cells,
      types: countsOf(all.map(({ to }) => to)),
      sizeBytes: sum(all),
    })),
    single: matrices.filter(({ layer }) => layer === null),
    vectors: { count: vectors.length, sizeBytes: sum(vectors) },
    types: [...byType.values()].sort((left, right) => right.sizeBytes - left.sizeBytes),
  };
}

const sum = (tensors: readonly Planned[]): number => tensors.reduce((total, { sizeBytes }) => total + sizeBytes, 0);

/** The name without all up to its layer, the experts taken together: `blk.3.attn_v.weight` → `attn_v.weight`. */
function partOf(name: string, layer: number): string {
  const at = name.indexOf(`.${layer}.`);
  const part = at === -1 ? name : name.slice(at + `.${layer}.`.length);
  return part.replace(/\.\d+\./g, '.*.');
}

/** The end of a name, by which it is known: `self_attn.q_proj` → `q_proj`, `experts.*.w1` as it is. */
export const shortName = (name: string): string => {
  const whole = name.replace(/\.weight$/, '');
  return whole.includes('*') ? whole.slice(whole.lastIndexOf('.', whole.indexOf('*') - 2) + 1) : whole.slice(whole.lastIndexOf('.') + 1);
};

function countsOf(types: readonly string[]): [string, number][] {
  const counts = new Map<string, number>();
  for (const type of types) counts.set(type, (counts.get(type) ?? 0) + 1);
  return [...counts].sort(([, left], [, right]) => right - left);
}

/**
 * The overrides with one more, or without the one of a pattern. The first that is found decides, so what names one tensor
 * comes before what names many.
 * @param type null: as the recipe has it
 */
export function withOverride(overrides: readonly Override[], pattern: string, type: string | null): Override[] {
  const others = overrides.filter((override) => override.pattern !== pattern);
  if (type === null) return others;
  const isSingle = (override: Override): boolean => override.pattern.startsWith('^');
  const added = { pattern, type };
  return isSingle(added) ? [added, ...others] : [...others.filter(isSingle), added, ...others.filter((override) => !isSingle(override))];
}
