import type { Amount, AmountBasis } from './amount.ts';
import { exact, range, totalOf, type Total } from './amount.ts';
import { adapterParameters, parameterCount, type TargetModule } from './matrices.ts';
import type { LayerShape, ModelShape } from './shape.ts';

export type TrainingKind =
  | 'weights'
  | 'adapters'
  | 'gradients'
  | 'optimizer'
  | 'master'
  | 'activations'
  | 'logits'
  | 'workspace'
  | 'program';

/**
 * - `full`: all weights are trained.
 * - `lora`: the base is kept in 16 bits, small matrices beside it are trained.
 * - `qlora`: the same on a base as it is stored, of any type.
 */
export type TrainingMethod = 'full' | 'lora' | 'qlora';

/** `adamw8bit` keeps both moments in a byte each, with a scale for each block of 2048 (Dettmers et al. 2022). */
export type Optimizer = 'adamw' | 'adamw8bit' | 'sgd' | 'sgdMomentum';

/** Bytes of an optimizer's state for each trained parameter. */
const optimizerBytes: Readonly<Record<Optimizer, number>> = { adamw: 8, adamw8bit: 2 * (1 + 4 / 2048), sgd: 0, sgdMomentum: 4 };

export interface TrainingSettings {
  readonly method: TrainingMethod;
  readonly optimizer?: Optimizer | undefined;
  /** Tokens of a sequence. */
  readonly length?: number | undefined;
  /** Sequences for each update of the weights. */
  readonly batch?: number | undefined;
  /** In how many parts a batch is computed, one after the other. */
  readonly accumulation?: number | undefined;
  /** Keep only what goes into each layer, and compute the rest again on the way back. */
  readonly checkpointing?: boolean | undefined;
  /** Bytes of each number that is computed with: 2 or 4. */
  readonly activationBytes?: number | undefined;
  /** Attention without its scores in memory. */
  readonly flashAttention?: boolean | undefined;
  /** Tokens whose logits are held at a time; default: all. Fused losses compute them in parts. */
  readonly logitTokens?: number | undefined;
  /** Full training: an F32 copy of the weights beside those in 16 bits. */
  readonly masterWeights?: boolean | undefined;
  readonly rank?: number | undefined;
  readonly targets?: readonly TargetModule[] | undefined;
  /** Lathe's trainer works layer by layer, always with checkpoints, in F32, on a processor with flash attention; `pytorch` is what others do. */
  readonly trainer?: 'lathe' | 'pytorch' | undefined;
}

export interface TrainingEstimate extends Total<TrainingKind> {
  readonly parameters: number;
  readonly trainedParameters: number;
  /** Sequences that are computed at the same time. */
  readonly microBatch: number;
  readonly problems: readonly TrainingProblem[];
}

export interface TrainingProblem {
  readonly kind: 'notANumber' | 'tooSmall' | 'tooLarge';
  readonly setting: keyof TrainingSettings;
  readonly given: number | null;
  readonly used: number | null;
}

/** Libraries of a card with their kernels: measured by the notes' author as 1,343 MB for PyTorch on CUDA. */
const PYTORCH_KERNEL_BYTES = 1343 * 1024 ** 2;
/** Above this nothing can be reckoned with exactly. */
const MAX_COUNT = 2 ** 31 - 1;

export const defaultTargets: readonly TargetModule[] = ['q', 'k', 'v', 'o', 'gate', 'up', 'down'];

/** Memory that training a model takes, without what other programs take. Never throws, never NaN. */
export function estimateTraining(shape: ModelShape, given: TrainingSettings): TrainingEstimate {
  const problems: TrainingProblem[] = [];
  const whole = (setting: keyof TrainingSettings, value: number | undefined, otherwise: number): number => {
    if (value === undefined) return otherwise;
    const used = Number.isNaN(value) ? otherwise : Math.min(MAX_COUNT, Math.max(1, Math.floor(value)));
    if (Number.isNaN(value)) problems.push({ kind: 'notANumber', setting, given: null, used });
    else if (value < 1) problems.push({ kind: 'tooSmall', setting, given: Number.isFinite(value) ? value : null, used });
    else if (value > MAX_COUNT) problems.push({ kind: 'tooLarge', setting, given: Number.isFinite(value) ? value : null, used });
    return used;
  };
  const { method, optimizer = 'adamw', targets = defaultTargets } = given;
  const length = whole('length', given.length, 2048);
  const batch = whole('batch', given.batch, 1);
  const accumulation = Math.min(batch, whole('accumulation', given.accumulation, 1));
  const microBatch = Math.ceil(batch / accumulation);
  const rank = whole('rank', given.rank, 16);
  const logitTokens = whole('logitTokens', given.logitTokens, microBatch * length);
  const isLathe = given.trainer === 'lathe';

  const parameters = parameterCount(shape);
  const trainedParameters = method === 'full' ? parameters : adapterParameters(shape, rank, targets);
  const storedBytes = shape.layers.reduce((sum, layer) => sum + layer.weightBytes, shape.inputBytes + shape.outputBytes);
  const half = method !== 'qlora';
  const tokens = microBatch * length;
  const width = given.activationBytes ?? (isLathe ? 4 : 2);
  // Lathe's trainer keeps what it trains in F32, and both moments whatever the optimizer (src/native/train/parameters.h).
  const trainedWidth = method === 'full' && !isLathe ? 2 : 4;
  const momentBytes = isLathe ? optimizerBytes.adamw : optimizerBytes[optimizer];
  const run = {
    shape,
    length,
    microBatch,
    tokens,
    logitTokens: Math.min(tokens, logitTokens),
    width,
    rank,
    targets,
    isAdapter: method !== 'full',
  };
  const amounts: Amount<TrainingKind>[] = [
    exact('weights', method === 'full' ? trainedWidth * parameters : half ? 2 * parameters : storedBytes),
    exact('adapters', method === 'full' ? 0 : 4 * trainedParameters),
    exact('master', method === 'full' && !isLathe && given.masterWeights === true ? 4 * parameters : 0),
    exact('gradients', trainedWidth * trainedParameters),
    exact('optimizer', momentBytes * trainedParameters),
    ...(isLathe ? latheActivations(run, given.flashAttention === true) : usualActivations(run, given)),
    range('program', isLathe ? 0 : PYTORCH_KERNEL_BYTES, 0.5, 1.5, 'measuredElsewhere'),
  ];
  return { ...totalOf(amounts), parameters, trainedParameters, microBatch, problems };
}

interface Run {
  readonly shape: ModelShape;
  readonly length: number;
  readonly microBatch: number;
  readonly tokens: number;
  readonly logitTokens: number;
  /** Bytes of a number. */
  readonly width: number;
  readonly rank: number;
  readonly targets: readonly TargetModule[];
  readonly isAdapter: boolean;
}

const simulated: AmountBasis = 'simulated';

/** What is kept for the way back, and the logits with their gradients in F32. */
function usualActivations(run: Run, { checkpointing = false, flashAttention = true }: TrainingSettings): readonly Amount<TrainingKind>[] {
  const { shape, tokens, logitTokens, width } = run;
  const perLayer = shape.layers.map((layer) => layerNumbers(layer, run, flashAttention));
  const all = perLayer.reduce((sum, numbers) => sum + numbers, 0);
  const largest = perLayer.reduce((most, numbers) => Math.max(most, numbers), 0);
  const kept = checkpointing ? shape.layers.length * tokens * shape.embeddingLength + largest : all;
  return [
    range('activations', width * kept, 0.75, 1.35, simulated),
    range('logits', 2 * 4 * logitTokens * shape.vocabularySize, 0.5, 1.5, simulated),
  ];
}

/**
 * Numbers that a layer keeps for its gradients: what goes into each matrix, norm and product (Korthikanti et al. 2022, section
 * 4.1, for gated networks and grouped heads). Without flash attention also the scores, before and behind the softmax.
 */
function layerNumbers(
  { memory, feedForward }: LayerShape,
  { shape, tokens, length, rank, targets, isAdapter }: Run,
  flashAttention: boolean,
): number {
  const width = shape.embeddingLength;
  let perToken = 4 * width;
  if (memory.kind === 'attention') {
    perToken += 2 * memory.headCount * memory.keyLength + memory.headCountKv * (memory.keyLength + memory.valueLength);
    if (!flashAttention) perToken += 2 * memory.headCount * length;
  } else if (memory.kind === 'latent') {
    perToken += memory.headCount * (2 * memory.keyLength + 2 * memory.valueLength) + memory.latentLength + memory.positionLength;
    if (!flashAttention) perToken += 2 * memory.headCount * length;
  } else if (memory.kind === 'recurrent') perToken += 6 * memory.innerLength;
  if (feedForward.kind === 'gated') perToken += 3 * feedForward.length;
  else if (feedForward.kind === 'plain') perToken += 2 * feedForward.length;
  else if (feedForward.kind === 'experts')
    perToken += 3 * feedForward.length * feedForward.usedCount + feedForward.expertCount + 3 * feedForward.sharedLength;
  return tokens * (perToken + (isAdapter ? rank * targets.length : 0));
}

/** Rows of the output that Lathe's trainer computes at a time. */
const HEAD_TOKENS = 128;
const HEAD_ROWS = 8192;

/**
 * Lathe's trainer goes layer by layer: what went into each layer, one layer's graph with its gradients, and on cards, which keep scores
 * and the mask too, two matrices decompressed. Its coefficients are fitted to measured buffers of layers of 256 to 4096 numbers.
 */
function latheActivations({ shape, tokens, length, microBatch }: Run, flashAttention: boolean): readonly Amount<TrainingKind>[] {
  const width = shape.embeddingLength;
  let graph = 0;
  let matrix = 0;
  for (const { memory, feedForward } of shape.layers) {
    const forward = feedForward.kind === 'none' ? 0 : feedForward.length;
    if (flashAttention) {
      const heads = memory.kind === 'attention' ? memory.headCount * memory.keyLength + 2 * memory.headCountKv * memory.valueLength : 0;
      graph = Math.max(graph, 4 * tokens * Math.max(5 * forward + 6 * width, 3 * (width + heads)));
      continue;
    }
    const heads =
      memory.kind === 'attention' ? Math.max(1, memory.headCount / memory.headCountKv) : memory.kind === 'latent' ? memory.headCount : 1;
    graph = Math.max(graph, 4.1 * 4 * microBatch * length ** 2 * heads + 8 * 4 * tokens * width, 4 * tokens * (10 * width + 6 * forward));
    matrix = Math.max(matrix, width * Math.max(width, forward));
  }
  const rows = Math.min(shape.vocabularySize, HEAD_ROWS);
  return [
    exact('activations', 4 * (shape.layers.length + 3) * tokens * width + (flashAttention ? 0 : 4 * length ** 2)),
    // What is not trained takes less.
    range('workspace', graph + 2 * 4 * matrix, flashAttention ? 0.7 : 0.8, 1.4, simulated),
    range('logits', 2 * 4 * shape.vocabularySize * Math.min(tokens, HEAD_TOKENS) + 2 * 4 * width * rows, 0.8, 1.4, simulated),
  ];
}
