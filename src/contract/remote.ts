import { z } from 'zod';
import { MAX_ADDRESS_LENGTH, type RemoteReach } from '#core/remote/address.ts';
import { MAX_MODEL_NAME } from '#core/remote/chunk.ts';
import { REMOTE_DIALECTS } from '#core/remote/request.ts';
import { call, stream } from './define.ts';
import { id, none, timeMs } from './shared.ts';

/**
 * Remote engines: OpenAI-compatible endpoints (vLLM, llama-server, Ollama, a service) that the user named. What is asked of them leaves this
 * computer. Their keys go in, and never come out again.
 */

const reaches = ['loopback', 'private', 'public'] as const satisfies readonly RemoteReach[];

export const remoteEngine = z.object({
  id,
  name: z.string(),
  /** The base URL. */
  address: z.string(),
  /** Name and port. */
  host: z.string(),
  reach: z.enum(reaches),
  /** False: plain http. */
  isEncrypted: z.boolean(),
  /** Which settings it is sent. */
  dialect: z.enum(REMOTE_DIALECTS),
  /** The user allowed plain http beyond the own network. */
  allowInsecure: z.boolean(),
  /** Where its key is: nowhere, as there is none; in the system's keychain; in a file that only its owner can read. */
  keyPlace: z.enum(['none', 'keychain', 'file']),
  createdMs: timeMs,
});
export type RemoteEngine = z.output<typeof remoteEngine>;

/** A model of a remote engine. */
export const remoteChoice = z.object({ engineId: id, model: z.string().min(1).max(MAX_MODEL_NAME) });
export type RemoteChoice = z.output<typeof remoteChoice>;

/** What may stand in an HTTP header: anything else would end it, and begin another. */
const key = z
  .string()
  .trim()
  .min(1)
  .max(4096)
  .regex(/^[\x21-\x7e]+$/, 'a key has no spaces and only ASCII characters');

const place = {
  address: z.string().trim().min(1).max(MAX_ADDRESS_LENGTH),
  dialect: remoteEngine.shape.dialect.default('openai'),
  allowInsecure: z.boolean().default(false),
};
const name = z.string().trim().min(1).max(60);

/** What an engine said when it was asked for its models. */
const remoteModels = z.object({ models: z.array(z.string()), durationMs: z.number().min(0) });

export const remote = {
  /** The engines by name: at once, and after every change. */
  engines: stream(none, z.array(remoteEngine)),
  /** Throws `remote.badAddress`, `remote.insecure`, `remote.nameTaken`. */
  add: call(z.object({ name, ...place, key: key.optional() }), remoteEngine),
  /** A key that is not given stays, but not for another computer; null takes it away. Throws as `add`. */
  update: call(z.object({ engineId: id, name, ...place, key: key.nullable().optional() }), remoteEngine),
  /** With its key. Conversations stay. */
  remove: call(z.object({ engineId: id }), none),
  /** The models of an engine, in its order. Throws `remote.*`. */
  models: call(z.object({ engineId: id }), remoteModels),
  /** The same of one that is not saved. `engineId`: the saved one whose key goes along, if the address is on the same computer. */
  test: call(z.object({ ...place, key: key.nullable().optional(), engineId: id.optional() }), remoteModels),
};
