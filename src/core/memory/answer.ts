import { rowBytes } from './cache-types.ts';
import { findCard, usableBytes, type Card } from './cards.ts';
import { fittingVariants, onCards, type Variant, type VariantFit } from './choices.ts';
import { compareInference, compareTraining, type Comparison } from './compare.ts';
import { advise, bestSplit, fitOf, type FitStatus, type Question, type Remedy, type Room } from './fit.ts';
import { estimateShape, type AmountKind } from './inference.ts';
import { LEAST_CONTEXT_LENGTH, type LoadSettings } from './load.ts';
import { parameterCount } from './matrices.ts';
import type { Correction } from './measured.ts';
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

/**
 * A model of the library.
 * @param exact its shape as its header has it, where that is known
 */
export function subjectOfModel(facts: ModelFacts, sizeBytes: number, exact: ModelShape | null = null): Subject {
  const shape = exact ?? shapeFromFacts(facts, sizeBytes);
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
  /** Of the card. */
  readonly name: string | null;
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
  /** What was learned of such work here; null: nothing yet, or it is elsewhere. */
  readonly correction: Correction | null;
  /** What all amounts were multiplied with for it: 1 where the draft does not want it, and where it would change nothing. */
  readonly factor: number;
}

/** A card of this computer. */
export interface OwnCard {
  /** As its driver calls it. */
  readonly name: string;
  readonly backend: string;
  readonly freeBytes: number;
}

export interface Place {
  /** What programs can still take of this computer's memory. */
  readonly processorBytes: number;
  /** Empty: the processor alone. */
  readonly cards: readonly Card[];
  /** What measurements of this computer call it; null: another one. */
  readonly device: string | null;
}

/** Where a model is to run: without a card of the table on this computer, with the cards that it has. */
export function placeOf(
  { card, cardCount }: Pick<Draft, 'card' | 'cardCount'>,
  cards: readonly Card[],
  processorBytes: number,
  own: readonly OwnCard[] = [],
): Place {
  const found = cards.find(({ name }) => name === card);
  if (found === undefined) {
    const present = own.map(({ name, freeBytes }): Card => {
      const known = findCard(cards, name);
      return { name, vendor: known?.vendor ?? '', capacityBytes: freeBytes, bandwidth: known?.bandwidth ?? Number.NaN, unified: false };
    });
    return { processorBytes, cards: present, device: own[0]?.backend.toLowerCase() ?? 'processor' };
  }
  const count = read(cardCount);
  const used = Number.isFinite(count) ? Math.min(MOST_CARDS, Math.max(1, Math.floor(count))) : 1;
  return { processorBytes, cards: Array.from({ length: used }, () => found), device: null };
}

/** What was learned of the work that a draft asks about. */
const correctionFor = ({ task }: Draft, { device }: Place, learned: readonly Correction[]): Correction | null =>
  learned.find((one) => one.kind === (task === 'run' ? 'run' : 'train') && one.device === device) ?? null;

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

/**
 * Everything that is known in advance. Never throws, never NaN.
 * @param learned what earlier work on this computer says of such estimates
 */
export function answerOf(subject: Subject, draft: Draft, place: Place, learned: readonly Correction[] = []): Answer {
  const correction = correctionFor(draft, place, learned);
  const factor = draft.corrected ? factorOf(correction) : 1;
  // What takes more than was told has less room.
  const room: Place = {
    ...place,
    processorBytes: place.processorBytes / factor,
    cards: place.cards.map((card) => ({ ...card, capacityBytes: card.capacityBytes / factor })),
  };
  const answer = draft.task === 'run' ? answerRun(subject, questionOf(subject, draft, room), room) : answerTraining(subject, draft, room);
  if (factor === 1) return { ...answer, correction, factor };
  return {
    ...answer,
    correction,
    factor,
    total: scaled(answer.total, factor),
    devices: answer.devices.map((device) => ({ ...device, ...scaled(device, factor), capacityBytes: device.capacityBytes * factor })),
    missingBytes: answer.missingBytes * factor,
    spareBytes: answer.spareBytes * factor,
  };
}

/** More than twice as much is no estimate that is a little off. */
const MOST_FACTOR = 2;
/** Less is not worth other figures. */
const LEAST_CHANGE = 0.005;

function factorOf(correction: Correction | null): number {
  if (correction === null || Math.abs(correction.factor - 1) < LEAST_CHANGE) return 1;
  return Math.min(MOST_FACTOR, Math.max(1 / MOST_FACTOR, correction.factor));
}

const scaled = <K extends string>(total: Total<K>, factor: number): Total<K> => ({
  ...total,
  totalBytes: total.totalBytes * factor,
  lowBytes: total.lowBytes * factor,
  highBytes: total.highBytes * factor,
  amounts: total.amounts.map((amount) => ({
    ...amount,
    bytes: amount.bytes * factor,
    lowBytes: amount.lowBytes * factor,
    highBytes: amount.highBytes * factor,
  })),
});

type Uncorrected = Omit<Answer, 'correction' | 'factor'>;

function answerRun({ shape, parameters, precision }: Subject, question: Question, place: Place): Uncorrected {
  const { estimate, status, missingBytes, remedies } = advise(question);
  const capacities = [question.room.processorBytes, ...question.room.cardBytes];
  const devices = estimate.devices.map((device, index): DeviceAnswer => ({
    ...device,
    name: place.cards[index - 1]?.name ?? null,
    capacityBytes: capacities[index] ?? 0,
  }));
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
function answerTraining(subject: Subject, draft: Draft, place: Place): Uncorrected {
  const method = draft.task === 'run' ? 'lora' : draft.task;
  const total = trainingOf(subject, draft, method);
  const card = place.cards[0];
  const capacityBytes = card === undefined ? place.processorBytes : usableBytes(card);
  const devices: readonly DeviceAnswer[] = [
    { ...total, device: card === undefined ? 'processor' : 0, name: card?.name ?? null, capacityBytes },
  ];
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

/** How a draft would be loaded on this computer: what is no possible number is left to Lathe. */
export function loadOf({ contextLength, gpuLayers, cacheType, flashAttention }: Draft): LoadSettings {
  const whole = (value: Typed | null, least: number): number | null => {
    const number = value === null ? Number.NaN : Math.floor(read(value));
    return number >= least && Number.isSafeInteger(number) ? number : null;
  };
  return { contextLength: whole(contextLength, LEAST_CONTEXT_LENGTH), gpuLayers: whole(gpuLayers, 0), cacheType, flashAttention };
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
