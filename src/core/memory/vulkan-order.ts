import { isView, type Operator, type Tensor } from './tensor.ts';

/** How many nodes ahead it looks for one that can be computed at once (`NUM_TO_CHECK`). */
const AHEAD = 20;
/** How far behind a pair its third operator may be. */
const THIRD_AHEAD = 15;
/** How far behind a rotation its rows may be stored. */
const STORE_AHEAD = 10;

/** Operators that are one kernel, and stay together: the choice of experts. All begin with the same one. */
const kept: readonly (readonly Operator[])[] = [
  ['SOFT_MAX', 'RESHAPE', 'ARGSORT', 'VIEW', 'GET_ROWS', 'RESHAPE', 'SUM_ROWS', 'CLAMP', 'DIV', 'RESHAPE'],
  ['SOFT_MAX', 'RESHAPE', 'ARGSORT', 'VIEW', 'GET_ROWS'],
];

/** Pairs that are one kernel: the second may follow the first though it reads it. */
const fused: ReadonlySet<string> = new Set(['RMS_NORM MUL', 'MUL_MAT ADD', 'MUL_MAT_ID MUL', 'ADD ADD', 'SSM_CONV ADD', 'SSM_CONV UNARY']);

/**
 * The order in which Vulkan computes what it is given at one go (`ggml_vk_graph_optimize` in ggml-vulkan.cpp): what does not
 * wait for anything is brought forward, so that more is computed at the same time. It changes how long results are kept.
 */
export function vulkanOrder(nodes: readonly Tensor[]): readonly Tensor[] {
  if (nodes.length < 3) return nodes;
  const ordered: Tensor[] = [];
  const isUsed = nodes.map(() => false);
  const done = new Set<Tensor>();
  const needs = dependencies(nodes);
  const matches = (pattern: readonly Operator[], first: number): boolean =>
    pattern.every((op, index) => nodes[first + index]?.op === op && isUsed[first + index] === false);
  const isReady = (tensor: Tensor | undefined): boolean => tensor === undefined || tensor.op === 'NONE' || done.has(tensor);
  let first = 0;

  const take = (indices: readonly number[]): void => {
    for (const index of indices) {
      const node = nodes[index];
      if (node === undefined) continue;
      ordered.push(node);
      done.add(node);
      isUsed[index] = true;
    }
    while (first < nodes.length && isUsed[first] === true) first += 1;
  };

  /** What is brought forward together with node `index`, which is already in `current`. */
  const companions = (index: number, current: number[]): void => {
    const node = nodes[index];
    const before = nodes[index - 1];
    if (node === undefined) return;
    const find = (most: number, from: number, holds: (tensor: Tensor) => boolean): number => {
      for (let at = from + 1; at < Math.min(from + most, nodes.length); at += 1) {
        const found = nodes[at];
        if (found !== undefined && holds(found)) return at;
      }
      return -1;
    };
    const add = (...found: readonly number[]): void => {
      for (const at of found) {
        current.push(at);
        isUsed[at] = true;
      }
    };
    let rotation = index;
    if (node.op === 'MUL' && before?.op === 'RMS_NORM') {
      const found = find(THIRD_AHEAD, index, ({ op, inputs }) => op === 'ROPE' && inputs[0] === node && inputs[1]?.op === 'NONE');
      if (found !== -1) {
        rotation = found;
        add(found);
      }
    }
    const rotated = nodes[rotation];
    if (rotated?.op === 'ROPE') {
      const shown = find(STORE_AHEAD, rotation, ({ op, inputs }) => op === 'VIEW' && inputs[0] === rotated);
      const stored =
        shown === -1
          ? -1
          : find(STORE_AHEAD - (shown - rotation), shown, ({ op, inputs }) => op === 'SET_ROWS' && inputs[0] === nodes[shown]);
      if (stored !== -1) add(shown, stored);
    }
    const third = (pair: Operator, then: Operator): void => {
      if (before?.op !== pair) return;
      const found = find(
        THIRD_AHEAD,
        index,
        ({ op, inputs }) => op === then && inputs[0] === node && (then === 'UNARY' || isReady(inputs[1])),
      );
      if (found !== -1) add(found);
    };
    if (node.op === 'ADD') {
      third('MUL_MAT', 'ADD');
      third('SSM_CONV', 'UNARY');
    }
  };

  /** Whether a node needs another one that is not computed yet, but for those that may be. */
  const waits = (index: number, mayBe: (before: number) => boolean): boolean => {
    for (let left = needs[index] ?? 0; left !== 0; left &= left - 1) {
      const before = index - (31 - Math.clz32(left & -left));
      if (before >= first && isUsed[before] === false && !mayBe(before)) return true;
    }
    return false;
  };

  while (first < nodes.length) {
    const pattern = nodes[first]?.op === 'SOFT_MAX' ? kept.find((operators) => matches(operators, first)) : undefined;
    if (pattern !== undefined) {
      take(pattern.map((_, index) => first + index));
      continue;
    }
    const current = [first];
    const last = Math.min(first + AHEAD, nodes.length);
    for (let index = first + 1; index < last; index += 1) {
      const node = nodes[index];
      if (node === undefined || isUsed[index] === true || isView(node)) continue;
      if (node.op === 'SOFT_MAX' && kept.some((operators) => matches(operators, index))) continue;
      const isFused = index - 1 === current.at(-1) && fused.has(`${nodes[index - 1]?.op} ${node.op}`);
      if (waits(index, (before) => isFused && before === index - 1)) continue;
      current.push(index);
      companions(index, current);
    }
    if (nodes[current.at(-1) ?? first]?.op !== 'ADD')
      for (let index = first + 1; index < last; index += 1) {
        const node = nodes[index];
        if (node === undefined || isUsed[index] === true || !isView(node)) continue;
        if (!waits(index, (before) => current.includes(before))) current.push(index);
      }
    take(current);
  }
  return ordered;
}

const base = (tensor: Tensor): Tensor => tensor.owner ?? tensor;

/** Of each node, the ones shortly before it that it has to wait for: bit n stands for the nth one before. */
function dependencies(nodes: readonly Tensor[]): readonly number[] {
  const positions = new Map<Tensor, number>();
  /** By what they show or write to: all nodes, those that compute, and those that compute and read it. */
  const [shown, written, read] = [new Map<Tensor, number[]>(), new Map<Tensor, number[]>(), new Map<Tensor, number[]>()];
  return nodes.map((node, index) => {
    const own = base(node);
    let found = 0;
    const wait = (before: number): void => {
      if (index - before < AHEAD) found |= 1 << (index - before);
    };
    for (const input of node.inputs) {
      const position = positions.get(input);
      if (position !== undefined) wait(position);
    }
    shown.get(own)?.forEach(wait);
    positions.set(node, index);
    append(shown, own, index);
    if (isView(node)) return found;
    read.get(own)?.forEach(wait);
    for (const input of node.inputs) written.get(base(input))?.forEach(wait);
    append(written, own, index);
    for (const input of node.inputs) append(read, base(input), index);
    return found;
  });
}

function append(lists: Map<Tensor, number[]>, key: Tensor, index: number): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [index]);
  else list.push(index);
}
