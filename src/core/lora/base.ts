import { architectureOf, architectures, type Architecture, type Hyperparameters } from '../architectures/index.ts';
import { AppError } from '../errors/index.ts';
import { excerpt } from '../excerpt.ts';
import { dimensionsToShape } from '../gguf/types.ts';
import type { GgufMetadata } from '../gguf/values.ts';
import { textConfig } from '../model/config.ts';
import type { GgufSide, HfSide, QuantizableModel } from '../quantize/model.ts';
import type { Adapter } from './adapter.ts';

/** A tensor of a base model, under both of its names. */
export interface BaseTensor {
  readonly hf: string;
  readonly gguf: string;
  /** As Hugging Face stores it. */
  readonly shape: readonly number[];
  /** Stored as `[inputs, outputs]` by Hugging Face: GPT-2's Conv1D. */
  readonly isConv1d: boolean;
  /** On the way to GGUF the rows of each of so many heads change places. */
  readonly heads: number | undefined;
  /** In GGUF the values are one more than in Hugging Face's file (Gemma's norms). */
  readonly isShifted: boolean;
}

/** What an adapter has to know of a model that it is to change. */
export interface AdapterBase {
  readonly family: string;
  /** `general.architecture`. */
  readonly architecture: string;
  readonly byHf: ReadonlyMap<string, BaseTensor>;
  readonly byGguf: ReadonlyMap<string, BaseTensor>;
  /** The name under which the tables list one that an adapter names. */
  readonly canonicalName: (hf: string) => string | null;
  /** Names of Hugging Face's token embedding and output matrix. */
  readonly embedding: { readonly input: string; readonly output: string };
  /** Where the output matrix is the token embedding: what it would be as one of its own. */
  readonly tiedHead: BaseTensor | undefined;
  /** In GGUF the family can have an output matrix of its own. */
  readonly canUntie: boolean;
}

/**
 * A model as an adapter sees it.
 * @throws model.unknownArchitecture and what else is wrong with the model
 */
export function adapterBase({ folder, gguf }: QuantizableModel): AdapterBase {
  if (folder !== undefined) return baseOfFolder(folder);
  if ('code' in gguf) throw AppError.from(gguf);
  return baseOfGguf(gguf);
}

function baseOfFolder({ config, tensors }: HfSide): AdapterBase {
  const architecture = architectureOf(config);
  const present = new Set(tensors.map(({ name }) => architecture.canonicalName(name)));
  return describe(architecture, architecture.hyperparameters(textConfig(config)), ({ hf }) => present.has(hf));
}

function baseOfGguf(side: GgufSide): AdapterBase {
  const { facts, tensors } = side;
  const architecture = architectures.find(({ ggufName }) => ggufName === facts.architecture);
  if (architecture === undefined)
    throw new AppError('model.unknownArchitecture', {
      architecture: excerpt(facts.architecture),
      supported: architectures.map(({ family }) => family).join(', '),
    });
  const shapes = new Map(tensors.map(({ name, dimensions }) => [name, dimensionsToShape(dimensions)]));
  const base = describe(architecture, hyperparametersOf(side, shapes), ({ gguf }) => shapes.has(gguf));
  // The file's own shapes count; those of the table follow from what few numbers were read.
  const tensorsOf = [...base.byGguf.values()].map((tensor): BaseTensor => {
    const shape = shapes.get(tensor.gguf) ?? tensor.shape;
    return { ...tensor, shape: tensor.isConv1d ? shape.toReversed() : shape };
  });
  const named = mapped(tensorsOf);
  const shape = named.byHf.get(base.embedding.input)?.shape ?? [];
  return { ...base, ...named, tiedHead: base.tiedHead === undefined ? undefined : { ...base.tiedHead, shape } };
}

const mapped = (tensors: readonly BaseTensor[]): Pick<AdapterBase, 'byHf' | 'byGguf'> => ({
  byHf: new Map(tensors.map((tensor) => [tensor.hf, tensor])),
  byGguf: new Map(tensors.map((tensor) => [tensor.gguf, tensor])),
});

function describe(
  architecture: Architecture,
  h: Hyperparameters,
  isPresent: (names: { readonly hf: string; readonly gguf: string }) => boolean,
): AdapterBase {
  const rules = architecture.tensors(h);
  const { embedding, family, ggufName } = architecture;
  const tensors = rules.filter(isPresent).map(({ hf, gguf, shape, transform }): BaseTensor => ({
    hf,
    gguf,
    shape,
    isConv1d: transform.kind === 'transpose',
    heads: transform.kind === 'permuteRows' ? transform.heads : undefined,
    isShifted: transform.kind === 'addOne',
  }));
  const input = tensors.find(({ hf }) => hf === embedding.input);
  const head = {
    hf: embedding.output,
    gguf: 'output.weight',
    shape: input?.shape ?? [],
    isConv1d: false,
    heads: undefined,
    isShifted: false,
  };
  return {
    family,
    architecture: ggufName,
    ...mapped(tensors),
    canonicalName: (hf) => architecture.canonicalName(hf),
    embedding,
    tiedHead: tensors.some(({ hf }) => hf === embedding.output) || input === undefined ? undefined : head,
    canUntie: rules.some(({ hf }) => hf === embedding.output),
  };
}

/** What the tables ask for: names follow from the layers, transforms from the heads, and the shapes are the file's own. */
function hyperparametersOf({ facts, metadata }: GgufSide, shapes: ReadonlyMap<string, readonly number[]>): Hyperparameters {
  const { layerCount, headCount, headCountKv, architecture } = facts;
  const [vocabularySize = 1, embeddingLength = 1] = shapes.get('token_embd.weight') ?? [];
  const numbers = numbersOf(metadata(0));
  return {
    layerCount,
    embeddingLength,
    feedForwardLength: numbers(`${architecture}.feed_forward_length`) ?? 1,
    headCount,
    headCountKv,
    headDimension: numbers(`${architecture}.attention.key_length`) ?? embeddingLength / Math.max(1, headCount),
    statesHeadDimension: true,
    vocabularySize,
    contextLength: numbers(`${architecture}.context_length`) ?? 1,
    normEpsilon: 1e-5,
    ropeFreqBase: undefined,
    ropeFreqBaseSwa: undefined,
    ropeDimensionCount: 0,
    ropeScaling: { type: 'none' },
    slidingWindow: undefined,
    tiedEmbeddings: !shapes.has('output.weight'),
    attentionSoftcap: undefined,
    finalSoftcap: undefined,
  };
}

const numbersOf =
  (metadata: GgufMetadata) =>
  (key: string): number | undefined => {
    const value = metadata.get(key);
    return value !== undefined && value.type !== 'arr' && value.type !== 'str' ? Number(value.value) : undefined;
  };

/**
 * What adapters change, where no model is at hand: the weights that they name, under the names that they use. Rows stay in the order
 * of the files, so all adapters come in one format, and so does what is made of them.
 * @throws adapters.badOption where formats or architectures differ
 */
export function baseOfAdapters(adapters: readonly Adapter[]): AdapterBase {
  const [first] = adapters;
  const format = first?.format ?? 'peft';
  const architecture = first?.architecture ?? '';
  for (const other of adapters) {
    if (other.format !== format)
      throw new AppError('adapters.badOption', {
        option: 'base',
        value: 'none',
        expected: 'a model, where PEFT and GGUF adapters come together',
      });
    if ((other.architecture ?? '') !== architecture)
      throw new AppError('adapters.otherArchitecture', { adapter: excerpt(other.architecture ?? ''), base: excerpt(architecture) });
  }
  const named = new Map<string, BaseTensor>();
  const add = (name: string, shape: readonly number[]): void => {
    if (!named.has(name)) named.set(name, { hf: name, gguf: name, shape, isConv1d: false, heads: undefined, isShifted: false });
  };
  for (const { modules, replaced } of adapters) {
    for (const { weight, kind, inputs, outputs } of modules) add(weight, kind === 'embedding' ? [inputs, outputs] : [outputs, inputs]);
    for (const { name, tensor } of replaced) add(name, tensor.shape);
  }
  return {
    family: architecture,
    architecture,
    byHf: named,
    byGguf: named,
    canonicalName: (name) => name,
    embedding: { input: '', output: '' },
    tiedHead: undefined,
    canUntie: false,
  };
}
