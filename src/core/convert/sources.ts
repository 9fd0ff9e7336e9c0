import type { Architecture, Hyperparameters, TensorRule } from '../architectures/architecture.ts';
import { AppError, type AppErrorData } from '../errors/index.ts';
import { excerpt } from '../excerpt.ts';
import type { SourceTensor } from '../quantize/packed.ts';

/** What a converter can read without loss into F32. */
export const floatDtypes: ReadonlySet<string> = new Set(['F32', 'F16', 'BF16']);

/** The stored tensors of a model under the names of its family's table. */
export interface Sources {
  readonly byRule: ReadonlyMap<TensorRule, SourceTensor>;
  /** The output matrix repeats the token embedding, so it is left out. */
  readonly droppedHead: SourceTensor | undefined;
  readonly warnings: readonly AppErrorData[];
}

/**
 * Find each tensor of the family among the stored ones, and hold both lists against each other: nothing missing, nothing over, every
 * shape as config.json says.
 * @param headDiffers The caller compared the bytes of a tied model's two matrices (see `storedTwice`) and they are not the same.
 * @throws model.missingTensor, model.unexpectedTensor, model.duplicateTensor, model.wrongShape, model.unsupportedType
 */
export function matchSources(
  architecture: Architecture,
  h: Hyperparameters,
  stored: readonly SourceTensor[],
  headDiffers: boolean,
): Sources {
  const tensors = byCanonicalName(architecture, stored);
  const rules = architecture.tensors(h);
  const { droppedHead, warnings } = settleHead(architecture, h, rules, tensors, headDiffers);
  const byRule = new Map<TensorRule, SourceTensor>();
  const missing: string[] = [];
  for (const rule of rules) {
    const tensor = tensors.get(rule.hf);
    tensors.delete(rule.hf);
    if (tensor !== undefined) byRule.set(rule, tensor);
    else if (!rule.optional) missing.push(rule.hf);
  }
  // With the wrong config.json both lists are long; who is too many says more than who is absent.
  const strangers = [...tensors.values()];
  if (strangers[0] !== undefined)
    throw new AppError('model.unexpectedTensor', {
      tensor: excerpt(strangers[0].name),
      count: strangers.length,
      architecture: architecture.family,
    });
  if (missing[0] !== undefined) throw new AppError('model.missingTensor', { tensor: missing[0], count: missing.length });
  for (const [rule, tensor] of byRule) check(rule, tensor);
  return { byRule, droppedHead, warnings };
}

/** Both matrices of a model that should have one: compare their bytes, and pass the outcome on as `headDiffers`. */
export function storedTwice<T extends { readonly name: string }>(
  architecture: Architecture,
  h: Hyperparameters,
  stored: readonly T[],
): { readonly input: T; readonly output: T } | null {
  if (!h.tiedEmbeddings) return null;
  const find = (name: string): T | undefined => stored.find((tensor) => architecture.canonicalName(tensor.name) === name);
  const input = find(architecture.embedding.input);
  const output = find(architecture.embedding.output);
  return input === undefined || output === undefined ? null : { input, output };
}

function byCanonicalName(architecture: Architecture, stored: readonly SourceTensor[]): Map<string, SourceTensor> {
  const tensors = new Map<string, SourceTensor>();
  for (const tensor of stored) {
    const name = architecture.canonicalName(tensor.name);
    if (name === null) continue;
    if (tensors.has(name)) throw new AppError('model.duplicateTensor', { tensor: excerpt(tensor.name) });
    tensors.set(name, tensor);
  }
  return tensors;
}

/**
 * Settle who is the token embedding and who the output matrix. A tied model may be stored under either name, or under both; in
 * GGUF it has the embedding alone, and the loader uses that for both.
 */
function settleHead(
  { embedding }: Architecture,
  h: Hyperparameters,
  rules: readonly TensorRule[],
  tensors: Map<string, SourceTensor>,
  headDiffers: boolean,
): { droppedHead: SourceTensor | undefined; warnings: AppErrorData[] } {
  const output = tensors.get(embedding.output);
  const mayHaveOutput = rules.some((rule) => rule.hf === embedding.output);
  if (output === undefined)
    return { droppedHead: undefined, warnings: h.tiedEmbeddings || !mayHaveOutput ? [] : [{ code: 'model.outputTied', params: {} }] };
  if (!tensors.has(embedding.input) && (h.tiedEmbeddings || !mayHaveOutput)) {
    tensors.delete(embedding.output);
    tensors.set(embedding.input, output);
    return { droppedHead: undefined, warnings: [] };
  }
  if (mayHaveOutput && (!h.tiedEmbeddings || headDiffers)) return { droppedHead: undefined, warnings: [] };
  tensors.delete(embedding.output);
  return { droppedHead: output, warnings: [] };
}

function check(rule: TensorRule, { name, shape, dtype, packed }: SourceTensor): void {
  const tensor = excerpt(name);
  // Whoever quantizes a Conv1D turns it to `[out, in]` first.
  const expected = packed !== undefined && rule.transform.kind === 'transpose' ? rule.shape.toReversed() : rule.shape;
  if (shape.length !== expected.length || !shape.every((size, i) => size === expected[i]))
    throw new AppError('model.wrongShape', { tensor, actual: `[${excerpt(shape.join(', '))}]`, expected: `[${expected.join(', ')}]` });
  if (!floatDtypes.has(dtype)) throw new AppError('model.unsupportedType', { tensor, dtype });
}
