import { AppError } from '../errors/index.ts';
import type { GgufCandidate, GgufSide, HfCandidate, QuantizableModel } from '../quantize/model.ts';
import type { AdapterBase } from './base.ts';

/**
 * A tied model with an output matrix of its own: the same values, stored once more.
 * @throws adapters.cannotUntie where a GGUF loader of the family would not read it
 */
export function untieOutput({ folder, gguf }: QuantizableModel, base: AdapterBase): QuantizableModel {
  const untied = untiedGguf(gguf, base);
  // Who writes a folder does not mind what GGUF lacks.
  if (folder === undefined && 'code' in untied) throw AppError.from(untied);
  return {
    folder: folder && { ...folder, config: { ...folder.config, tie_word_embeddings: false }, tensors: withHead(folder.tensors, base) },
    gguf: untied,
  };
}

function withHead(tensors: readonly HfCandidate[], { embedding, canonicalName }: AdapterBase): readonly HfCandidate[] {
  const input = tensors.find(({ name }) => canonicalName(name) === embedding.input);
  if (input === undefined) return tensors;
  const otherModule = embedding.output.replace(/\.weight$/, '');
  const head = { tensor: { ...input.tensor, name: embedding.output }, name: embedding.output, linear: undefined, otherModule };
  return [...tensors, head];
}

function untiedGguf(gguf: QuantizableModel['gguf'], base: AdapterBase): QuantizableModel['gguf'] {
  if ('code' in gguf) return gguf;
  if (!base.canUntie) return { code: 'adapters.cannotUntie', params: { architecture: base.architecture } };
  const input = gguf.tensors.find(({ name }) => name === 'token_embd.weight');
  const head: readonly GgufCandidate[] = input === undefined ? [] : [{ ...input, name: 'output.weight' }];
  return { ...gguf, tensors: [...gguf.tensors, ...head] } satisfies GgufSide;
}
