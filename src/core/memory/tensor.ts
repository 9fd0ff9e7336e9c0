import { ggmlTypes, type GgmlTypeName } from '../gguf/types.ts';

/** Types of what a step computes, and of what it is given. */
export type TensorType = Extract<GgmlTypeName, 'F32' | 'F16' | 'I32' | 'I64'>;

/** ggml's operators, as far as steps have them. `UNARY` is any function of single numbers, `GLU` any gate. */
export type Operator =
  | 'NONE'
  | 'VIEW'
  | 'RESHAPE'
  | 'RMS_NORM'
  | 'NORM'
  | 'MUL'
  | 'ADD'
  | 'DIV'
  | 'SCALE'
  | 'MUL_MAT'
  | 'MUL_MAT_ID'
  | 'GET_ROWS'
  | 'SET_ROWS'
  | 'CPY'
  | 'CONT'
  | 'CONCAT'
  | 'ROPE'
  | 'SOFT_MAX'
  | 'FLASH_ATTN_EXT'
  | 'UNARY'
  | 'GLU'
  | 'SSM_CONV'
  | 'SSM_SCAN'
  | 'ARGSORT'
  | 'SUM_ROWS'
  | 'CLAMP';

/** Those that may write over an input: `ggml_op_can_inplace` in ggml-alloc.c. */
const inPlace: ReadonlySet<Operator> = new Set(['SCALE', 'ADD', 'MUL', 'DIV', 'UNARY', 'ROPE', 'RMS_NORM', 'SOFT_MAX', 'CLAMP']);

/** Those that compute nothing: another view of the same numbers. */
export const isView = ({ op }: Tensor): boolean => op === 'VIEW' || op === 'RESHAPE';

/** Sizes of four dimensions, the contiguous one first. */
export type Sizes = readonly [number, number, number, number];

/** Sizes with the ones that ggml adds. */
export const four = (sizes: readonly number[]): Sizes => [sizes[0] ?? 1, sizes[1] ?? 1, sizes[2] ?? 1, sizes[3] ?? 1];

export function contiguous(type: TensorType, [a, b, c]: Sizes): Sizes {
  const element = ggmlTypes[type].bytesPerBlock;
  return [element, element * a, element * a * b, element * a * b * c];
}

interface Description {
  readonly op: Operator;
  readonly type: TensorType;
  readonly sizes: Sizes;
  readonly inputs: readonly Tensor[];
  readonly role: Tensor['role'];
  readonly strides?: Sizes;
  readonly owner?: Tensor;
  /** Bytes of what is stored, and of what a view reaches over: default, those of its elements. */
  readonly bytes?: number;
}

/** A result, an input, something stored, or a view of one of these. */
export class Tensor {
  readonly op: Operator;
  readonly type: TensorType;
  readonly sizes: Sizes;
  /** Steps in bytes from one element to the next, in each dimension. */
  readonly strides: Sizes;
  /** Whose memory a view shows. */
  readonly owner: Tensor | null;
  readonly role: 'result' | 'input' | 'weight' | 'cache';
  /** From the first to the last: what a place for it, or a copy of it, takes. */
  readonly bytes: number;
  /** What is read. The scheduler puts copies in the place of what lies on another device. */
  inputs: Tensor[];
  /** What the program reads after the step is never given back. */
  isOutput = false;
  /** No graphics card is known to compute it. */
  needsProcessor = false;
  isVisited = false;
  /** Where it lies, or is computed: the number of a card, the processor behind the last one; -1: not decided. */
  device = -1;
  /** Users that are not computed yet, and views that are still used. */
  users = 0;
  views = 0;
  offset = 0;
  isPlaced = false;

  constructor({ op, type, sizes, inputs, role, strides, owner, bytes }: Description) {
    this.op = op;
    this.type = type;
    this.sizes = sizes;
    this.strides = strides ?? contiguous(type, sizes);
    this.inputs = [...inputs];
    this.role = role;
    this.owner = owner ?? null;
    const [a, b, c, d] = sizes;
    this.bytes = bytes ?? a * b * c * d * ggmlTypes[type].bytesPerBlock;
  }

  /** May write over an input of the same layout. */
  get canOverwrite(): boolean {
    return inPlace.has(this.op);
  }

  get isContiguous(): boolean {
    return contiguous(this.type, this.sizes).every((stride, index) => stride === this.strides[index]);
  }
}

export const sameLayout = (left: Tensor, right: Tensor): boolean =>
  left.type === right.type &&
  left.sizes.every((size, index) => size === right.sizes[index]) &&
  left.strides.every((stride, index) => stride === right.strides[index]);
