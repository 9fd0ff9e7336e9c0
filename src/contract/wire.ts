import { z } from 'zod';
import { isErrorCode, toErrorData, type AppErrorData, type ErrorCode, type ErrorParam } from '#core/errors/index.ts';

/**
 * What travels between the two halves of a contract.
 *
 * The asking side opens with `hello`; the answering side replies `welcome` (or `refused`, and closes). After that each
 * request has a number of the asker's choosing and exactly one ending: `done` or `failed`, or the port closes.
 * A stream's events spend credit, which the asker gives back as it consumes: a slow reader slows the producer down,
 * and nothing piles up in between.
 */
export const PROTOCOL_VERSION = 1;

/** Longest message of the asking side, in UTF-16 units: the longest is a dataset's or a conversation's text. */
export const MAX_MESSAGE_LENGTH = 8 * 1024 * 1024;

/**
 * Longest message of the answering side. Replies are lists and facts, never file contents; the longest is the list of a large
 * library, whose models take about 900 units each: this is room for 35,000 of them.
 */
export const MAX_REPLY_LENGTH = 32 * 1024 * 1024;

/** Events that may be under way without having been consumed. */
export const STREAM_CREDIT = 32;

/** Requests one port may have open: far over what a screen needs, and a bound on what a broken client can hold. */
export const MAX_OPEN_REQUESTS = 1024;

/**
 * A duplex pipe for text. Every transport (MessagePort, WebSocket, child process, memory) is adapted to this, through
 * `portOver` in port.ts, which keeps its rules.
 */
export interface Port {
  /** Never throws: what cannot be sent any more is lost, and `onClose` says so. */
  send(message: string): void;
  /** Registers the one receiver; messages that came before are delivered to it first. */
  onMessage(receive: (message: string) => void): void;
  /** Registers what is called once, after the last message, when the other side is gone or `close` was called. */
  onClose(closed: () => void): void;
  close(): void;
}

/** Longest text within an error: a stack, or what a library said. More would only be foreign data repeated. */
const MAX_ERROR_TEXT_LENGTH = 16_384;

const requestId = z.int().min(0);

const errorCode = z.custom<ErrorCode>((value) => typeof value === 'string' && isErrorCode(value), 'unknown error code');

export const errorData: z.ZodType<AppErrorData> = z.object({
  code: errorCode,
  params: z.record(z.string(), z.union([z.string(), z.number()])),
  detail: z.string().optional(),
});

/**
 * Any thrown value as data that every transport carries: JSON knows neither NaN nor infinity, and an error must never
 * fail to arrive because of the length of a foreign text in it.
 */
export function wireError(error: unknown): AppErrorData {
  const { code, params, detail } = toErrorData(error);
  const cut = (text: string): string => (text.length > MAX_ERROR_TEXT_LENGTH ? `${text.slice(0, MAX_ERROR_TEXT_LENGTH)}…` : text);
  const fit = (param: ErrorParam): ErrorParam => (typeof param === 'string' ? cut(param) : Number.isFinite(param) ? param : String(param));
  return {
    code,
    params: Object.fromEntries(Object.entries(params).map(([name, param]) => [name, fit(param)])),
    ...(detail === undefined ? {} : { detail: cut(detail) }),
  };
}

/** What a request asks or answers; its own schema is checked later. Absent where the value was `undefined`. */
const payload = z.unknown().optional();

/** From the asking to the answering side. */
export const upMessage = z.discriminatedUnion('type', [
  z.object({ type: z.literal('hello'), protocol: z.int() }),
  z.object({ type: z.literal('open'), id: requestId, path: z.string(), input: payload }),
  z.object({ type: z.literal('credit'), id: requestId, count: z.int().min(1).max(STREAM_CREDIT) }),
  z.object({ type: z.literal('cancel'), id: requestId }),
]);
export type UpMessage = z.infer<typeof upMessage>;

/** From the answering to the asking side. */
export const downMessage = z.discriminatedUnion('type', [
  z.object({ type: z.literal('welcome'), protocol: z.int() }),
  z.object({ type: z.literal('refused'), error: errorData }),
  z.object({ type: z.literal('event'), id: requestId, value: payload }),
  z.object({ type: z.literal('done'), id: requestId, value: payload }),
  z.object({ type: z.literal('failed'), id: requestId, error: errorData }),
]);
export type DownMessage = z.infer<typeof downMessage>;

/** A received text as a message, or null when it is longer than `maxLength`, not JSON, or not of the schema. */
export function decode<T>(schema: z.ZodType<T>, text: unknown, maxLength: number): T | null {
  if (typeof text !== 'string' || text.length > maxLength) return null;
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
