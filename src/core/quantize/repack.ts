import { AppError } from '../errors/index.ts';
import { excerpt } from '../excerpt.ts';
import { ggmlTypes, type GgmlTypeName } from '../gguf/types.ts';
import type { GptqBits, GptqSettings } from './gptq.ts';
import type { PackedGptq } from './packed.ts';

/**
 * What of GPTQ's weights GGUF can hold bit for bit. Both are a float16 scale times an integer (GPTQ's code − zero), so it
 * is a question of range alone, where every run of 32 inputs shares one scale.
 */
export interface GptqFacts {
  readonly bits: GptqBits;
  readonly leastZero: number;
  readonly greatestZero: number;
  /** Each run of 32 inputs lies in one group. */
  readonly hasWholeRuns: boolean;
  /** The scales are float16, as GGUF's are. */
  readonly hasHalfScales: boolean;
}

export type ExactType = 'Q4_0' | 'Q5_0' | 'Q8_0';

/** Bytes of a block of 32. */
export const offsetBlockBytes: Readonly<Record<ExactType, number>> = {
  Q4_0: ggmlTypes.Q4_0.bytesPerBlock,
  Q5_0: ggmlTypes.Q5_0.bytesPerBlock,
  Q8_0: ggmlTypes.Q8_0.bytesPerBlock,
};

/** Why a weight cannot be stored bit for bit. */
export type InexactReason = 'scattered groups' | 'a range beyond 8 bits' | 'scales beyond float16';

/** Inputs of a GGUF block. */
const RUN = 32;

/** The integers that the types hold. */
const ranges: readonly (readonly [type: ExactType, least: number, greatest: number])[] = [
  ['Q4_0', -8, 7],
  ['Q5_0', -16, 15],
  ['Q8_0', -128, 127],
];

const fits = ({ bits, leastZero, greatestZero }: GptqFacts, [, least, greatest]: (typeof ranges)[number]): boolean =>
  -greatestZero >= least && 2 ** bits - 1 - leastZero <= greatest;

/** The smallest type that holds every weight exactly, whatever the codes are. */
export function exactType(facts: GptqFacts): ExactType | { readonly reason: InexactReason } {
  if (!facts.hasWholeRuns) return { reason: 'scattered groups' };
  if (!facts.hasHalfScales) return { reason: 'scales beyond float16' };
  const found = ranges.find((range) => fits(facts, range));
  return found === undefined ? { reason: 'a range beyond 8 bits' } : found[0];
}

/** Whether every weight can be a block of this type as it is; a larger one than needed will do. */
export function holdsExactly(type: GgmlTypeName, facts: GptqFacts): type is ExactType {
  const range = ranges.find(([name]) => name === type);
  return range !== undefined && typeof exactType(facts) === 'string' && fits(facts, range);
}

/** What quantizing with these settings will give. */
export function factsOfSettings({ bits, groupSize, isSymmetric, actOrder, staticGroups }: GptqSettings): GptqFacts {
  const half = 2 ** (bits - 1);
  return {
    bits,
    leastZero: isSymmetric ? half : 0,
    greatestZero: isSymmetric ? half : 2 * half - 1,
    // Act-order scatters a group over the whole row.
    hasWholeRuns: groupSize === -1 || (groupSize % RUN === 0 && (!actOrder || staticGroups)),
    hasHalfScales: true,
  };
}

/**
 * What a stored weight is like: looked up in its data, since settings may say otherwise ("symmetric" is no proof that
 * every zero point is the middle).
 * @param qzeros the words of its tensor, @param groupIndex the group of each input, where the file says it
 * @throws quantize.badPackedWeight for a group that is not there
 */
export function gptqFacts(packed: PackedGptq, qzeros: Uint32Array, groupIndex: Int32Array | undefined): GptqFacts {
  const { bits, groups, groupSize, zeroOffset, scales } = packed;
  const [least, greatest] = fieldRange(qzeros, bits, packed.qweight.shape[1] ?? 0);
  let hasWholeRuns = groupSize === -1 || groupSize % RUN === 0;
  if (groupIndex !== undefined) {
    hasWholeRuns = true;
    for (const [input, group] of groupIndex.entries()) {
      if (group < 0 || group >= groups)
        throw new AppError('quantize.badPackedWeight', {
          tensor: excerpt(packed.qweight.name),
          problem: `input ${input} is in group ${group} of ${groups}`,
        });
      if (group !== groupIndex[input - (input % RUN)]) hasWholeRuns = false;
    }
  }
  return { bits, leastZero: least + zeroOffset, greatestZero: greatest + zeroOffset, hasWholeRuns, hasHalfScales: scales.dtype === 'F16' };
}

/** The least and the greatest of the fields of `bits` bits, of which each row of words holds `fields`. */
function fieldRange(words: Uint32Array, bits: GptqBits, fields: number): [number, number] {
  const top = 2 ** bits - 1;
  const rowWords = (fields * bits) / 32;
  let least = top;
  let greatest = 0;
  const see = (field: number): void => {
    if (field < least) least = field;
    if (field > greatest) greatest = field;
  };
  for (let row = 0; row < words.length; row += rowWords)
    for (let field = 0; field < fields; field += 1) {
      const bit = field * bits;
      const word = row + Math.floor(bit / 32);
      const offset = bit % 32;
      // With 3 bits, some fields begin in one word and end in the next.
      const low = (words[word] ?? 0) >>> offset;
      see((offset + bits > 32 ? low | ((words[word + 1] ?? 0) << (32 - offset)) : low) & top);
    }
  return [least, greatest];
}
