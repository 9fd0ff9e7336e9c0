import type { ValueSource } from '../convert/plan.ts';
import { elementCount } from '../element-count.ts';
import { AppError, type AppErrorData } from '../errors/index.ts';
import { excerpt } from '../excerpt.ts';
import { dimensionsToShape } from '../gguf/types.ts';
import type { HfSide, QuantizableModel } from '../quantize/model.ts';
import { adapterBase, type AdapterBase, type BaseTensor } from './base.ts';
import { MAX_RANK } from './combine.ts';
import { shapeText } from './peft.ts';

export interface ExtractOptions {
  /** Of each weight, at most. Default 32. */
  readonly rank?: number | undefined;
  /** Stop at the rank that holds this share of ‖ΔW‖², where it is below `rank`. Default 1: take all ranks. */
  readonly energy?: number | undefined;
  /** Of the randomised decomposition. Default 0. */
  readonly seed?: number | undefined;
  /** Leave out what GGUF has no place for: embeddings, norms and biases. */
  readonly linearOnly?: boolean | undefined;
}

const DEFAULT_RANK = 32;

/** A tensor of both models, in the same order of values. */
export interface TensorPair {
  readonly base: BaseTensor;
  readonly baseSource: ValueSource;
  readonly tunedSource: ValueSource;
  /** The values come as GGUF has them: rows of heads in pairs, norms plus one. */
  readonly isGguf: boolean;
}

/** A weight whose difference is approximated: as it comes, `[rows, columns]`. */
export interface ExtractedMatrix extends TensorPair {
  readonly kind: 'linear' | 'embedding';
  readonly rows: number;
  readonly columns: number;
}

export interface ExtractPlan {
  readonly base: AdapterBase;
  readonly options: { readonly rank: number; readonly energy: number; readonly seed: number };
  readonly matrices: readonly ExtractedMatrix[];
  /** Norms and biases, which are stored whole where they differ. */
  readonly vectors: readonly TensorPair[];
  /** Not looked for, and only told where they differ. */
  readonly leftOut: readonly TensorPair[];
}

const bad = (option: string, value: number, expected: string): AppError =>
  new AppError('adapters.badOption', { option, value: String(value), expected });

/**
 * What to compare to get an adapter out of a fine-tuned model. Two folders are compared as they are, anything else as GGUF shows it.
 * @throws adapters.badOption, .otherModel, .tiedHead; model.*, and why a folder cannot be seen as GGUF
 */
export function planExtraction(base: QuantizableModel, tuned: QuantizableModel, options: ExtractOptions): ExtractPlan {
  const { rank = DEFAULT_RANK, energy = 1, seed = 0, linearOnly = false } = options;
  if (!(Number.isSafeInteger(rank) && rank >= 1 && rank <= MAX_RANK)) throw bad('rank', rank, `a whole number from 1 to ${MAX_RANK}`);
  if (!(energy > 0 && energy <= 1)) throw bad('energy', energy, 'above 0 and at most 1');
  const described = adapterBase(base);
  const isBoth = base.folder !== undefined && tuned.folder !== undefined;
  const [before, after] = isBoth
    ? [folderSources(base.folder, described), folderSources(tuned.folder, adapterBase(tuned))]
    : [ggufSources(base), ggufSources(tuned)];
  const matrices: ExtractedMatrix[] = [];
  const vectors: TensorPair[] = [];
  for (const tensor of described.byHf.values()) {
    const name = isBoth ? tensor.hf : tensor.gguf;
    const [own, other] = [before.get(name), after.get(name)];
    if (own === undefined || other === undefined || own.shape.join() !== other.shape.join())
      throw new AppError('adapters.otherModel', {
        tensor: excerpt(tensor.hf),
        shape: own === undefined ? '–' : shapeText(own.shape),
        otherShape: other === undefined ? '–' : shapeText(other.shape),
      });
    const pair = { base: tensor, baseSource: own.source, tunedSource: other.source, isGguf: !isBoth };
    const [rows = 1, columns] = own.shape;
    if (columns === undefined) vectors.push(pair);
    else {
      const isTable = tensor.hf === described.embedding.input || tensor.gguf === 'position_embd.weight';
      matrices.push({ ...pair, kind: isTable ? 'embedding' : 'linear', rows, columns });
    }
  }
  const head = isBoth ? described.embedding.output : 'output.weight';
  if (described.tiedHead !== undefined && after.has(head)) throw new AppError('adapters.tiedHead', { tensor: head });
  const isLinear = ({ kind }: ExtractedMatrix): boolean => kind === 'linear';
  const shared = { base: described, options: { rank, energy, seed } };
  if (!linearOnly) return { ...shared, matrices, vectors, leftOut: [] };
  const leftOut = [...matrices.filter((matrix) => !isLinear(matrix)), ...vectors];
  return { ...shared, matrices: matrices.filter(isLinear), vectors: [], leftOut };
}

interface Found {
  readonly source: ValueSource;
  readonly shape: readonly number[];
}

/** Weights of a folder as `[outputs, inputs]`, also those of a Conv1D. */
function folderSources({ tensors }: HfSide, base: AdapterBase): ReadonlyMap<string, Found> {
  return new Map(
    tensors.flatMap(({ name, tensor }) => {
      const canonical = base.canonicalName(name);
      const described = canonical === null ? undefined : base.byHf.get(canonical);
      if (canonical === null || described === undefined) return [];
      const turns = described.isConv1d && tensor.packed === undefined && tensor.shape.length === 2;
      const source: ValueSource = {
        kind: 'stored',
        tensor,
        elements: elementCount(tensor.shape),
        shape: tensor.shape,
        transform: { kind: turns ? 'transpose' : 'none' },
      };
      return [[canonical, { source, shape: turns ? tensor.shape.toReversed() : tensor.shape }] as const];
    }),
  );
}

function ggufSources({ gguf }: QuantizableModel): ReadonlyMap<string, Found> {
  if ('code' in gguf) throw AppError.from(gguf satisfies AppErrorData);
  return new Map(gguf.tensors.map(({ name, source, dimensions }) => [name, { source, shape: dimensionsToShape(dimensions) }]));
}
