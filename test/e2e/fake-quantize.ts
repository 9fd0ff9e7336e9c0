import type { QualityCard, QuantizeOptions, QuantizePlan, Recipe } from '#contract/quantize.ts';
import { ggmlTypes, type GgmlTypeName } from '#core/gguf/types.ts';
import { mixes, type MixName } from '#core/quantize/mixes.ts';
import { formatsOf, isPackedTarget, packedTargets } from '#core/quantize/targets.ts';

/** What a model of SmolLM3's shape can be turned into, with the sizes and losses that such models have. */

const LAYERS = 36;
const EMBEDDING = 2048;
const FEED_FORWARD = 11_008;
const VOCABULARY = 128_256;
const METADATA_BYTES = 5_400_000;

interface Planned {
  readonly name: string;
  readonly layer: number | null;
  readonly shape: number[];
}

const layerTensors: readonly (readonly [string, readonly number[]])[] = [
  ['attn_norm', [EMBEDDING]],
  ['attn_q', [EMBEDDING, EMBEDDING]],
  ['attn_k', [512, EMBEDDING]],
  ['attn_v', [512, EMBEDDING]],
  ['attn_output', [EMBEDDING, EMBEDDING]],
  ['ffn_norm', [EMBEDDING]],
  ['ffn_gate', [FEED_FORWARD, EMBEDDING]],
  ['ffn_up', [FEED_FORWARD, EMBEDDING]],
  ['ffn_down', [EMBEDDING, FEED_FORWARD]],
];

const tensors: readonly Planned[] = [
  { name: 'token_embd.weight', layer: null, shape: [VOCABULARY, EMBEDDING] },
  ...Array.from({ length: LAYERS }, (_, layer) =>
    layerTensors.map(([part, shape]) => ({ name: `blk.${layer}.${part}.weight`, layer, shape: [...shape] })),
  ).flat(),
  { name: 'output_norm.weight', layer: null, shape: [EMBEDDING] },
];

const elements = (shape: readonly number[]): number => shape.reduce((product, side) => product * side, 1);
const parameters = tensors.reduce((sum, { shape }) => sum + elements(shape), 0);

const bytesOf = (type: string, shape: readonly number[]): number => {
  const packed: Readonly<Record<string, number>> = { INT8: 8, NF4: 4.5, FP4: 4.5, GPTQ: 4.16 };
  const known = ggmlTypes[type as GgmlTypeName] as (typeof ggmlTypes)[GgmlTypeName] | undefined;
  if (known === undefined) return Math.round((elements(shape) * (packed[type] ?? 16)) / 8);
  return (elements(shape) / known.blockSize) * known.bytesPerBlock;
};

const PACKED: Readonly<Record<string, string>> = { int8: 'INT8', 'int8-zp': 'INT8', nf4: 'NF4', 'nf4-dq': 'NF4', fp4: 'FP4' };

/** The shape of the medium mixes: the first and last eighth of v and down get more bits. */
function typeOf(target: string, { name, layer, shape }: Planned): string {
  if (shape.length === 1) return 'F32';
  if (isPackedTarget(target)) return layer === null ? 'F16' : (PACKED[target] ?? 'GPTQ');
  const base = mixes[target as MixName].base;
  if (ggmlTypes[base].blockSize === 1 || base === 'Q8_0') return base;
  if (layer === null) return 'Q6_K';
  const isFavoured = layer < LAYERS / 8 || layer >= (7 * LAYERS) / 8 || layer % 3 === 2;
  return target.endsWith('_M') && isFavoured && /attn_v|ffn_down/.test(name) ? 'Q6_K' : base;
}

export function fakePlan(target: string, options: QuantizeOptions, wanted?: 'hf' | 'gguf'): QuantizePlan {
  const planned = tensors.map((tensor) => {
    const override = tensor.shape.length === 1 ? undefined : options.overrides.find(({ pattern }) => new RegExp(pattern).test(tensor.name));
    const to = override?.type ?? typeOf(target, tensor);
    return {
      ...tensor,
      from: 'BF16',
      to,
      sizeBytes: bytesOf(to, tensor.shape),
      why: override !== undefined ? ('override' as const) : tensor.shape.length === 1 ? ('kept' as const) : ('mix' as const),
    };
  });
  const sizeBytes = planned.reduce((sum, tensor) => sum + tensor.sizeBytes, METADATA_BYTES);
  const isGptq = target.startsWith('gptq-');
  const format = wanted ?? formatsOf(target as MixName)[0] ?? 'gguf';
  return {
    target,
    format,
    sizeBytes,
    bitsPerWeight: (8 * sizeBytes) / parameters,
    memoryBytes: isGptq ? 1_450_000_000 : 310_000_000,
    scratchBytes: isGptq ? 6_150_000_000 : 0,
    calibrationPasses: isGptq ? 4 : 0,
    warnings: [],
    tensors: planned,
  };
}

const needsImatrix: ReadonlySet<string> = new Set(['IQ2_XXS', 'IQ2_XS', 'IQ2_S', 'IQ1_S', 'IQ1_M', 'Q2_K_S']);

export function fakeRecipes(options: QuantizeOptions): Recipe[] {
  return [...packedTargets, ...(Object.keys(mixes) as MixName[])]
    .flatMap((target) => formatsOf(target).map((format) => ({ target, format })))
    .map(({ target, format }): Recipe => {
      const { sizeBytes, bitsPerWeight } = fakePlan(target, options, format);
      const isMixture = target === 'MXFP4_MOE';
      return {
        target,
        format,
        sizeBytes: isMixture ? null : sizeBytes,
        bitsPerWeight: isMixture ? null : bitsPerWeight,
        needsImatrix: needsImatrix.has(target) && options.imatrixPath === null,
        needsCalibration: target.startsWith('gptq-'),
        problem: isMixture ? { code: 'quantize.noLinearLayers', params: { target } } : null,
      };
    })
    .sort((left, right) => (right.sizeBytes ?? 0) - (left.sizeBytes ?? 0));
}

const SAMPLES = [
  [
    'The lighthouse keeper counted the steps',
    ' twice, as he did every evening, and wrote the number',
    ' twice, as he did every night, and wrote the number',
  ],
  ['Water boils at a lower temperature on a mountain because', ' the air pressure is lower there.', ' the air pressure is lower there.'],
  ['To sort a list means', ' to put its entries in order.', ' to put its elements into an order.'],
] as const;

const card = (id: string, modelId: string, loss: number, kl: number, topOne: number): QualityCard => ({
  id,
  modelId,
  sourceId: 'smol',
  sourceName: 'SmolLM3 3B',
  measure: {
    textName: 'Sample text of Lathe',
    textSha256: '3f'.repeat(32),
    contextLength: 512,
    windows: 32,
    tokens: 8160,
    perplexity: 9.412 * (1 + loss),
    sourcePerplexity: 9.412,
    meanKl: kl,
    meanKlError: kl * 0.021,
    kl999: kl * 34,
    maxKl: kl * 90,
    topOneAgreement: topOne,
    worstTensors: Array.from({ length: 8 }, (_, index) => ({
      name: `blk.${(index * 5 + 1) % LAYERS}.${index % 3 === 0 ? 'ffn_down' : 'attn_k'}.weight`,
      to: index % 3 === 0 ? 'Q6_K' : 'Q4_K',
      relativeError: (0.071 + loss) / (1 + index * 0.12),
    })),
    samples: SAMPLES.map(([prompt, source, variant]) => ({ prompt, source, variant })),
  },
  madeMs: Date.now() - 40 * 60_000,
  durationMs: 143_000,
  versions: { lathe: '0.1.0', 'llama.cpp': 'b7400' },
});

export const cards: readonly QualityCard[] = [
  card('c1', 'smolq4', 0.0184, 0.0213, 0.931),
  card('c2', 'smolq5', 0.0061, 0.0079, 0.958),
  card('c3', 'smolq8', 0.0004, 0.0006, 0.991),
  card('c4', 'smolgptq', 0.0302, 0.0342, 0.914),
];
