import type { GgmlTypeName } from '../gguf/types.ts';
import type { TensorCategory } from './categories.ts';

/**
 * llama.cpp's mixes: which ggml type each kind of tensor gets under one file type (`Q4_K_M`, `IQ3_XS`, …), as data.
 * Source of the choices: llama.cpp `src/llama-quant.cpp` at the release that node-llama-cpp carries. The test holds
 * every mix against the library's own output, tensor by tensor.
 */

/** What a choice may depend on. */
export interface MixContext {
  /** Place of the tensor among those of its category, in layer order. With experts: its layer. */
  readonly index: number;
  /** How many there are: attention-v-like tensors, or layers for the feed-forward ones. */
  readonly count: number;
  /** Query heads per key-value head, of the first layer. */
  readonly gqa: number;
  readonly experts: number;
  readonly hasImatrix: boolean;
}

/** A type, or a rule that may decline; a declined choice leaves the mix's base type. */
export type TypeChoice = GgmlTypeName | ((context: MixContext) => GgmlTypeName | undefined);

export interface Mix {
  /** LLAMA_FTYPE, stored as `general.file_type`. */
  readonly fileType: number;
  readonly base: GgmlTypeName;
  readonly choices?: Partial<Record<TensorCategory, TypeChoice>>;
  /** Head (or tied embedding), where the base type's own rule does not hold: see `headType`. */
  readonly head?: GgmlTypeName;
}

/** The first eighth, the last eighth, and each third layer between get more bits in the `_M` mixes. */
const isFavoured = ({ index, count }: MixContext): boolean => {
  const eighth = Math.trunc(count / 8);
  return index < eighth || index >= Math.trunc((7 * count) / 8) || (index - eighth) % 3 === 2;
};
const inFirst =
  (share: number) =>
  ({ index, count }: MixContext): boolean =>
    index < Math.trunc(count / share);
const inMiddle = ({ index, count }: MixContext): boolean => index >= Math.trunc(count / 8) && index < Math.trunc((7 * count) / 8);
const when =
  (test: (context: MixContext) => boolean, type: GgmlTypeName): TypeChoice =>
  (context) =>
    test(context) ? type : undefined;
const isGrouped = ({ gqa }: MixContext): boolean => gqa >= 4;
const hasEightExperts = ({ experts }: MixContext): boolean => experts === 8;
/** Attention output of the medium and small mixes: more bits only in an eight-expert model. */
const expertOutput =
  (otherwise?: GgmlTypeName): TypeChoice =>
  (context) =>
    hasEightExperts(context) ? 'Q5_K' : otherwise;

const simple = (fileType: number, base: GgmlTypeName): Mix => ({ fileType, base });

/** Q4_0 and Q5_0 guard the first ffn_down layers with an offset type, but only with an importance matrix. */
const guarded = (fileType: number, base: GgmlTypeName, first: GgmlTypeName): Mix => ({
  fileType,
  base,
  choices: { ffnDown: when((context) => context.hasImatrix && inFirst(8)(context), first) },
});

/** The one- and two-bit mixes share a pattern: `low` for what suffers most, Q4_K where heads are shared. */
const tiny = (fileType: number, base: GgmlTypeName, low: GgmlTypeName, embedding: GgmlTypeName, output?: GgmlTypeName): Mix => ({
  fileType,
  base,
  head: 'Q5_K',
  choices: {
    tokenEmbd: embedding,
    attnV: (context) => (isGrouped(context) || context.experts >= 4 ? 'Q4_K' : low),
    attnK: when(hasEightExperts, 'Q4_K'),
    ffnDown: when(inFirst(8), low),
    attnOutput: expertOutput(output),
  },
});

export const mixes = {
  F32: simple(0, 'F32'),
  F16: simple(1, 'F16'),
  BF16: simple(32, 'BF16'),
  Q8_0: simple(7, 'Q8_0'),
  Q6_K: simple(18, 'Q6_K'),
  Q5_K_M: {
    fileType: 17,
    base: 'Q5_K',
    choices: { attnV: when(isFavoured, 'Q6_K'), ffnDown: when(isFavoured, 'Q6_K') },
  },
  Q5_K_S: simple(16, 'Q5_K'),
  Q5_1: simple(9, 'Q5_1'),
  Q5_0: guarded(8, 'Q5_0', 'Q5_1'),
  Q4_K_M: {
    fileType: 15,
    base: 'Q4_K',
    choices: { attnV: when(isFavoured, 'Q6_K'), ffnDown: when(isFavoured, 'Q6_K'), attnOutput: expertOutput() },
  },
  Q4_K_S: {
    fileType: 14,
    base: 'Q4_K',
    choices: { attnV: when(({ index }) => index < 4, 'Q5_K'), ffnDown: when(inFirst(8), 'Q5_K'), attnOutput: expertOutput() },
  },
  Q4_1: simple(3, 'Q4_1'),
  Q4_0: guarded(2, 'Q4_0', 'Q4_1'),
  IQ4_NL: {
    fileType: 25,
    base: 'IQ4_NL',
    choices: {
      attnV: when(isGrouped, 'Q5_K'),
      ffnDown: when((context) => !context.hasImatrix && inFirst(8)(context), 'Q5_K'),
      attnOutput: expertOutput(),
    },
  },
  IQ4_XS: {
    fileType: 30,
    base: 'IQ4_XS',
    choices: {
      attnV: when(isGrouped, 'Q5_K'),
      ffnDown: when((context) => !context.hasImatrix && inFirst(8)(context), 'Q5_K'),
      attnOutput: expertOutput(),
    },
  },
  MXFP4_MOE: simple(38, 'MXFP4'),
  // llama.cpp runs it and has a number for it, but its own quantizer offers no mix: one type for every matrix.
  NVFP4: simple(39, 'NVFP4'),
  Q3_K_L: { fileType: 13, base: 'Q3_K', choices: { attnV: 'Q5_K', ffnDown: 'Q5_K', attnOutput: when((c) => !hasEightExperts(c), 'Q5_K') } },
  Q3_K_M: {
    fileType: 12,
    base: 'Q3_K',
    choices: {
      attnV: ({ index }) => (index < 2 ? 'Q5_K' : 'Q4_K'),
      ffnDown: (context) => (inFirst(16)(context) ? 'Q5_K' : 'Q4_K'),
      attnOutput: expertOutput('Q4_K'),
    },
  },
  Q3_K_S: { fileType: 11, base: 'Q3_K', choices: { attnOutput: expertOutput() } },
  IQ3_M: {
    fileType: 27,
    base: 'IQ3_S',
    choices: {
      attnV: 'Q4_K',
      ffnDown: when((context) => inFirst(8)(context) || (hasEightExperts(context) && isFavoured(context)), 'Q4_K'),
      attnOutput: expertOutput('Q4_K'),
    },
  },
  IQ3_S: { fileType: 26, base: 'IQ3_S', choices: { attnV: when(isGrouped, 'Q4_K'), attnOutput: expertOutput() } },
  IQ3_XS: {
    fileType: 22,
    base: 'IQ3_S',
    choices: {
      attnV: when(isGrouped, 'Q4_K'),
      attnK: 'IQ3_XXS',
      attnQ: 'IQ3_XXS',
      ffnGate: when(inMiddle, 'IQ3_XXS'),
      ffnUp: when(inMiddle, 'IQ3_XXS'),
      attnOutput: expertOutput(),
    },
  },
  IQ3_XXS: {
    fileType: 23,
    base: 'IQ3_XXS',
    head: 'Q5_K',
    choices: {
      tokenEmbd: 'IQ3_S',
      attnV: (context) => (isGrouped(context) ? 'Q4_K' : context.hasImatrix ? 'IQ3_XXS' : 'IQ3_S'),
      attnK: 'IQ2_S',
      attnQ: 'IQ2_S',
      ffnDown: (context) => (context.hasImatrix ? undefined : inFirst(8)(context) ? 'Q4_K' : 'Q3_K'),
      attnOutput: expertOutput('IQ3_S'),
    },
  },
  Q2_K: {
    fileType: 10,
    base: 'Q2_K',
    choices: { attnV: (context) => (isGrouped(context) ? 'Q4_K' : 'Q3_K'), ffnDown: 'Q3_K', attnOutput: expertOutput('Q3_K') },
  },
  Q2_K_S: { fileType: 21, base: 'Q2_K', choices: { attnV: when(isGrouped, 'Q4_K'), ffnDown: when(inFirst(8), 'Q4_K') } },
  IQ2_M: tiny(29, 'IQ2_S', 'IQ3_S', 'IQ3_S', 'IQ3_S'),
  IQ2_S: tiny(28, 'IQ2_XS', 'IQ3_S', 'IQ3_S', 'IQ3_S'),
  IQ2_XS: tiny(20, 'IQ2_XS', 'Q2_K', 'Q2_K'),
  IQ2_XXS: tiny(19, 'IQ2_XXS', 'Q2_K', 'Q2_K'),
  IQ1_M: tiny(31, 'IQ1_M', 'Q2_K', 'Q2_K', 'IQ2_XXS'),
  IQ1_S: tiny(24, 'IQ1_S', 'Q2_K', 'Q2_K', 'IQ2_XXS'),
  TQ2_0: { fileType: 37, base: 'TQ2_0', choices: { tokenEmbd: 'Q4_K' } },
  TQ1_0: { fileType: 36, base: 'TQ1_0', choices: { tokenEmbd: 'Q4_K' } },
  Q2_0: { fileType: 41, base: 'Q2_0', choices: { tokenEmbd: 'Q4_K' } },
  Q1_0: simple(40, 'Q1_0'),
} as const satisfies Record<string, Mix>;

export type MixName = keyof typeof mixes;
