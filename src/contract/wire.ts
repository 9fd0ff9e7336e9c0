import { z } from 'zod';
import { isErrorCode, type AppErrorData, type ErrorCode } from '#core/errors/index.ts';

/**
 * What travels between the two halves of a contract.
 *
 * The asking side opens with `hello`; the answering side replies `welcome` (or `refused`, and closes). After that each
 * request has a number of the asker's choosing and exactly one ending: `done` or `failed`, or the port closes.
 * A stream's events spend credit, which the asker gives back as it consumes: a slow reader slows the producer down,
 * and nothing piles up in between.
 */
export const PROTOCOL_VERSION = 1;

/**
 * Longest message, in UTF-16 units. Replies are lists and facts, never file contents; the largest is the tensor table
 * of a big model (a few thousand rows of about 200 bytes). 8 MiB is ten times that.
 */
export const MAX_MESSAGE_LENGTH = 8 * 1024 * 1024;

/** Events that may be under way without having been consumed. */
export const STREAM_CREDIT = 32;

/** Requests one port may have open: far over what a screen needs, and a bound on what a broken client can hold. */
export const MAX_OPEN_REQUESTS = 1024;

/** A duplex pipe for text. Every transport (MessagePort, WebSocket, child process, memory) is adapted to this. */
export interface Port {
  send(message: string): void;
  /** Registers the one receiver; messages that came before are delivered to it first. */
  onMessage(receive: (message: string) => void): void;
  /** Called once when the other side is gone, or after `close`. */
  onClose(closed: () => void): void;
  close(): void;
}

const requestId = z.int().min(0);

const errorCode = z.custom<ErrorCode>((value) => typeof value === 'string' && isErrorCode(value), 'unknown error code');

export const errorData: z.ZodType<AppErrorData> = z.object({
  code: errorCode,
  params: z.record(z.string(), z.union([z.string(), z.number()])),
  detail: z.string().optional(),
});

/** From the asking to the answering side. */
export const upMessage = z.discriminatedUnion('type', [
  z.object({ type: z.literal('hello'), protocol: z.int() }),
  z.object({ type: z.literal('open'), id: requestId, path: z.string(), input: z.unknown() }),
  z.object({ type: z.literal('credit'), id: requestId, count: z.int().min(1).max(STREAM_CREDIT) }),
  z.object({ type: z.literal('cancel'), id: requestId }),
]);
export type UpMessage = z.infer<typeof upMessage>;

/** From the answering to the asking side. */
export const downMessage = z.discriminatedUnion('type', [
  z.object({ type: z.literal('welcome'), protocol: z.int() }),
  z.object({ type: z.literal('refused'), error: errorData }),
  z.object({ type: z.literal('event'), id: requestId, value: z.unknown() }),
  z.object({ type: z.literal('done'), id: requestId, value: z.unknown() }),
  z.object({ type: z.literal('failed'), id: requestId, error: errorData }),
]);
export type DownMessage = z.infer<typeof downMessage>;

/** A received text as a message, or null when it is too long, not JSON, or not of the schema. */
export function decode<T>(schema: z.ZodType<T>, text: unknown): T | null {
  if (typeof text !== 'string' || text.length > MAX_MESSAGE_LENGTH) return null;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  const parsed = schema.safeParse(value);
  return parsed.success ? parsed.data : null;
}

/** The first problem of a failed validation in one line: `facts.layers: expected number`. */
export function firstProblem(error: z.ZodError): string {
  const issue = error.issues[0];
  if (issue === undefined) return 'unknown';
  const at = issue.path.map(String).join('.');
  return at === '' ? issue.message : `${at}: ${issue.message}`;
}
