import { ggmlTypes } from '../gguf/types.ts';
import { contiguous, four, Tensor, type Operator, type Sizes, type TensorType } from './tensor.ts';

/**
 * A computation graph of which only the sizes matter: the operators that a step is made of, in the order in which they are
 * computed. `schedule.ts` says on which device each is, `allocate.ts` what memory they need.
 */
export class Graph {
  readonly nodes: Tensor[] = [];
  readonly inputs: Tensor[] = [];
  /** Where the weights and the caches of the layer lie that is being built: the number of a card, or of cards. */
  device = 0;
  /** Mean bytes of that layer's weights. */
  bytesPerWeight = 2;

  /** A value that is set before the step: positions, masks, tokens. */
  input(type: TensorType, ...sizes: readonly number[]): Tensor {
    return new Tensor({ op: 'NONE', type, sizes: four(sizes), inputs: [], role: 'input' });
  }

  /** A matrix of so many numbers. */
  matrix(count: number): Tensor {
    return this.#stored('weight', count * this.bytesPerWeight);
  }

  /** Weights that are kept in F32: norms, biases. */
  vector(count: number): Tensor {
    return this.#stored('weight', 4 * count);
  }

  /** A layer's cache or state, of so many bytes. */
  cache(bytes: number): Tensor {
    return this.#stored('cache', bytes);
  }

  #stored(role: 'weight' | 'cache', bytes: number): Tensor {
    const stored = new Tensor({ op: 'NONE', type: 'F32', sizes: four([]), inputs: [], role, bytes });
    stored.device = this.device;
    return stored;
  }

  /** A result of other sizes than its inputs. */
  result(op: Operator, sizes: readonly number[], ...inputs: readonly Tensor[]): Tensor {
    return new Tensor({ op, type: 'F32', sizes: four(sizes), inputs, role: 'result' });
  }

  /** A cache of F32 in half precision. */
  halved(source: Tensor): Tensor {
    return new Tensor({ op: 'CPY', type: 'F16', sizes: four([source.bytes / 4]), inputs: [source], role: 'result' });
  }

  /** The order in which numbers would be sorted. */
  order(sizes: readonly number[], ...inputs: readonly Tensor[]): Tensor {
    return new Tensor({ op: 'ARGSORT', type: 'I32', sizes: four(sizes), inputs, role: 'result' });
  }

  /** A result of the sizes of `source`, one behind the other. */
  change(op: Operator, source: Tensor, ...others: readonly Tensor[]): Tensor {
    return new Tensor({ op, type: source.type, sizes: source.sizes, inputs: [source, ...others], role: 'result' });
  }

  /** The same elements under other sizes. */
  reshape(source: Tensor, ...sizes: readonly number[]): Tensor {
    return view('RESHAPE', source, four(sizes), contiguous(source.type, four(sizes)), source.bytes);
  }

  /** The same elements, some of them, or the elements of a cache, one behind the other. */
  view(source: Tensor, ...sizes: readonly number[]): Tensor {
    const [a, b, c, d] = four(sizes);
    const bytes = sizes.length === 0 ? source.bytes : a * b * c * d * ggmlTypes[source.type].bytesPerBlock;
    return view('VIEW', source, [a, b, c, d], contiguous(source.type, [a, b, c, d]), bytes);
  }

  /** The same elements in another order, or a part from all over `source`: never contiguous. */
  part(source: Tensor, ...sizes: readonly number[]): Tensor {
    const all = four(sizes);
    const [a, b, c] = contiguous(source.type, all);
    // Any strides but the contiguous ones: what reads it may not take its place.
    return view('VIEW', source, all, [a, b + 1, c + 1, c + 1], source.bytes);
  }

  /** So many numbers of each row of `source`, which lie as far apart as its rows. */
  slice(source: Tensor, length: number, ...sizes: readonly number[]): Tensor {
    const all = four(sizes);
    const [row, ...others] = source.sizes;
    const rows = others.reduce((product, size) => product * size, 1);
    const element = ggmlTypes[source.type].bytesPerBlock;
    const [a, b] = contiguous(source.type, all);
    const isWhole = length === row;
    const strides: Sizes = isWhole ? contiguous(source.type, all) : [a, b, row * element, row * element * (all[2] ?? 1)];
    return view('VIEW', source, all, strides, element * ((rows - 1) * row + length));
  }

  /** Write into something stored. */
  store(op: Operator, source: Tensor, target: Tensor, ...others: readonly Tensor[]): Tensor {
    const owner = target.owner ?? target;
    return new Tensor({ op, type: target.type, sizes: target.sizes, inputs: [source, ...others, target], role: 'result', owner });
  }

  /** The product with a matrix of so many rows. */
  multiply(source: Tensor, rows: number): Tensor {
    const [length, b, c, d] = source.sizes;
    return this.result('MUL_MAT', [rows, b, c, d], this.matrix(length * rows), source);
  }

  /** Compute a tensor, and before it what it needs and is not computed yet, from left to right. */
  compute(tensor: Tensor): void {
    if (tensor.isVisited) return;
    tensor.isVisited = true;
    for (const input of tensor.inputs) this.compute(input);
    if (tensor.role === 'result') this.nodes.push(tensor);
    else if (tensor.role === 'input') this.inputs.push(tensor);
  }
}

const view = (op: 'VIEW' | 'RESHAPE', source: Tensor, sizes: Sizes, strides: Sizes, bytes: number): Tensor =>
  new Tensor({ op, type: source.type, sizes, strides, inputs: [source], role: 'result', owner: source.owner ?? source, bytes });
