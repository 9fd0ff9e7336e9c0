import { z } from 'zod';
import { call, stream } from './define.ts';
import { count, id, none, timeMs } from './shared.ts';

/** The OpenAI-compatible server: other programs on this computer ask the library's models through it. */
export const serverStatus = z.discriminatedUnion('state', [
  z.object({ state: z.literal('stopped') }),
  z.object({
    state: z.literal('running'),
    port: z.int().min(1).max(65_535),
    /** What other programs call the base URL. */
    address: z.string(),
    /** Who has it may ask. */
    token: z.string(),
    /** It is a part of `lathe serve`, on the same port; else it listens on a port of its own. */
    isMounted: z.boolean(),
  }),
]);
export type ServerStatus = z.output<typeof serverStatus>;

/** One request of another program, as it goes on. What was asked and answered is not kept. */
export const serverRequest = z.object({
  id,
  startedMs: timeMs,
  /** Null while it goes on. */
  durationMs: z.number().min(0).nullable(),
  path: z.string(),
  /** As the request named it. */
  model: z.string().nullable(),
  /** That ran beside the model's weights. */
  adapters: z.array(z.object({ name: z.string(), scale: z.number() })),
  isStream: z.boolean(),
  state: z.enum(['running', 'done', 'refused', 'failed', 'left']),
  /** HTTP; null before the answer has begun. */
  status: z.int().nullable(),
  promptTokens: count,
  cachedTokens: count,
  answerTokens: count,
});
export type ServerRequest = z.output<typeof serverRequest>;

export const server = {
  status: stream(none, serverStatus),
  /** Listen. `port` 0: any free one. A mounted server is switched on again on its own port. Throws `host.portTaken`. */
  start: call(z.object({ port: z.int().min(0).max(65_535).default(0) }), serverStatus),
  /** Running answers are stopped, and every connection of a server of its own is closed. */
  stop: call(none, serverStatus),
  /** A new token; the old one no longer opens anything. */
  renewToken: call(none, serverStatus),
  /** The last requests at once, then each change of one. */
  requests: stream(none, serverRequest),
};
