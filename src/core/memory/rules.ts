/**
 * The simple rules that people know, for a model of which only the number of parameters is known. They are coarse on purpose:
 * `compare.ts` holds them against the exact estimate. Where they say GB they mean 10⁹ bytes.
 */
export type Precision = 'fp32' | 'fp16' | 'bf16' | 'fp8' | 'int8' | 'int4';

export const precisionBytes: Readonly<Record<Precision, number>> = { fp32: 4, fp16: 2, bf16: 2, fp8: 1, int8: 1, int4: 0.5 };

export interface ByteRange {
  readonly lowBytes: number;
  readonly highBytes: number;
}

/** What cannot be counts as nothing. */
const counted = (parameters: number): number => (Number.isFinite(parameters) && parameters > 0 ? parameters : 0);

const times = (bytes: number, low: number, high: number): ByteRange => ({ lowBytes: bytes * low, highBytes: bytes * high });

/** Weights: S = N × B. */
export const ruleWeights = (parameters: number, precision: Precision): number => counted(parameters) * precisionBytes[precision];

/** A quantized file: S' = N × B' × k, where k of 1.1 to 1.2 stands for scales and what stays in higher precision. */
export const ruleQuantizedFile = (parameters: number, precision: Precision): ByteRange =>
  times(ruleWeights(parameters, precision), 1.1, 1.2);

/** What CUDA's kernels take, whatever the model: about 1.3 GB (1,343 MB measured). */
export const KERNEL_BYTES = 1.3e9;

/** Running: the weights 1.2 to 5 times, for cache, activations and kernels. */
export const ruleInference = (parameters: number, precision: Precision): ByteRange => times(ruleWeights(parameters, precision), 1.2, 5);

/** Training with AdamW in mixed precision: weights 2n, gradients 2n, moments 8n; about 16n in practice. */
export function ruleTraining(parameters: number): { readonly computedBytes: number; readonly practiceBytes: number } {
  const n = counted(parameters);
  return { computedBytes: 12 * n, practiceBytes: 16 * n };
}

export type RuleMethod = 'full' | 'pretraining' | 'lora' | 'reinforcement';

/** How many times the size in FP16 each way of training takes. */
const methodFactors: Readonly<Record<RuleMethod, readonly [number, number]>> = {
  full: [8, 15],
  pretraining: [12, 20],
  lora: [1.2, 2],
  reinforcement: [4, 20],
};

export const ruleMethod = (parameters: number, method: RuleMethod): ByteRange =>
  times(ruleWeights(parameters, 'fp16'), ...methodFactors[method]);

/** Full fine-tuning takes at least 16 to 20 bytes for each parameter. */
export const ruleFullLeast = (parameters: number): ByteRange => times(counted(parameters), 16, 20);

/** Weights, gradients of the same size, AdamW's two moments, and the kernels: all in one precision. */
export function ruleBreakdown(parameters: number, precision: 'fp32' | 'fp16' | 'int8') {
  const weightBytes = ruleWeights(parameters, precision);
  const optimizerBytes = 2 * weightBytes;
  return {
    weightBytes,
    gradientBytes: weightBytes,
    optimizerBytes,
    kernelBytes: KERNEL_BYTES,
    totalBytes: 2 * weightBytes + optimizerBytes + KERNEL_BYTES,
  };
}

export interface RuleShape {
  readonly embeddingLength: number;
  readonly feedForwardLength: number;
  readonly layerCount: number;
}

/** Activations: (hidden + intermediate) × length × layers × bytes × batch. Checkpointing saves 30 to 70 %, accumulation divides by its steps. */
export const ruleActivations = (
  { embeddingLength, feedForwardLength, layerCount }: RuleShape,
  {
    length,
    batch = 1,
    bytes = 1,
    accumulation = 1,
  }: { readonly length: number; readonly batch?: number; readonly bytes?: number; readonly accumulation?: number },
): number => counted(((embeddingLength + feedForwardLength) * length * layerCount * bytes * batch) / accumulation);

/** What checkpointing leaves of the activations, for about 30 % more time. */
export const ruleCheckpointed = (activationBytes: number): ByteRange => times(activationBytes, 0.3, 0.7);

/** QLoRA with a context of 8k: a card of 16 GB trains up to 20 billion parameters, one of 24 GB up to 32. */
export const ruleQlora = (cardBytes: number): number => {
  const known = [
    { cardBytes: 24e9, parameters: 32e9 },
    { cardBytes: 16e9, parameters: 20e9 },
  ];
  return known.find((card) => cardBytes >= card.cardBytes)?.parameters ?? 0;
};

/** How many cards of `cardBytes` hold the weights alone. */
export const ruleCards = (parameters: number, precision: Precision, cardBytes: number): number =>
  counted(cardBytes) === 0 ? 0 : Math.ceil(ruleWeights(parameters, precision) / cardBytes);

/** Cards of one kind. */
export interface CardAdvice {
  readonly count: number;
  readonly cardBytes: number;
}

interface InferenceAdvice {
  /** Up to so many parameters. */
  readonly below: number;
  /** Of one card; null: several. */
  readonly leastBytes: number | null;
  readonly recommendedBytes: number | null;
  readonly idealBytes: number | null;
}

const inferenceAdvice: readonly InferenceAdvice[] = [
  { below: 3e9, leastBytes: 16e9, recommendedBytes: 24e9, idealBytes: 40e9 },
  { below: 13e9, leastBytes: 24e9, recommendedBytes: 40e9, idealBytes: 80e9 },
  { below: 70e9, leastBytes: 40e9, recommendedBytes: 80e9, idealBytes: null },
  { below: Number.POSITIVE_INFINITY, leastBytes: null, recommendedBytes: null, idealBytes: null },
];

/** The card to run a model of that size on. A size on a border belongs to the smaller class. */
export const adviseInference = (parameters: number): Omit<InferenceAdvice, 'below'> | undefined =>
  inferenceAdvice.find(({ below }) => counted(parameters) <= below);

const training = (parameters: number, least: CardAdvice, recommended: number, ideal: number) => ({
  parameters,
  least,
  recommended: { count: recommended, cardBytes: 80e9 },
  ideal: { count: ideal, cardBytes: 80e9 },
});

const trainingAdvice = [
  training(7e9, { count: 2, cardBytes: 40e9 }, 4, 8),
  training(13e9, { count: 4, cardBytes: 80e9 }, 8, 16),
  training(65e9, { count: 8, cardBytes: 80e9 }, 16, 32),
  training(175e9, { count: 16, cardBytes: 80e9 }, 32, 64),
] as const;

/** The cards (A100) to train a model of that size on: of the next size in the table. Undefined above all of them. */
export const adviseTraining = (parameters: number) => trainingAdvice.find((advice) => counted(parameters) <= advice.parameters);

const savingAdvice = [
  { parameters: 7e9, accumulation: [4, 8], segments: [2, 4], memoryBytes: [24e9, 32e9] },
  { parameters: 13e9, accumulation: [8, 16], segments: [3, 6], memoryBytes: [48e9, 64e9] },
  { parameters: 65e9, accumulation: [16, 32], segments: [4, 8], memoryBytes: [640e9, 640e9] },
] as const;

/** Settings that save memory in training: steps of accumulation, segments of checkpointing, and what is left to take. */
export const adviseSaving = (parameters: number) => savingAdvice.find((advice) => counted(parameters) <= advice.parameters);

export type SizeClass = 'light' | 'medium' | 'heavy';

/** A personal computer up to 7B, a strong card up to 32B, a server above. */
export const sizeClass = (parameters: number): SizeClass =>
  counted(parameters) < 14e9 ? 'light' : counted(parameters) <= 32e9 ? 'medium' : 'heavy';

/** What was measured for ChatGLM-6B: LoRA (r = 8), P-Tuning (16 tokens) and freezing all but 3 layers, in GB. */
export const measuredTuning = [
  { method: 'lora', batch: 16, precision: 'fp16', bytes: 28e9 },
  { method: 'lora', batch: 8, precision: 'fp16', bytes: 24e9 },
  { method: 'lora', batch: 4, precision: 'fp16', bytes: 20e9 },
  { method: 'lora', batch: 4, precision: 'int8', bytes: 10e9 },
  { method: 'lora', batch: 4, precision: 'int4', bytes: 8e9 },
  { method: 'ptuning', batch: 4, precision: 'fp16', bytes: 20e9 },
  { method: 'ptuning', batch: 4, precision: 'int8', bytes: 16e9 },
  { method: 'ptuning', batch: 4, precision: 'int4', bytes: 12e9 },
  { method: 'freeze', batch: 4, precision: 'fp16', bytes: 24e9 },
  { method: 'freeze', batch: 4, precision: 'int8', bytes: 12e9 },
] as const satisfies readonly { method: string; batch: number; precision: Precision; bytes: number }[];
