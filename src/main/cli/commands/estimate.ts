import { formatBytes } from '#core/bytes.ts';
import {
  answerOf,
  placeOf,
  subjectOfModel,
  subjectOfSize,
  type Answer,
  type DeviceAnswer,
  type OwnCard,
  type Subject,
} from '#core/memory/answer.ts';
import { cacheTypes, type CacheType } from '#core/memory/cache-types.ts';
import { findCard, readCards, type Card } from '#core/memory/cards.ts';
import { newDraft, type Draft } from '#core/memory/draft.ts';
import type { Remedy } from '#core/memory/fit.ts';
import { correctionsOf } from '#core/memory/measured.ts';
import { precisionBytes, type Precision } from '#core/memory/rules.ts';
import type { ModelFacts } from '#core/model/facts.ts';
import type { AppClient } from '#contract/index.ts';
import gpus from '../../../../resources/gpus.json' with { type: 'json' };
import { defineCommand } from '../command.ts';
import { findModel, parameters as countText } from '../model.ts';
import { heading, table } from '../text.ts';
import { definedOnly, oneOf, usage, wholeNumberOf } from '../values.ts';

const TASKS = ['qlora', 'lora', 'full'] as const;
const OPTIMIZERS = ['adamw', 'adamw8bit', 'sgd'] as const;
const PRECISIONS = Object.keys(precisionBytes) as Precision[];
const MOST = 2 ** 31 - 1;
const UNITS: Readonly<Record<string, number>> = { '': 1e-9, K: 1e-6, M: 1e-3, B: 1, T: 1e3 };

/** What the Memory screen says, by the same functions, for scripts and for those without a window. */
export const command = defineCommand({
  args: ['[MODEL]'],
  options: {
    params: { type: 'string', value: 'N', help: 'in place of MODEL: a model of so many parameters, such as 7B or 350M' },
    precision: { type: 'string', value: 'TYPE', help: `with --params, the type of its weights: ${PRECISIONS.join(', ')} (int4)` },
    context: { type: 'string', value: 'N', help: 'tokens of context (4096)' },
    parallel: { type: 'string', value: 'N', help: 'conversations at a time (1)' },
    batch: { type: 'string', value: 'N', help: 'tokens per step, in training rows per update (512, 1)' },
    kv: { type: 'string', value: 'TYPE', help: `type of the cache: ${cacheTypes.join(', ').toLowerCase()} (f16)` },
    'no-flash-attention': { type: 'boolean', help: 'without flash attention' },
    'gpu-layers': { type: 'string', value: 'N', help: 'layers on the cards, the output counting as one (as many as fit)' },
    gpu: { type: 'string', value: 'NAME', help: 'a graphics card by its name, such as "RTX 4090" (this computer, with the cards it has)' },
    gpus: { type: 'string', value: 'N', help: 'so many of them (1)' },
    train: { type: 'string', value: 'HOW', help: `what training takes: ${TASKS.join(', ')}` },
    optimizer: { type: 'string', value: 'NAME', help: `in training: ${OPTIMIZERS.join(', ')} (adamw)` },
    rank: { type: 'string', value: 'N', help: 'of the adapter (16)' },
    length: { type: 'string', value: 'N', help: 'tokens of a row in training (2048)' },
    uncorrected: { type: 'boolean', help: 'without what was learned from earlier work on this computer' },
  },
  run: async (context, [reference], values) => {
    const whole = (name: string, value: string | undefined) => wholeNumberOf(name, value, { min: 1, max: MOST });
    const task = values.train === undefined ? 'run' : oneOf('train', values.train.toLowerCase(), TASKS);
    const batch = whole('batch', values.batch);
    const cards = readCards(gpus);
    const card = values.gpu === undefined ? undefined : cardNamed(cards, values.gpu);
    const draft: Draft = {
      ...newDraft,
      ...definedOnly({
        contextLength: whole('context', values.context),
        sequences: whole('parallel', values.parallel),
        cacheType: values.kv === undefined ? undefined : cacheTypeNamed(values.kv),
        gpuLayers: wholeNumberOf('gpu-layers', values['gpu-layers'], { min: 0, max: 10_000 }),
        cardCount: whole('gpus', values.gpus),
        rank: whole('rank', values.rank),
        length: whole('length', values.length),
        optimizer: values.optimizer === undefined ? undefined : oneOf('optimizer', values.optimizer, OPTIMIZERS),
      }),
      ...(batch === undefined ? {} : task === 'run' ? { batchLength: batch } : { batch }),
      task,
      flashAttention: values['no-flash-attention'] !== true,
      card: card?.name ?? null,
      corrected: values.uncorrected !== true,
    };
    const client = await context.client();
    const { name, subject } = await subjectOf(client, async () => findModel(context, reference ?? ''), reference, values);
    const place = placeOf(draft, cards, await availableBytes(client), card === undefined ? await ownCards(client) : []);
    const { measurements } = await client.memory.measurements({});
    const answer = answerOf(subject, draft, place, correctionsOf(measurements));
    return {
      json: { model: name, parameters: subject.parameters, task, card: draft.card, ...answer },
      text: textOf(name, subject, answer),
    };
  },
});

const cacheTypeNamed = (name: string): CacheType | undefined => {
  const word = oneOf(
    'kv',
    name,
    cacheTypes.map((each) => each.toLowerCase()),
  );
  return cacheTypes.find((each) => each.toLowerCase() === word);
};

/** By a driver's name, or by a part of the table's: the shortest name that has it. */
function cardNamed(cards: readonly Card[], wanted: string): Card {
  const [named] = cards
    .filter(({ name }) => name.toLowerCase().includes(wanted.trim().toLowerCase()))
    .toSorted((left, right) => left.name.length - right.name.length);
  const card = named ?? findCard(cards, wanted);
  if (card === undefined) throw usage(`--gpu ${wanted} is no card of the table, which has ${cards.map(({ name }) => name).join(', ')}`);
  return card;
}

async function subjectOf(
  client: AppClient,
  find: () => Promise<{ readonly id: string }>,
  reference: string | undefined,
  { params, precision }: { readonly params?: string; readonly precision?: string },
): Promise<{ name: string; subject: Subject }> {
  if ((reference === undefined) === (params === undefined)) throw usage('give either MODEL or --params');
  if (params === undefined) {
    const { model } = await client.library.get({ modelId: (await find()).id });
    const { shape } = await client.memory.shape({ modelId: model.id });
    return { name: model.name, subject: subjectOfModel(model.facts as ModelFacts, model.sizeBytes, shape) };
  }
  const [, number = '', unit = ''] = /^([\d.]+)\s*([KMBT]?)$/.exec(params.toUpperCase()) ?? [];
  const type = precision === undefined ? 'int4' : oneOf('precision', precision.toLowerCase(), PRECISIONS);
  const subject = number === '' ? undefined : subjectOfSize(Number(number) * (UNITS[unit] ?? 1), type);
  if (subject === undefined) throw usage(`--params ${params} is no number of parameters: 7B, 350M, 6738415616`);
  return { name: `${countText(subject.parameters)} ${type}`, subject };
}

/** The first sample of the stream that the page shows. */
async function availableBytes(client: AppClient): Promise<number> {
  for await (const sample of client.system.memory({})) return sample.availableBytes;
  return 0;
}

async function ownCards(client: AppClient): Promise<readonly OwnCard[]> {
  for await (const { cards } of client.memory.cards({})) return cards;
  return [];
}

const remedyText = (remedy: Remedy, gpuLayers: number): string => {
  switch (remedy.kind) {
    case 'context':
      return `use a context of ${remedy.contextLength.toLocaleString('en')}`;
    case 'layers':
      return remedy.gpuLayers < gpuLayers ? `move ${remedy.moved} layers to the processor` : `move ${remedy.moved} layers to the card`;
    case 'cacheType':
      return `keep the cache as ${remedy.cacheType}`;
    case 'flashAttention':
      return 'use flash attention';
    case 'sequences':
      return `${remedy.sequences} conversations at a time`;
  }
};

function problemText(kind: Answer['problems'][number]['kind'], setting: string, used: number | null): string {
  switch (kind) {
    case 'notANumber':
    case 'tooSmall':
    case 'tooLarge':
      return `${setting} is not possible; reckoned with ${used ?? 'the usual'}.`;
    case 'beyondTrainedContext':
      return 'The model was not trained for so long a context: answers may get worse.';
    case 'needsFlashAttention':
      return 'A quantized cache needs flash attention.';
    case 'needsEqualTypes':
      return 'Keys and values need one type here.';
  }
}

const verdictOf = ({ status, missingBytes, spareBytes }: Answer): string =>
  status === 'short'
    ? `needs ${formatBytes(missingBytes)} more`
    : status === 'tight'
      ? `fits barely: ${formatBytes(spareBytes)} to spare, less than the estimate may be off`
      : `fits with ${formatBytes(spareBytes)} to spare`;

function textOf(name: string, { parameters, precision }: Subject, answer: Answer): string {
  const deviceName = ({ device, name: card }: DeviceAnswer): string =>
    device === 'processor' ? 'This computer' : `${card ?? 'Card'} ${device + 1}`;
  const rows = answer.devices.flatMap((device) => [
    [deviceName(device), formatBytes(device.totalBytes), `of ${formatBytes(device.capacityBytes)}`],
    ...device.amounts.map(({ kind, bytes, lowBytes, highBytes }) => [
      `  ${kind}`,
      formatBytes(bytes),
      lowBytes === highBytes ? '' : `${formatBytes(lowBytes)} to ${formatBytes(highBytes)}`,
    ]),
  ]);
  const { rule, agrees } = answer.comparison;
  const { speed, correction, factor } = answer;
  return [
    heading(`${name}: ${verdictOf(answer)}`),
    table([{ title: 'part' }, { title: 'bytes', align: 'right' }, { title: 'range' }], rows),
    ...answer.remedies.map((remedy) => `Or ${remedyText(remedy, answer.gpuLayers)}.`),
    ...(speed === undefined ? [] : [`About ${speed.tokensPerSecond.toFixed(1)} tokens/s by the card’s bandwidth.`]),
    `The rule of thumb for ${countText(parameters)} parameters in ${precision} says ${formatBytes(rule.lowBytes)} to ${formatBytes(rule.highBytes)}; this ${agrees ? 'is within it' : 'is outside of it'}.`,
    ...(correction === null || factor === 1
      ? []
      : [`Reckoned with ${factor.toFixed(3)} ×: what ${correction.count} of the like took here, of what was told before (median).`]),
    ...answer.problems.map(({ kind, setting, used }) => problemText(kind, setting, used)),
  ].join('\n');
}
