import { z } from 'zod';
import { CONTEXT_POLICIES } from '#core/chat/context.ts';
import {
  MAX_STOP_LENGTH,
  MAX_STOP_STRINGS,
  MAX_TOP_LOGPROBS,
  SAMPLING_PARAMETERS,
  type SamplingParameterName,
} from '#core/sampling/parameters.ts';
import { isNestedDeeper } from '#core/excerpt.ts';
import { call, stream } from './define.ts';
import { loadSettings } from './memory.ts';
import { remoteChoice } from './remote.ts';
import { count, fraction, id, none, sizeBytes, timeMs } from './shared.ts';
import { errorData } from './wire.ts';

const parameter = (name: SamplingParameterName) => {
  const { min, max, standard } = SAMPLING_PARAMETERS[name];
  return z.number().min(min).max(max).default(standard);
};
const wholeParameter = (name: SamplingParameterName) => {
  const { min, max, standard } = SAMPLING_PARAMETERS[name];
  return z.int().min(min).max(max).default(standard);
};

/** Longest grammar or schema, in UTF-16 units. */
const MAX_FORMAT_LENGTH = 262_144;

/** What an answer has to look like. A schema or grammar that cannot be used is an error before the first token. */
export const answerFormat = z.discriminatedUnion('type', [
  /** Any JSON object. */
  z.object({ type: z.literal('json') }),
  z.object({
    type: z.literal('schema'),
    schema: z
      .record(z.string(), z.unknown())
      .refine((schema) => !isNestedDeeper(schema), { error: 'the schema is nested too deeply', abort: true })
      .refine((schema) => JSON.stringify(schema).length <= MAX_FORMAT_LENGTH, 'the schema is too long'),
  }),
  /** In llama.cpp's GBNF. */
  z.object({ type: z.literal('grammar'), grammar: z.string().max(MAX_FORMAT_LENGTH) }),
]);

/** How an answer is made. The ranges are those that the engine accepts; `core/sampling/parameters.ts` also has the useful ones. */
export const sampling = z.object({
  temperature: parameter('temperature'),
  topK: wholeParameter('topK'),
  topP: parameter('topP'),
  minP: parameter('minP'),
  xtcProbability: parameter('xtcProbability'),
  xtcThreshold: parameter('xtcThreshold'),
  repeatPenalty: parameter('repeatPenalty'),
  /** Tokens that the three penalties look back on. */
  repeatLastN: wholeParameter('repeatLastN'),
  presencePenalty: parameter('presencePenalty'),
  frequencyPenalty: parameter('frequencyPenalty'),
  noRepeatNgram: wholeParameter('noRepeatNgram'),
  dryStrength: parameter('dryStrength'),
  dryBase: parameter('dryBase'),
  dryAllowedLength: wholeParameter('dryAllowedLength'),
  /** Null: another one each time; the one used is saved with the answer. */
  seed: z.int().min(0).max(0xffff_ffff).nullable().default(null),
  maxTokens: wholeParameter('maxTokens'),
  /** What happens when the conversation has outgrown the context. */
  contextPolicy: z.enum(CONTEXT_POLICIES).default('stop'),
  /** The answer ends before the first of these. */
  stop: z.array(z.string().min(1).max(MAX_STOP_LENGTH)).max(MAX_STOP_STRINGS).optional(),
  /** Absent: free text. */
  format: answerFormat.optional(),
  /** Tell each token's probability, and so many of what could have stood in its place. Absent: not told, which is faster. */
  topLogprobs: z.int().min(0).max(MAX_TOP_LOGPROBS).optional(),
});
export type Sampling = z.output<typeof sampling>;

/** A token that was chosen or could have been, with the natural logarithm of its probability in the distribution drawn from. */
const candidate = z.object({ text: z.string(), bytes: z.array(z.int().min(0).max(255)), logprob: z.number() });
/** A token of an answer, and what was likeliest in its place, the likeliest first. */
export const tokenChoice = candidate.extend({ top: z.array(candidate) });
export type TokenChoice = z.output<typeof tokenChoice>;

export const toolCall = z.object({ id: z.string(), name: z.string(), arguments: z.string() });
/** A function that the model may ask to be called. */
export const tool = z.object({
  name: z.string().regex(/^[\w-]{1,64}$/),
  description: z.string().max(65_536).optional(),
  parameters: z
    .record(z.string(), z.unknown())
    .refine((schema) => !isNestedDeeper(schema), 'the parameters are nested too deeply')
    .optional(),
});

/** `chat`: through the model's template. `text`: the plain text goes on, for base models without a template. */
export const promptMode = z.enum(['chat', 'text']);

export const stopReason = z.enum(['end', 'maxTokens', 'stopped', 'contextFull', 'error']);

/** More adapters at once are a merge. */
export const MAX_MIXED_ADAPTERS = 16;
/** At eight times its strength an adapter says nothing of sense any more. Negative takes it off. */
export const MIXED_SCALE_LIMIT = 8;
const mixedScale = z.number().min(-MIXED_SCALE_LIMIT).max(MIXED_SCALE_LIMIT).default(1);
/** An adapter beside the model's weights, at a strength that it keeps while it is off. */
export const mixedAdapter = z.object({ adapterId: id, scale: mixedScale, isOn: z.boolean().default(true) });
export type MixedAdapter = z.output<typeof mixedAdapter>;
const adapterMix = z.array(mixedAdapter).max(MAX_MIXED_ADAPTERS);

/** What a model wrote in the place of a conversation's oldest turns. */
export const conversationSummary = z.object({
  text: z.string(),
  /** Turns from the beginning that it is the summary of. */
  turns: count,
});

/** What was measured while an answer was made. */
export const answerFacts = z.object({
  /** Null of a model that was removed since, and of a remote engine's. */
  modelId: id.nullable(),
  modelName: z.string(),
  /** The remote engine that made the answer; absent: this computer did. */
  remote: z
    .object({
      name: z.string(),
      /** Name and port of the computer that was asked. */
      host: z.string(),
      /** False: the engine did not tell how many tokens there were; `answerTokens` are then the pieces that came. */
      isCounted: z.boolean(),
    })
    .optional(),
  /** Adapters that had a part in it; absent: none. */
  adapters: z.array(z.object({ adapterId: id.nullable(), name: z.string(), scale: z.number() })).optional(),
  sampling,
  promptTokens: count,
  /** Prompt tokens that were still in the engine's memory from the last turn. */
  cachedTokens: count,
  /** Turns from the conversation's beginning that the context had no room for; absent: none. */
  droppedTurns: count.optional(),
  /** Read in the place of the oldest turns; absent: none. The next answer on this branch goes on from it. */
  summary: conversationSummary.optional(),
  answerTokens: count,
  timeToFirstTokenMs: z.number().nullable(),
  tokensPerSecond: z.number().nullable(),
  stopReason,
  /** The user changed the words afterwards. */
  isEdited: z.boolean().optional(),
  /** What each token could have been was kept: `chat.tokens`. */
  hasTokens: z.boolean().optional(),
});

export const message = z.object({
  id,
  threadId: id,
  /** The message before this one; null for the first. A thread is a tree: an edited or regenerated message is a sibling. */
  parentId: id.nullable(),
  role: z.enum(['user', 'assistant', 'tool']),
  text: z.string(),
  /** Of an assistant: what it wants called. */
  toolCalls: z.array(toolCall).optional(),
  /** Of a tool: the call that this is the result of. */
  toolCallId: z.string().optional(),
  facts: answerFacts.nullable(),
  error: errorData.nullable(),
  createdMs: timeMs,
});
export type Message = z.output<typeof message>;

/** More at once would only be waited for. */
const MAX_ANSWERS = 8;
const MAX_TOOLS = 64;
const folderName = z.string().trim().max(100);
const toolNames = z.array(tool.shape.name).max(MAX_TOOLS);
const answerCount = z.int().min(1).max(MAX_ANSWERS);

export const thread = z.object({
  id,
  title: z.string(),
  modelId: id.nullable(),
  /** A model of a remote engine, in the place of one of the library; at most one of the two is chosen. */
  remote: remoteChoice.nullable(),
  mode: promptMode,
  systemPrompt: z.string(),
  sampling,
  /** Answers that each message gets, side by side. */
  answerCount,
  adapters: adapterMix,
  /** Names of the functions that the model is told of: Lathe's own, and those of the settings. */
  tools: toolNames,
  /** Empty: in none. A folder is there as long as a thread is in it. */
  folder: folderName,
  createdMs: timeMs,
  updatedMs: timeMs,
});
export type Thread = z.output<typeof thread>;

export const loadStage = z.enum(['starting', 'reading', 'context', 'ready']);

/** The model that the inference engine holds, and what it is doing. */
export const engineStatus = z.discriminatedUnion('state', [
  z.object({ state: z.literal('empty') }),
  z.object({ state: z.literal('loading'), modelId: id, stage: loadStage, fraction: fraction.nullable() }),
  z.object({
    state: z.literal('ready'),
    modelId: id,
    contextLength: count,
    /** Layers of the model on the GPU; 0 on a computer without one. */
    gpuLayers: count,
    threads: count,
    hasChatTemplate: z.boolean(),
    generating: z.boolean(),
    /** What unloading it would give back: of the computer's memory, then of each card's. */
    heldBytes: z.array(sizeBytes),
  }),
  z.object({ state: z.literal('failed'), modelId: id, error: errorData }),
]);
export type EngineStatus = z.output<typeof engineStatus>;

export const answerText = z.object({ type: z.literal('text'), text: z.string(), tokens: z.array(tokenChoice).optional() });

/** What the model would get to read, to the token. */
export const promptReport = z.object({
  /** With the special tokens by name. */
  text: z.string(),
  /** The special tokens that occur in the text, each once. */
  specialTokens: z.array(z.string()),
  promptTokens: count,
  contextLength: count,
  /** Turns from the beginning that a summary stands for already. */
  summarisedTurns: count,
  /** Turns after those that the policy leaves out, or would have summarised. */
  droppedTurns: count,
  droppedSystem: z.boolean(),
  /** False: even the shortest prompt that the policy allows is too long, and sending would fail. */
  fits: z.boolean(),
});

export const generationEvent = z.discriminatedUnion('type', [
  /** The user's message and the empty answer, as they were saved. */
  z.object({ type: z.literal('started'), messages: z.array(message) }),
  z.object({ type: z.literal('loading'), stage: loadStage, fraction: fraction.nullable() }),
  /** Before the answer, so many turns from the beginning are being summarised. */
  z.object({ type: z.literal('summary'), turns: count }),
  z.object({ type: z.literal('prompt'), doneTokens: count, totalTokens: count }),
  /** Text to append: several tokens at a time, about 30 events a second. `tokens`: where `topLogprobs` asked for them. */
  answerText,
  /** The answer as it was saved, also when it was stopped or failed half-way. */
  z.object({ type: z.literal('finished'), message }),
]);

export const chatEvent = z.discriminatedUnion('type', [
  z.object({ type: z.literal('changed'), thread }),
  z.object({ type: z.literal('removed'), threadId: id }),
]);

const text = z.string().max(2_000_000);
const threadSettings = {
  title: z.string().trim().min(1).max(200).optional(),
  /** Choosing one takes the remote model's place, and the other way round. */
  modelId: id.nullable().optional(),
  remote: remoteChoice.nullable().optional(),
  mode: promptMode.optional(),
  systemPrompt: text.optional(),
  sampling: sampling.optional(),
  answerCount: answerCount.optional(),
  adapters: adapterMix.optional(),
  tools: toolNames.optional(),
  folder: folderName.optional(),
};

/** A place where a searched text stands. */
export const searchHit = z.object({
  threadId: id,
  title: z.string(),
  messageId: id,
  role: message.shape.role,
  /** What stands around the first find: before it, as it is written there, and after it. */
  excerpt: z.tuple([z.string(), z.string(), z.string()]),
  createdMs: timeMs,
});
export type SearchHit = z.output<typeof searchHit>;

/** A conversation as a file, whole: every branch, with what the answers were made with. */
export const savedChat = z.object({
  format: z.literal('lathe-chat'),
  version: z.literal(1),
  thread: thread.omit({ id: true, modelId: true, remote: true, adapters: true }).extend({
    answerCount: answerCount.default(1),
    tools: toolNames.default([]),
    folder: folderName.default(''),
  }),
  messages: z.array(message.omit({ threadId: true }).extend({ error: z.null().catch(null) })).max(100_000),
});
export type SavedChat = z.output<typeof savedChat>;

/** The longest file that can be brought in, in UTF-16 units: what one request may carry. */
export const MAX_IMPORT_LENGTH = 16_000_000;
/** A template of a model is a few thousand characters long. */
const MAX_TEMPLATE_LENGTH = 262_144;

/** What the user put in the place of a model's own chat template, which `library.get` tells. */
export const chatTemplate = z.object({ override: z.string().nullable() });

export const chat = {
  threads: call(none, z.array(thread)),
  thread: call(z.object({ threadId: id }), z.object({ thread, messages: z.array(message) })),
  create: call(z.object(threadSettings), thread),
  update: call(z.object({ threadId: id, ...threadSettings }), thread),
  remove: call(z.object({ threadId: id }), none),
  /** Bring a removed thread back, whole. */
  restore: call(z.object({ threadId: id }), thread),
  /** Save a user's message after `parentId` and stream the answer. Leaving the stream stops it; what came is saved. */
  send: stream(z.object({ threadId: id, parentId: id.nullable(), text: text.min(1) }), generationEvent),
  /** Another answer to the same message (a sibling of the present one). What is given stands in for the thread's, this once. */
  regenerate: stream(
    z.object({
      threadId: id,
      messageId: id,
      seed: sampling.shape.seed.unwrap().optional(),
      modelId: id.optional(),
      remote: remoteChoice.optional(),
      adapters: adapterMix.optional(),
    }),
    generationEvent,
  ),
  /** Go on with an answer where it ended. Throws `remote.noContinuation` of a remote model. */
  resume: stream(z.object({ threadId: id, messageId: id }), generationEvent),
  /** Give an answer the results of all of its calls, and stream the next one. A null is for one of Lathe's own functions to work out. */
  callTools: stream(
    z.object({ threadId: id, messageId: id, results: z.array(z.object({ callId: z.string(), text: text.nullable() })).min(1) }),
    generationEvent,
  ),
  /** Other words beside a message, as its sibling; an answer keeps its figures and is marked as edited. */
  editMessage: call(z.object({ threadId: id, messageId: id, text: text.min(1) }), message),
  /**
   * What sending `text` after `parentId` would give the model to read, with settings that need not be saved; without a thread, of
   * a new one. Throws `engine.noModel` where the model is not loaded.
   */
  prompt: call(z.object({ threadId: id.nullable(), parentId: id.nullable(), text, ...threadSettings }), promptReport),
  /** What the tokens of an answer could have been, where `topLogprobs` asked for it; else null. */
  tokens: call(z.object({ threadId: id, messageId: id }), z.object({ tokens: z.array(tokenChoice).nullable() })),
  /** Take a message away, and all that follow it. */
  removeMessage: call(z.object({ threadId: id, messageId: id }), none),
  restoreMessage: call(z.object({ threadId: id, messageId: id }), none),
  /** Messages with all of these words, the newest first. */
  search: call(z.object({ query: z.string().trim().min(1).max(200), limit: z.int().min(1).max(200).default(50) }), z.array(searchHit)),
  /** Give a folder another name; an empty one takes the threads out of it. */
  renameFolder: call(z.object({ from: folderName.min(1), to: folderName }), none),
  /** A thread as a file: JSON holds all of it, Markdown the way to one message. */
  save: call(
    z.object({ threadId: id, format: z.enum(['json', 'markdown']), leafId: id.nullable() }),
    z.object({ name: z.string(), text: z.string() }),
  ),
  /** Make a thread of a file: what `save` wrote, or the `messages` of OpenAI and the `conversations` of ShareGPT. Throws `chat.unreadable`. */
  open: call(z.object({ name: z.string().max(255), text: z.string().max(MAX_IMPORT_LENGTH) }), thread),
  template: call(z.object({ modelId: id }), chatTemplate),
  /**
   * Put another template in the place of a model's own, or (null) give it back its own. It is tried first, where it can be stopped.
   * Throws `chat.template*`.
   */
  setTemplate: call(z.object({ modelId: id, source: z.string().min(1).max(MAX_TEMPLATE_LENGTH).nullable() }), chatTemplate),
  /** Whether a schema or grammar can be used, without a model. Throws `chat.badSchema` and `chat.badGrammar`. */
  checkFormat: call(z.object({ format: answerFormat }), none),
  changes: stream(none, chatEvent),
  /** How a model is loaded; until the user says otherwise Lathe chooses. What is loaded already is loaded anew when it is next asked. */
  loadSettings: call(z.object({ modelId: id }), loadSettings),
  /** Null: as Lathe chooses again. */
  setLoadSettings: call(z.object({ modelId: id, settings: loadSettings.nullable() }), loadSettings),
  /**
   * `contextLength`: this once, in the place of the settings'. `force`: without asking whether there is room.
   * Throws `memory.short`, `engine.*`, `gguf.*`.
   */
  load: call(z.object({ modelId: id, contextLength: z.int().min(8).optional(), force: z.boolean().optional() }), engineStatus),
  unload: call(none, engineStatus),
  status: stream(none, engineStatus),
  /** One text without a thread, for the command line and the tests. */
  generate: stream(
    z.object({
      modelId: id,
      prompt: text,
      mode: promptMode.default('text'),
      systemPrompt: text.default(''),
      sampling: sampling.prefault({}),
      adapters: adapterMix.default([]),
    }),
    z.discriminatedUnion('type', [answerText, z.object({ type: z.literal('finished'), facts: answerFacts, text: z.string() })]),
  ),
};
