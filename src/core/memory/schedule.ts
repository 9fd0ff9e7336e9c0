import { isView, Tensor } from './tensor.ts';

/** An operator of fewer rows is computed where its weights are (`GGML_OP_OFFLOAD_MIN_BATCH` of the cards' libraries). */
const OFFLOAD_ROWS = 32;

/** Nodes that a device computes at one go. */
interface Split {
  readonly device: number;
  readonly first: number;
  end: number;
  /** What lies elsewhere, and is copied before the split begins, with its copy. */
  readonly copied: (readonly [Tensor, Tensor])[];
}

/**
 * Give each node its device and put copies between devices, as `ggml_backend_sched_split_graph` does it (ggml-backend.cpp, whose
 * passes are numbered in the comments). The device of a card is its number, that of the processor the number of cards.
 * @param nodes in the order of the graph; what they read is changed to copies
 * @param reorder how a card orders what it computes at one go
 * @returns the nodes in the order in which they are computed; beside them copies, and views that say when a source is read
 */
export function schedule(
  inputs: readonly Tensor[],
  nodes: readonly Tensor[],
  cards: number,
  reorder: (nodes: readonly Tensor[]) => readonly Tensor[],
): readonly Tensor[] {
  for (const input of inputs) input.device = cards;
  if (cards === 0) {
    for (const node of nodes) node.device = 0;
    return nodes;
  }
  assignByBuffers(nodes, cards);
  spread(nodes, cards);
  assignRest(nodes, cards);
  return splitsOf(nodes, cards).flatMap(({ device, first, end, copied }) => {
    const own = nodes.slice(first, end);
    return [...copied.flatMap(([source, copy]) => [readingOf(source), copy]), ...(device === cards ? own : reorder(own))];
  });
}

const isStored = ({ role }: Tensor): boolean => role === 'weight' || role === 'cache';

const supports = ({ needsProcessor }: Tensor, device: number, cards: number): boolean => device === cards || !needsProcessor;

/** Pass 1: what writes to a cache is computed where it lies, what reads weights where they lie, or by the first card if it is much. */
function assignByBuffers(nodes: readonly Tensor[], cards: number): void {
  for (const node of nodes) {
    if (node.owner !== null && isStored(node.owner)) {
      node.device = node.owner.device;
      continue;
    }
    if (node.op === 'ROPE' || node.op === 'FLASH_ATTN_EXT') continue;
    const weight = node.inputs.find(({ role }) => role === 'weight');
    if (weight === undefined || !supports(node, weight.device, cards)) continue;
    const isOffloaded = weight.device === cards && supports(node, 0, cards) && rowsOf(node) >= OFFLOAD_ROWS;
    node.device = isOffloaded ? 0 : weight.device;
  }
}

/** What counts for offloading: `ggml_backend_vk_device_offload_op` and its likes. */
function rowsOf({ op, sizes: [, b, c, d] }: Tensor): number {
  if (op === 'GET_ROWS') return 0;
  if (op === 'MUL_MAT') return b;
  return op === 'MUL_MAT_ID' || op === 'ROPE' ? c : b * c * d;
}

/** Pass 2: neighbours take the same device, the cards' first. */
function spread(nodes: readonly Tensor[], cards: number): void {
  const computing = nodes.filter((node) => !isView(node));
  const backwards = computing.toReversed();
  for (const isCardsOnly of [true, false])
    for (const order of [computing, backwards]) {
      let device = -1;
      for (const node of order) {
        if (node.device !== -1) device = isCardsOnly && node.device === cards ? -1 : node.device;
        else if (device !== -1 && supports(node, device, cards)) node.device = device;
      }
    }
}

/** Where something lies or is computed; a view where its owner is. */
const deviceOf = ({ owner, device }: Tensor): number => (owner === null ? device : owner.device);

/** Passes 3 and 4: what no neighbour could take goes to where most of what it reads is; views follow their owners. */
function assignRest(nodes: readonly Tensor[], cards: number): void {
  for (const node of nodes) {
    if (node.device !== -1 || isView(node)) continue;
    let most = -1;
    for (let device = 0; device <= cards; device += 1) {
      if (!supports(node, device, cards)) continue;
      const count = node.inputs.filter((input) => deviceOf(input) === device).length;
      if (count > most) [most, node.device] = [count, device];
    }
  }
  for (const node of nodes) if (node.device === -1) node.device = deviceOf(node);
}

/** Pass 5: a split ends where the device changes, and before other weights that have to be copied, so that the last ones can go. */
function splitsOf(nodes: readonly Tensor[], cards: number): readonly Split[] {
  const splits: Split[] = [];
  const copies = Array.from({ length: cards + 1 }, () => new Map<Tensor, Tensor>());
  for (const [index, node] of nodes.entries()) {
    if (isView(node)) continue;
    const { device } = node;
    let split = splits.at(-1);
    const isNew =
      split === undefined ||
      split.device !== device ||
      (split.copied.length > 0 && node.inputs.some((input) => input.role === 'weight' && input.device !== device));
    if (split === undefined || isNew) {
      if (split !== undefined) split.end = index;
      split = { device, first: split === undefined ? 0 : index, end: nodes.length, copied: [] };
      splits.push(split);
    }
    for (const [place, source] of node.inputs.entries()) {
      if (deviceOf(source) === device) continue;
      let copy = copies[device]?.get(source);
      if (copy === undefined) {
        copy = copyOf(source, device);
        copies[device]?.set(source, copy);
        split.copied.push([source, copy]);
      }
      node.inputs[place] = copy;
    }
  }
  return splits;
}

function copyOf({ type, sizes, strides, bytes }: Tensor, device: number): Tensor {
  const copy = new Tensor({ op: 'NONE', type, sizes, strides, bytes, inputs: [], role: 'result' });
  copy.device = device;
  return copy;
}

/** Keeps a source until its copy is made. */
function readingOf(source: Tensor): Tensor {
  const { type, sizes, strides, bytes } = source;
  return new Tensor({ op: 'NONE', type, sizes, strides, bytes, inputs: [source], role: 'result', owner: source.owner ?? source });
}
