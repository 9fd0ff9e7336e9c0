import { alignUp } from '../gguf/types.ts';
import { sameLayout, type Tensor } from './tensor.ts';

/**
 * Bytes of each device's buffer for results and inputs. llama.cpp reserves it by going through the graph of the largest step
 * once: each result gets a place when it is computed and gives it back after its last use, and some operators write over
 * their input (ggml-alloc.c). The same is done here, so the size is found and not fitted.
 * @param inputs what is set before the step
 * @param nodes in the order in which they are computed, each with its device
 * @param alignments of each device: where a result may begin
 */
export function bufferBytes(inputs: readonly Tensor[], nodes: readonly Tensor[], alignments: readonly number[]): readonly number[] {
  const places = alignments.map((alignment) => new Places(alignment));
  const give = (tensor: Tensor): void => places[tensor.device]?.give(tensor);
  for (const input of inputs) give(input);
  for (const node of nodes) {
    if (node.owner !== null && node.op !== 'NONE') node.owner.views += 1;
    for (const input of node.inputs) input.users += 1;
  }
  for (const node of nodes) {
    if (node.owner === null && !overwritten(node)) give(node);
    for (const input of node.inputs) leave(places, input);
  }
  return places.map(({ highest }) => highest);
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
function leave(places: readonly Places[], input: Tensor): void {
  input.users -= 1;
  if (input.users !== 0 || input.views !== 0) return;
  const { owner } = input;
  if (owner === null) {
    places[input.device]?.free(input);
    return;
  }
  owner.views -= 1;
  if (owner.views === 0 && owner.users === 0) places[owner.device]?.free(owner);
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
    for (const [index, block] of blocks.entries()) {
      if (block.offset + block.size === offset) {
        block.size += size;
        this.#join(index);
        return;
      }
      if (offset + size === block.offset) {
        block.offset = offset;
        block.size += size;
        this.#join(index - 1);
        return;
      }
    }
    const index = blocks.findIndex((block) => block.offset >= offset);
    blocks.splice(index === -1 ? blocks.length : index, 0, { offset, size });
  }

  /** One block of a block and the next, where they touch. */
  #join(index: number): void {
    const [block, next] = [this.#blocks[index], this.#blocks[index + 1]];
    if (block === undefined || next === undefined || block.offset + block.size !== next.offset) return;
    block.size += next.size;
    this.#blocks.splice(index + 1, 1);
  }
}
