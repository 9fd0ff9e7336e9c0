import { rowBytes } from './cache-types.ts';
import { usableBytes, type Card } from './cards.ts';
import { fittingVariants, onCards, type Variant, type VariantFit } from './choices.ts';
import { compareInference, compareTraining, type Comparison } from './compare.ts';
import { advise, bestSplit, fitOf, type FitStatus, type Question, type Remedy, type Room } from './fit.ts';
import { estimateShape, type AmountKind } from './inference.ts';
import { parameterCount } from './matrices.ts';
import { ruleWeights, type Precision } from './rules.ts';
import type { SettingProblem } from './settings.ts';
import { shapeFromFacts } from './shape-facts.ts';
import type { ModelShape } from './shape.ts';
import { expectedSpeed, type Speed } from './speed.ts';
import { estimateTraining, type TrainingKind, type TrainingProblem } from './training.ts';
import type { Total } from './amount.ts';
import type { ModelFacts } from '../model/facts.ts';
import type { Draft, Typed } from './draft.ts';

/** Sizes of models that are known: a tenth of a million to a hundred thousand billion parameters. */
const LEAST_BILLIONS = 0.0001;
const MOST_BILLIONS = 100_000;
/** As many cards as llama.cpp uses (`GGML_CUDA_MAX_DEVICES`). */
export const MOST_CARDS = 16;

export const read = (value: Typed): number => (typeof value === 'number' ? value : value.trim() === '' ? Number.NaN : Number(value));

export interface Subject {
  readonly shape: ModelShape;
  readonly parameters: number;
  readonly precision: Precision;
}

/** A model of the library. */
export function subjectOfModel(facts: ModelFacts, sizeBytes: number): Subject {
  const shape = shapeFromFacts(facts, sizeBytes);
  return { shape, parameters: facts.parameterCount ?? parameterCount(shape), precision: precisionOf(facts.quantization) };
}

/** A model of which only the size is known. Undefined where that is no size. */
export function subjectOfSize(billions: Typed, precision: Precision): Subject | undefined {
  const given = read(billions);
  if (!(given >= LEAST_BILLIONS && given <= MOST_BILLIONS)) return undefined;
  const parameters = given * 1e9;
  const shape = shapeFromFacts({ parameterCount: parameters, tensorBytes: ruleWeights(parameters, precision) });
  return { shape, parameters, precision };
}

/** What the rule of thumb would call a file's type. */
function precisionOf(quantization: string | undefined): Precision {
  const name = (quantization ?? 'F16').toLowerCase();
  if (name.startsWith('f32')) return 'fp32';
  if (name.startsWith('bf16')) return 'bf16';
  if (name.startsWith('f16')) return 'fp16';
  return /8/.test(name) ? 'int8' : 'int4';
}

export type Kind = AmountKind | TrainingKind;

export interface DeviceAnswer extends Total<Kind> {
  /** The processor's memory, or the number of the card. */
  readonly device: 'processor' | number;
  readonly capacityBytes: number;
}

export interface Problem {
  readonly kind: SettingProblem['kind'] | TrainingProblem['kind'];
  readonly setting: string;
  readonly used: number | null;
}

export interface Answer {
  readonly total: Total<Kind>;
  readonly devices: readonly DeviceAnswer[];
  readonly status: FitStatus;
  readonly missingBytes: number;
  /** What the fullest device has left; 0 where something is missing. */
  readonly spareBytes: number;
  readonly remedies: readonly Remedy[];
  readonly speed: Speed | undefined;
  readonly comparison: Comparison<Kind>;
  readonly problems: readonly Problem[];
  readonly confidence: 'high' | 'medium' | 'low';
  /** Layers on cards, the output counting as one. */
  readonly gpuLayers: number;
}

export interface Place {
  /** What programs can still take of this computer's memory. */
  readonly processorBytes: number;
  /** Cards of one kind; empty: the processor alone. */
  readonly cards: readonly Card[];
}

/** Where a model is to run: undefined count or card mean the processor alone. */
export function placeOf({ card, cardCount }: Pick<Draft, 'card' | 'cardCount'>, cards: readonly Card[], processorBytes: number): Place {
  const found = cards.find(({ name }) => name === card);
  const count = read(cardCount);
  const used = Number.isFinite(count) ? Math.min(MOST_CARDS, Math.max(1, Math.floor(count))) : 1;
  return { processorBytes, cards: found === undefined ? [] : Array.from({ length: used }, () => found) };
}

/** The question that a draft asks about running a model. */
export function questionOf({ shape }: Subject, draft: Draft, place: Place): Question {
  const room: Room = { processorBytes: place.processorBytes, cardBytes: place.cards.map(usableBytes) };
  const settings = {
    contextLength: read(draft.contextLength),
    sequences: read(draft.sequences),
    batchLength: read(draft.batchLength),
    keyType: draft.cacheType,
    valueType: draft.cacheType,
    flashAttention: draft.flashAttention,
    gpuLayers: 0,
    cards: [],
  };
  const question = { shape, settings, room, beside: { program: true } };
  if (place.cards.length === 0) return question;
  const all = shape.layers.length + 1;
  const split = draft.gpuLayers === null ? bestSplit(question) : { gpuLayers: read(draft.gpuLayers), cards: room.cardBytes };
  return { ...question, settings: { ...settings, gpuLayers: split?.gpuLayers ?? all, cards: split?.cards ?? room.cardBytes } };
}

/** Everything that is known in advance. Never throws, never NaN. */
export function answerOf(subject: Subject, draft: Draft, place: Place): Answer {
  return draft.task === 'run' ? answerRun(subject, questionOf(subject, draft, place), place) : answerTraining(subject, draft, place);
}

function answerRun({ shape, parameters, precision }: Subject, question: Question, place: Place): Answer {
  const { estimate, status, missingBytes, remedies } = advise(question);
  const capacities = [question.room.processorBytes, ...question.room.cardBytes];
  const devices = estimate.devices.map((device, index): DeviceAnswer => ({ ...device, capacityBytes: capacities[index] ?? 0 }));
  const bandwidth = place.cards.map((card) => card.bandwidth);
  return {
    total: estimate,
    devices,
    status,
    missingBytes,
    spareBytes: spareOf(devices),
    remedies,
    speed: expectedSpeed(shape, estimate.settings, { processor: Number.NaN, cards: bandwidth }),
    comparison: compareInference(estimate, parameters, precision),
    problems: estimate.problems,
    confidence: estimate.confidence,
    gpuLayers: estimate.settings.gpuLayers,
  };
}

const trainingOf = ({ shape }: Subject, draft: Draft, method: Exclude<Draft['task'], 'run'>) =>
  estimateTraining(shape, {
    method,
    optimizer: draft.optimizer,
    rank: read(draft.rank),
    length: read(draft.length),
    batch: read(draft.batch),
    accumulation: read(draft.accumulation),
    checkpointing: draft.checkpointing,
    trainer: 'lathe',
  });

/** Training takes one device: the first card, or the processor. */
function answerTraining(subject: Subject, draft: Draft, place: Place): Answer {
  const method = draft.task === 'run' ? 'lora' : draft.task;
  const total = trainingOf(subject, draft, method);
  const card = place.cards[0];
  const capacityBytes = card === undefined ? place.processorBytes : usableBytes(card);
  const devices: readonly DeviceAnswer[] = [{ ...total, device: card === undefined ? 'processor' : 0, capacityBytes }];
  const missingBytes = Math.max(0, total.totalBytes - capacityBytes);
  return {
    total,
    devices,
    status: statusOf(total, capacityBytes),
    missingBytes,
    spareBytes: spareOf(devices),
    remedies: [],
    speed: undefined,
    comparison: compareTraining(total, subject.parameters, method === 'full' ? 'full' : 'lora'),
    problems: total.problems,
    confidence: subject.shape.guessed.includes('layerCount') ? 'low' : 'medium',
    gpuLayers: 0,
  };
}

const statusOf = ({ totalBytes, highBytes }: Total<Kind>, capacityBytes: number): FitStatus =>
  totalBytes > capacityBytes ? 'short' : highBytes > capacityBytes ? 'tight' : 'fits';

const spareOf = (devices: readonly DeviceAnswer[]): number =>
  Math.max(0, Math.min(...devices.map(({ capacityBytes, totalBytes }) => capacityBytes - totalBytes)));

/** What changes a draft so that it fits. */
export function remedyChange(remedy: Remedy): Partial<Draft> {
  switch (remedy.kind) {
    case 'context':
      return { contextLength: remedy.contextLength };
    case 'layers':
      return { gpuLayers: remedy.gpuLayers };
    case 'cacheType':
      return { cacheType: remedy.cacheType, flashAttention: true };
    case 'flashAttention':
      return { flashAttention: true };
    case 'sequences':
      return { sequences: remedy.sequences };
  }
}

/** Types of GGUF that a whole model could be stored in, from the largest to the smallest. */
const TYPES = ['F16', 'Q8_0', 'Q6_K', 'Q5_K', 'Q4_K', 'Q3_K', 'Q2_K'] as const;
/** Elements in a superblock: a whole number of blocks of every type. */
const SUPERBLOCK = 256;

/** The model with all its weights in one type or another. */
export function variantsOf(subject: Subject, draft: Draft, place: Place): readonly VariantFit[] {
  const variants = TYPES.map((name): Variant => ({
    name,
    sizeBytes: Math.round((subject.parameters * rowBytes(name, SUPERBLOCK)) / SUPERBLOCK),
  }));
  return fittingVariants(questionOf(subject, draft, place), variants);
}

export interface CardRow {
  readonly card: Card;
  readonly status: FitStatus;
  readonly missingBytes: number;
  readonly speed: Speed | undefined;
}

/** What one of each card of the table would do, the smallest first. */
export function cardRows(subject: Subject, draft: Draft, place: Place, cards: readonly Card[]): readonly CardRow[] {
  const sorted = cards.toSorted((left, right) => left.capacityBytes - right.capacityBytes || left.bandwidth - right.bandwidth);
  if (draft.task === 'run') return onCards(questionOf(subject, draft, { ...place, cards: [] }), sorted);
  const total = trainingOf(subject, draft, draft.task);
  return sorted.map((card) => ({
    card,
    status: statusOf(total, usableBytes(card)),
    missingBytes: Math.max(0, total.totalBytes - usableBytes(card)),
    speed: undefined,
  }));
}

/** Steps of context in the strip, and of layers. */
const CONTEXTS = [1024, 2048, 4096, 8192, 16_384, 32_768, 65_536, 131_072] as const;
const LAYER_STEPS = 8;

export interface HeatCell {
  readonly contextLength: number;
  readonly gpuLayers: number;
  readonly status: FitStatus;
}

/** Whether each context fits with each number of layers on the cards: a row for each number of layers, most first. */
export function heatOf(subject: Subject, draft: Draft, place: Place): readonly (readonly HeatCell[])[] {
  const question = questionOf(subject, { ...draft, gpuLayers: 0 }, place);
  const { shape, room } = question;
  const longest = shape.contextLength ?? CONTEXTS.at(-1) ?? 0;
  const contexts = CONTEXTS.filter((length, index) => index === 0 || length <= longest);
  const all = shape.layers.length + 1;
  const count = place.cards.length === 0 ? 0 : Math.min(LAYER_STEPS, all);
  const layers = Array.from({ length: count + 1 }, (_, step) => (count === 0 ? 0 : Math.round(((count - step) * all) / count)));
  return layers.map((gpuLayers) =>
    contexts.map((contextLength): HeatCell => {
      const settings = { ...question.settings, contextLength, gpuLayers };
      return { contextLength, gpuLayers, status: fitOf(estimateShape(shape, settings, question.beside ?? {}), room).status };
    }),
  );
}
