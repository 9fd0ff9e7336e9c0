import { ggmlTypes, isQuantized, type GgmlTypeName } from '../gguf/types.ts';
import { isAttentionV, layerOf, mayQuantize, tensorCategory, type TensorCategory } from './categories.ts';
import { mixes, type Mix, type MixName } from './mixes.ts';

/** What of a model decides the types of its tensors. */
export interface QuantizedModel {
  /** GGUF architecture. */
  readonly architecture: string;
  readonly layerCount: number;
  readonly headCount: number;
  readonly headCountKv: number;
  /** 0 without experts. */
  readonly expertCount: number;
}

export interface FloatTensor {
  readonly name: string;
  /** GGUF order: `dimensions[0]` is the length of a row. */
  readonly dimensions: readonly number[];
  /** The type it keeps when the mix does not touch it. */
  readonly type: GgmlTypeName;
}

export interface TypeOverride {
  /** A regular expression, searched in the tensor's name; the first that hits decides. */
  readonly pattern: RegExp;
  readonly type: GgmlTypeName;
}

export interface ChooseOptions {
  readonly hasImatrix?: boolean;
  readonly overrides?: readonly TypeOverride[];
  /** No mix: every tensor that may be quantized gets the base type. */
  readonly pure?: boolean;
}

export interface ChosenType {
  readonly type: GgmlTypeName;
  /** The type that the rows were too short or uneven for, when another had to be taken. */
  readonly insteadOf?: GgmlTypeName;
  /** The type is too coarse to be any good without an importance matrix: llama.cpp refuses. */
  readonly needsImatrix: boolean;
}

/** What a type falls back to when a row is not a whole number of its blocks. */
const fallbacks: Partial<Record<GgmlTypeName, GgmlTypeName>> = {
  IQ1_S: 'IQ4_NL',
  IQ1_M: 'IQ4_NL',
  IQ2_XXS: 'IQ4_NL',
  IQ2_XS: 'IQ4_NL',
  IQ2_S: 'IQ4_NL',
  IQ3_XXS: 'IQ4_NL',
  IQ3_S: 'IQ4_NL',
  IQ4_XS: 'IQ4_NL',
  NVFP4: 'IQ4_NL',
  Q2_0: 'Q4_0',
  Q2_K: 'Q4_0',
  Q3_K: 'Q4_0',
  TQ1_0: 'Q4_0',
  TQ2_0: 'Q4_0',
  Q4_K: 'Q5_0',
  Q5_K: 'Q5_1',
  Q6_K: 'Q8_0',
};

const fits = (type: GgmlTypeName, rowLength: number): boolean => rowLength % ggmlTypes[type].blockSize === 0;

function fitted(type: GgmlTypeName, rowLength: number): Pick<ChosenType, 'type' | 'insteadOf'> {
  if (fits(type, rowLength)) return { type };
  const smaller = fallbacks[type];
  return { type: smaller !== undefined && fits(smaller, rowLength) ? smaller : 'F16', insteadOf: type };
}

const veryLowBit: ReadonlySet<GgmlTypeName> = new Set(['IQ3_XXS', 'IQ2_XXS', 'IQ2_XS', 'IQ2_S', 'IQ1_M', 'IQ1_S']);

/** llama.cpp's 70B class, whose v is shared by eight heads and cheap to keep finer. */
const sharesVByEight = ({ architecture, layerCount, headCount, headCountKv }: QuantizedModel): boolean =>
  layerCount === 80 && (architecture === 'qwen2' || (architecture === 'llama' && headCount !== headCountKv));

/** The head, and an embedding that serves as head: a little finer than the rest. */
function headType(mix: Mix, name: MixName, rowLength: number): GgmlTypeName {
  if (name === 'MXFP4_MOE' || !fits(mix.base, rowLength)) return 'Q8_0';
  return mix.head ?? (mix.base === 'Q8_0' ? 'Q8_0' : 'Q6_K');
}

/**
 * The type of every tensor under a mix, as llama.cpp's quantizer chooses it. The answer stands in the tensors' order.
 */
export function chooseTypes(
  model: QuantizedModel,
  tensors: readonly FloatTensor[],
  mixName: MixName,
  { hasImatrix = false, overrides = [], pure = false }: ChooseOptions = {},
): readonly ChosenType[] {
  const mix: Mix = mixes[mixName];
  const categories = tensors.map((tensor) => tensorCategory(tensor.name));
  const isTied = !categories.includes('output');
  const attentionVCount = categories.filter(isAttentionV).length;
  const gqa = model.headCountKv === 0 ? 0 : Math.trunc(model.headCount / model.headCountKv);
  const ordinals = ordinalsByLayer(tensors, categories);

  return tensors.map((tensor, place): ChosenType => {
    const rowLength = tensor.dimensions[0] ?? 0;
    if (!mayQuantize(tensor.name, tensor.dimensions)) return { type: tensor.type, needsImatrix: false };
    if (!isQuantized(mix.base)) return { type: mix.base, needsImatrix: false };
    const category = categories[place] ?? 'other';

    const choose = (): GgmlTypeName => {
      const override = overrides.find(({ pattern }) => pattern.test(tensor.name));
      if (override !== undefined) return override.type;
      if (pure) return mix.base;
      if (category === 'output' || (isTied && category === 'tokenEmbd')) return headType(mix, mixName, rowLength);
      if (mixName === 'MXFP4_MOE') return (tensor.dimensions[2] ?? 1) > 1 ? 'MXFP4' : 'Q8_0';
      const choice = mix.choices?.[isAttentionV(category) ? 'attnV' : category];
      const context = {
        index: model.expertCount > 1 && !isAttentionV(category) ? (layerOf(tensor.name) ?? 0) : (ordinals[place] ?? 0),
        count: isAttentionV(category) ? attentionVCount : model.layerCount,
        gqa,
        experts: model.expertCount,
        hasImatrix,
      };
      const chosen = (typeof choice === 'function' ? choice(context) : choice) ?? mix.base;
      return refine(chosen, category, mix);
    };

    /** Two sizes of model get finer keys and values on top of any K mix. */
    const refine = (chosen: GgmlTypeName, of: TensorCategory, { head }: Mix): GgmlTypeName => {
      const isTiny = head === 'Q5_K' && mixName !== 'IQ3_XXS';
      if (isTiny) return chosen;
      if ((isAttentionV(of) || of === 'attnK') && model.expertCount === 8) return 'Q8_0';
      if (isAttentionV(of) && sharesVByEight(model) && (chosen === 'Q3_K' || chosen === 'Q4_K')) return 'Q5_K';
      return chosen;
    };

    const chosen = fitted(choose(), rowLength);
    const isEnd = category === 'output' || category === 'tokenEmbd';
    const isCoarse = veryLowBit.has(chosen.type) || (mixName === 'Q2_K_S' && chosen.type === 'Q2_K');
    return { ...chosen, needsImatrix: isCoarse && !isEnd };
  });
}

/** Each tensor's place among those of its category, counted through the layers whatever order the file has them in. */
function ordinalsByLayer(tensors: readonly FloatTensor[], categories: readonly TensorCategory[]): readonly number[] {
  const order = tensors.map((tensor, place) => ({ place, layer: layerOf(tensor.name) ?? -1, name: tensor.name }));
  order.sort((a, b) => a.layer - b.layer || (a.name < b.name ? -1 : 1));
  const counts = new Map<string, number>();
  const ordinals: number[] = [];
  for (const { place } of order) {
    const tensor = tensors[place];
    if (tensor === undefined || !mayQuantize(tensor.name, tensor.dimensions)) continue;
    const category = categories[place] ?? 'other';
    const key = isAttentionV(category) ? 'attnV' : category;
    const seen = counts.get(key) ?? 0;
    ordinals[place] = seen;
    counts.set(key, seen + 1);
  }
  return ordinals;
}
