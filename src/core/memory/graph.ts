import { alignUp, ggmlTypes, type GgmlTypeName } from '../gguf/types.ts';

/**
 * A computation graph of which only the sizes matter. llama.cpp reserves its compute buffer by going through the graph of
 * the largest step once: each result gets a place when it is computed and gives it back after its last use, and some
 * operators write over their input (ggml-alloc.c). The same is done here, so the size is found and not fitted.
 */
type Type = Extract<GgmlTypeName, 'F32' | 'F16' | 'I32' | 'I64'>;

/** Sizes of four dimensions, the contiguous one first. */
type Sizes = readonly [number, number, number, number];

/** A result, an input, or a view of one. */
export class Tensor {
  readonly type: Type;
  readonly sizes: Sizes;
  /** Steps in bytes from one element to the next, in each dimension. */
  readonly strides: Sizes;
  readonly inputs: readonly Tensor[];
  /** Whose memory a view shows. */
  readonly owner: Tensor | null;
  readonly role: 'result' | 'input' | 'stored';
  /** An operator that may write over an input of the same layout. */
  readonly canOverwrite: boolean;
  /** What the program reads after the step is never given back. */
  isOutput = false;
  /** A copy of what lies elsewhere, made when it is needed. */
  isCopy = false;
  isVisited = false;
  /** Users that are not computed yet, and views that are still used. */
  users = 0;
  views = 0;
  offset = 0;
  isPlaced = false;

  constructor(
    description: Pick<Tensor, 'type' | 'sizes' | 'inputs' | 'role'> & Partial<Pick<Tensor, 'owner' | 'canOverwrite'>> & { strides?: Sizes },
  ) {
    this.type = description.type;
    this.sizes = description.sizes;
    this.strides = description.strides ?? contiguous(description.type, description.sizes);
    this.inputs = description.inputs;
    this.role = description.role;
    this.owner = description.owner ?? null;
    this.canOverwrite = description.canOverwrite ?? false;
  }

  get isContiguous(): boolean {
    return contiguous(this.type, this.sizes).every((stride, index) => stride === this.strides[index]);
  }

  get bytes(): number {
    const [a, b, c, d] = this.sizes;
    return a * b * c * d * ggmlTypes[this.type].bytesPerBlock;
  }
}

function contiguous(type: Type, [a, b, c]: Sizes): Sizes {
  const element = ggmlTypes[type].bytesPerBlock;
  return [element, element * a, element * a * b, element * a * b * c];
}

const sameLayout = (left: Tensor, right: Tensor): boolean =>
  left.type === right.type &&
  left.sizes.every((size, index) => size === right.sizes[index]) &&
  left.strides.every((stride, index) => stride === right.strides[index]);

/** Sizes with the ones that ggml adds. */
const four = (sizes: readonly number[]): Sizes => [sizes[0] ?? 1, sizes[1] ?? 1, sizes[2] ?? 1, sizes[3] ?? 1];

/** The operators that step graphs are made of, and the order in which they are computed. */
export class Graph {
  readonly #nodes: Tensor[] = [];
  readonly #leaves: Tensor[] = [];
  readonly #isCard: boolean;
  /**
   * Bytes of a weight of the layer that is being built, where its weights and its cache lie in the computer's memory and a
   * card computes with copies of them; null: they lie with the device.
   */
  elsewhere: number | null = null;

  /** @param device a card gets copies of what the processor was given, when it first needs them. */
  constructor(device: 'processor' | 'card' = 'processor') {
    this.#isCard = device === 'card';
  }

  /** A value that is set before the step: positions, masks, tokens. */
  input(type: Type, ...sizes: readonly number[]): Tensor {
    return new Tensor({ type, sizes: four(sizes), inputs: [], role: this.#isCard ? 'result' : 'input' });
  }

  /** A matrix of so many numbers, or a copy of it. */
  weight(count: number): Tensor {
    return this.elsewhere === null ? this.stored() : this.#copy(count * this.elsewhere);
  }

  /** A cache of these sizes and bytes, or a copy of it. */
  cache(bytes: number, ...sizes: readonly number[]): Tensor {
    return this.elsewhere === null ? this.stored(...sizes) : this.#copy(bytes);
  }

  #copy(bytes: number): Tensor {
    const copy = new Tensor({ type: 'I32', sizes: [Math.ceil(bytes / 4), 1, 1, 1], inputs: [], role: 'result' });
    copy.isCopy = true;
    return copy;
  }

  /** Small weights and caches that are written, which have memory of their own. */
  stored(...sizes: readonly number[]): Tensor {
    return new Tensor({ type: 'F32', sizes: four(sizes), inputs: [], role: 'stored' });
  }

  /** A result with memory of its own. */
  result(sizes: readonly number[], ...inputs: readonly Tensor[]): Tensor {
    return new Tensor({ type: 'F32', sizes: four(sizes), inputs, role: 'result' });
  }

  /** A copy in half precision. */
  halved(source: Tensor): Tensor {
    return new Tensor({ type: 'F16', sizes: source.sizes, inputs: [source], role: 'result' });
  }

  integers(sizes: readonly number[], ...inputs: readonly Tensor[]): Tensor {
    return new Tensor({ type: 'I32', sizes: four(sizes), inputs, role: 'result' });
  }

  /** An operator whose result has the layout of `source` made contiguous, and may take its place: norms, sums, products, RoPE. */
  change(source: Tensor, ...others: readonly Tensor[]): Tensor {
    return new Tensor({ type: source.type, sizes: source.sizes, inputs: [source, ...others], role: 'result', canOverwrite: true });
  }

  /** The same elements under other sizes. */
  reshape(source: Tensor, ...sizes: readonly number[]): Tensor {
    return this.#view(source, four(sizes), contiguous(source.type, four(sizes)));
  }

  /** A part of another tensor, or the same elements in another order: never contiguous. */
  part(source: Tensor, ...sizes: readonly number[]): Tensor {
    const [a, b, c] = contiguous(source.type, four(sizes));
    // Any strides but the contiguous ones: what reads it may not take its place.
    return this.#view(source, four(sizes), [a, b + 1, c + 1, c + 1]);
  }

  /** Write into a stored tensor. */
  store(source: Tensor, target: Tensor, ...others: readonly Tensor[]): Tensor {
    return new Tensor({ type: target.type, sizes: target.sizes, inputs: [source, ...others, target], role: 'result', owner: target });
  }

  /** The product with a matrix of so many rows. */
  multiply(source: Tensor, rows: number): Tensor {
    const [length, b, c, d] = source.sizes;
    return this.result([rows, b, c, d], this.weight(length * rows), source);
  }

  #view(source: Tensor, sizes: Sizes, strides: Sizes): Tensor {
    return new Tensor({ type: source.type, sizes, strides, inputs: [source], role: 'result', owner: source.owner ?? source });
  }

  /** Compute a tensor, and before it what it needs and is not computed yet, from left to right. */
  compute(tensor: Tensor): void {
    if (tensor.isVisited) return;
    tensor.isVisited = true;
    for (const input of tensor.inputs) if (!input.isCopy) this.compute(input);
    for (const input of tensor.inputs) if (input.isCopy) this.compute(input);
    (tensor.role === 'result' ? this.#nodes : this.#leaves).push(tensor);
  }

  /** Bytes of the buffer that holds all results and inputs of the step. */
  bufferBytes(alignment: number): number {
    const places = new Places(alignment);
    for (const leaf of this.#leaves) if (leaf.role === 'input') places.give(leaf);
    for (const node of this.#nodes) {
      if (node.owner !== null) node.owner.views += 1;
      for (const input of node.inputs) input.users += 1;
    }
    for (const node of this.#nodes) {
      if (node.owner === null && !overwritten(node)) places.give(node);
      for (const input of node.inputs) leave(places, input);
    }
    return places.highest;
  }

  /** How many operators the step has. */
  get size(): number {
    return this.#nodes.length;
  }
}

/** Let a result take the place of an input that nothing else reads. ggml leaves views alone. */
function overwritten(node: Tensor): boolean {
  if (!node.canOverwrite) return false;
  for (const input of node.inputs) {
    if (!input.isPlaced || input.isOutput || input.users !== 1 || input.views !== 0 || !sameLayout(node, input)) continue;
    node.offset = input.offset;
    node.isPlaced = true;
    input.isPlaced = false;
    return true;
  }
  return false;
}

/** One use less; the last one frees what is no output. */
function leave(places: Places, input: Tensor): void {
  input.users -= 1;
  if (input.users !== 0 || input.views !== 0) return;
  if (input.owner === null) {
    places.free(input);
    return;
  }
  input.owner.views -= 1;
  if (input.owner.views === 0 && input.owner.users === 0) places.free(input.owner);
}

interface Block {
  offset: number;
  size: number;
}

/** Free blocks by address. The smallest one that fits is taken, the endless one at the end only if there is no other. */
class Places {
  readonly #alignment: number;
  readonly #blocks: Block[] = [{ offset: 0, size: Number.POSITIVE_INFINITY }];
  highest = 0;

  constructor(alignment: number) {
    this.#alignment = alignment;
  }

  give(tensor: Tensor): void {
    if (tensor.isPlaced) return;
    const size = alignUp(tensor.bytes, this.#alignment);
    let best = this.#blocks.length - 1;
    let bestSize = Number.POSITIVE_INFINITY;
    for (let index = 0; index < this.#blocks.length - 1; index += 1) {
      const free = this.#blocks[index]?.size ?? 0;
      if (free >= size && free <= bestSize) [best, bestSize] = [index, free];
    }
    const block = this.#blocks[best];
    if (block === undefined) return;
    tensor.offset = block.offset;
    tensor.isPlaced = true;
    block.offset += size;
    block.size -= size;
    if (block.size === 0) this.#blocks.splice(best, 1);
    this.highest = Math.max(this.highest, tensor.offset + size);
  }

  free(tensor: Tensor): void {
    if (!tensor.isPlaced || tensor.isOutput) return;
    tensor.isPlaced = false;
    this.#release(tensor.offset, alignUp(tensor.bytes, this.#alignment));
  }

  #release(offset: number, size: number): void {
    const blocks = this.#blocks;
    let index = blocks.findIndex((block) => block.offset > offset);
    if (index === -1) index = blocks.length;
    const before = blocks[index - 1];
    const after = blocks[index];
    const touchesBefore = before !== undefined && before.offset + before.size === offset;
    const touchesAfter = after !== undefined && offset + size === after.offset;
    if (touchesBefore && touchesAfter) {
      before.size += size + after.size;
      blocks.splice(index, 1);
    } else if (touchesBefore) before.size += size;
    else if (touchesAfter) {
      after.offset = offset;
      after.size += size;
    } else blocks.splice(index, 0, { offset, size });
  }
}
