import { z } from 'zod';
import { call, stream } from './define.ts';
import { count, fraction, id, none, timeMs } from './shared.ts';
import { errorData } from './wire.ts';

/** How the next token is chosen. The ranges are those that the engine accepts; useful ranges stand on the screen. */
export const sampling = z.object({
  temperature: z.number().min(0).max(5).default(0.8),
  topK: z.int().min(0).max(1_000_000).default(40),
  topP: z.number().min(0).max(1).default(0.95),
  minP: z.number().min(0).max(1).default(0.05),
  repeatPenalty: z.number().min(0.1).max(5).default(1),
  /** Tokens that the repeat penalty looks back on. */
  repeatLastN: z.int().min(0).max(8192).default(64),
  /** Null: another one each time; the one used is saved with the answer. */
  seed: z.int().min(0).max(0xffff_ffff).nullable().default(null),
  maxTokens: z.int().min(1).max(1_000_000).default(1024),
});
export type Sampling = z.output<typeof sampling>;

/** `chat`: through the model's template. `text`: the plain text goes on, for base models without a template. */
export const promptMode = z.enum(['chat', 'text']);

export const stopReason = z.enum(['end', 'maxTokens', 'stopped', 'contextFull', 'error']);

/** What was measured while an answer was made. */
export const answerFacts = z.object({
  modelId: id.nullable(),
  modelName: z.string(),
  sampling,
  promptTokens: count,
  /** Prompt tokens that were still in the engine's memory from the last turn. */
  cachedTokens: count,
  answerTokens: count,
  timeToFirstTokenMs: z.number().nullable(),
  tokensPerSecond: z.number().nullable(),
  stopReason,
});

export const message = z.object({
  id,
  threadId: id,
  /** The message before this one; null for the first. A thread is a tree: an edited or regenerated message is a sibling. */
  parentId: id.nullable(),
  role: z.enum(['user', 'assistant']),
  text: z.string(),
  facts: answerFacts.nullable(),
  error: errorData.nullable(),
  createdMs: timeMs,
});
export type Message = z.output<typeof message>;

export const thread = z.object({
  id,
  title: z.string(),
  modelId: id.nullable(),
  mode: promptMode,
  systemPrompt: z.string(),
  sampling,
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
  }),
  z.object({ state: z.literal('failed'), modelId: id, error: errorData }),
]);
export type EngineStatus = z.output<typeof engineStatus>;

export const generationEvent = z.discriminatedUnion('type', [
  /** The user's message and the empty answer, as they were saved. */
  z.object({ type: z.literal('started'), messages: z.array(message) }),
  z.object({ type: z.literal('loading'), stage: loadStage, fraction: fraction.nullable() }),
  z.object({ type: z.literal('prompt'), doneTokens: count, totalTokens: count }),
  /** Text to append: several tokens at a time, about 30 events a second. */
  z.object({ type: z.literal('text'), text: z.string() }),
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
  modelId: id.nullable().optional(),
  mode: promptMode.optional(),
  systemPrompt: text.optional(),
  sampling: sampling.optional(),
};

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
  /** Another answer to the same message (a sibling of the present one). */
  regenerate: stream(z.object({ threadId: id, messageId: id }), generationEvent),
  removeMessage: call(z.object({ threadId: id, messageId: id }), none),
  changes: stream(none, chatEvent),
  load: call(z.object({ modelId: id, contextLength: z.int().min(8).optional() }), engineStatus),
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
    }),
    z.discriminatedUnion('type', [
      z.object({ type: z.literal('text'), text: z.string() }),
      z.object({ type: z.literal('finished'), facts: answerFacts, text: z.string() }),
    ]),
  ),
};
