import type { z } from 'zod';

/** A question with one answer. */
export interface CallEndpoint<I extends z.ZodType = z.ZodType, O extends z.ZodType = z.ZodType> {
  readonly kind: 'call';
  readonly input: I;
  readonly output: O;
}

/** A question with any number of answers over time. Leaving the loop over it cancels the work behind it. */
export interface StreamEndpoint<I extends z.ZodType = z.ZodType, E extends z.ZodType = z.ZodType> {
  readonly kind: 'stream';
  readonly input: I;
  readonly event: E;
}

export type Endpoint = CallEndpoint | StreamEndpoint;

/** Everything that can be asked: groups by noun, endpoints by verb. A path is `group.verb`. */
export type Contract = Readonly<Record<string, Readonly<Record<string, Endpoint>>>>;

export const call = <I extends z.ZodType, O extends z.ZodType>(input: I, output: O): CallEndpoint<I, O> => ({
  kind: 'call',
  input,
  output,
});

export const stream = <I extends z.ZodType, E extends z.ZodType>(input: I, event: E): StreamEndpoint<I, E> => ({
  kind: 'stream',
  input,
  event,
});

/** What a handler gets beside its input. */
export interface HandlerContext {
  /** Aborts when the caller leaves, cancels or disappears. */
  readonly signal: AbortSignal;
}

type Handler<E> =
  E extends CallEndpoint<infer I, infer O>
    ? (input: z.output<I>, context: HandlerContext) => Promise<z.input<O>> | z.input<O>
    : E extends StreamEndpoint<infer I, infer V>
      ? (input: z.output<I>, context: HandlerContext) => AsyncIterable<z.input<V>>
      : never;

/** The answering half of a contract: one function for each endpoint. */
export type Handlers<C extends Contract> = { readonly [G in keyof C]: { readonly [N in keyof C[G]]: Handler<C[G][N]> } };

export interface RequestOptions {
  readonly signal?: AbortSignal | undefined;
}

type Request<E> =
  E extends CallEndpoint<infer I, infer O>
    ? (input: z.input<I>, options?: RequestOptions) => Promise<z.output<O>>
    : E extends StreamEndpoint<infer I, infer V>
      ? (input: z.input<I>, options?: RequestOptions) => AsyncIterable<z.output<V>>
      : never;

/** The asking half of a contract. */
export type Client<C extends Contract> = { readonly [G in keyof C]: { readonly [N in keyof C[G]]: Request<C[G][N]> } };

/** The endpoint behind a path, or undefined. Names on the prototype are not endpoints. */
export function endpointAt(contract: Contract, path: string): Endpoint | undefined {
  const [group, name, ...rest] = path.split('.');
  if (group === undefined || name === undefined || rest.length > 0) return undefined;
  if (!Object.hasOwn(contract, group)) return undefined;
  const endpoints = contract[group];
  return endpoints !== undefined && Object.hasOwn(endpoints, name) ? endpoints[name] : undefined;
}
