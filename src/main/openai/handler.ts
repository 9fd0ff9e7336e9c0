import type { IncomingMessage, ServerResponse } from 'node:http';
import type { z } from 'zod';
import { toErrorData } from '#core/errors/index.ts';
import type { Model } from '#contract/library.ts';
import type { Chat } from '../chat/index.ts';
import { isAllowedHost, isJson, isSameOrigin } from '../http/rules.ts';
import { isEqual } from '../http/session.ts';
import type { Log } from '../log.ts';
import type { Answering } from './answers.ts';
import { chatCompletion } from './chat.ts';
import { completion } from './completion.ts';
import { ApiError, toApiError } from './errors.ts';
import { readBody, replyOn, type Reply } from './reply.ts';
import type { requestFeed, TellRequest } from './requests.ts';
import { chatRequest, completionRequest, embeddingRequest, parse } from './schema.ts';

/** Requests that may wait for the model or be answered at a time; each holds its prompt. */
const MAX_OPEN = 64;
const WINDOW_MS = 60_000;
/** Far over what a person's programs ask, and a bound on what a broken one does. */
const MAX_REQUESTS_PER_WINDOW = 1200;
const MAX_WRONG_TOKENS_PER_WINDOW = 20;

type AdapterWishes = z.output<typeof chatRequest>['adapters'];

/** What the server has to know of a model. */
type ApiModel = Pick<Model, 'id' | 'name' | 'kind' | 'addedMs'> & { readonly state: { readonly status: Model['state']['status'] } };

export interface HandlerOptions {
  readonly chat: Pick<Chat, 'complete' | 'embed'>;
  readonly models: () => Promise<readonly ApiModel[]>;
  readonly token: () => string;
  readonly isOn: () => boolean;
  readonly requests: ReturnType<typeof requestFeed>;
  readonly log: Log;
  readonly clock: () => number;
}

/** At most so many events within a window that moves along. */
function rateLimit(most: number, clock: () => number) {
  let times: number[] = [];
  const recent = (): number[] => (times = times.filter((timeMs) => timeMs > clock() - WINDOW_MS));
  return { isReached: (): boolean => recent().length >= most, note: (): void => void times.push(clock()) };
}

/** Answers requests below /v1/. Every request has one answer; what goes wrong is one in OpenAI's form. */
export function apiHandler({ chat, models, token, isOn, requests, log, clock }: HandlerOptions) {
  const rate = rateLimit(MAX_REQUESTS_PER_WINDOW, clock);
  const wrong = rateLimit(MAX_WRONG_TOKENS_PER_WINDOW, clock);
  const open = new Set<AbortController>();
  const tooMany = (message: string): ApiError => new ApiError(429, 'rate_limit_exceeded', message, { retryAfterSeconds: WINDOW_MS / 1000 });

  /** Throws what stands in the way of anybody. */
  const admit = (request: IncomingMessage, port: number): void => {
    const { host, origin, authorization } = request.headers;
    if (!isAllowedHost(host, port)) throw new ApiError(403, 'forbidden_host', 'This server answers only by its loopback name.');
    // Programs send no Origin; a page of another site does.
    if (origin !== undefined && !isSameOrigin(origin, host))
      throw new ApiError(403, 'forbidden_origin', 'Pages of other sites may not ask.');
    if (!isOn()) throw new ApiError(503, 'server_off', 'The server is switched off in Lathe.');
    if (wrong.isReached()) throw tooMany('Too many wrong keys.');
    if (!isEqual(/^Bearer (.+)$/i.exec(authorization ?? '')?.[1] ?? '', token())) {
      wrong.note();
      throw new ApiError(401, 'invalid_api_key', 'The key is missing or wrong. Lathe shows it beside the switch of its server.');
    }
    if (rate.isReached()) throw tooMany('Too many requests within a minute.');
    rate.note();
    if (open.size >= MAX_OPEN) throw tooMany('Too many requests are open at the same time.');
  };

  const usable = async (): Promise<ApiModel[]> => (await models()).filter(({ kind, state }) => kind === 'gguf' && state.status === 'ready');

  const modelNamed = async (reference: string): Promise<ApiModel> => {
    const all = await usable();
    const named = all.filter(({ id, name }) => id === reference || name === reference);
    const [only] = named;
    if (named.length === 1 && only !== undefined) return only;
    const problem = named.length === 0 ? `There is no model '${reference.slice(0, 200)}'.` : 'Several models have this name: use the id.';
    throw new ApiError(404, 'model_not_found', `${problem} GET /v1/models lists them.`, { param: 'model' });
  };

  const adaptersNamed = async (wanted: NonNullable<AdapterWishes>): Promise<{ id: string; name: string; scale: number }[]> => {
    if (wanted.length === 0) return [];
    const all = (await models()).filter(
      ({ kind, state }) => (kind === 'peft-adapter' || kind === 'gguf-adapter') && state.status === 'ready',
    );
    return wanted.map(({ name: reference, scale }) => {
      const [only, another] = all.filter(({ id, name }) => id === reference || name === reference);
      if (only !== undefined && another === undefined) return { id: only.id, name: only.name, scale };
      const problem =
        only === undefined ? `There is no adapter '${reference.slice(0, 200)}'.` : 'Several adapters have this name: use the id.';
      throw new ApiError(400, 'adapter_not_found', problem, { param: 'adapters' });
    });
  };

  const modelList = async (): Promise<object> => {
    const all = await usable();
    const isUnique = (model: ApiModel): boolean => all.filter(({ name }) => name === model.name).length === 1;
    return {
      object: 'list',
      data: all.map((model) => ({
        id: isUnique(model) ? model.name : model.id,
        object: 'model',
        created: Math.floor(model.addedMs / 1000),
        owned_by: 'lathe',
      })),
    };
  };

  const embeddings = async (body: unknown, answering: Omit<Answering, 'chat'>, reply: Reply): Promise<void> => {
    const { input, model, encoding_format: encoding } = parse(embeddingRequest, body);
    const data = [];
    let tokens = 0;
    for await (const { index, vector, tokens: own } of chat.embed(
      answering.modelId,
      typeof input === 'string' ? [input] : input,
      answering.signal,
    )) {
      const embedding = encoding === 'base64' ? Buffer.from(new Float32Array(vector).buffer).toString('base64') : vector;
      data.push({ object: 'embedding', index, embedding });
      tokens += own;
      answering.tell({ promptTokens: tokens });
    }
    reply.json({ object: 'list', data, model, usage: { prompt_tokens: tokens, total_tokens: tokens } });
  };

  const post = async (path: string, request: IncomingMessage, reply: Reply, signal: AbortSignal, tell: TellRequest): Promise<void> => {
    if (request.method !== 'POST') throw new ApiError(405, 'method_not_allowed', 'Use POST.');
    // A form of any page can send text/plain without asking the browser.
    if (!isJson(request.headers['content-type'])) throw new ApiError(415, 'unsupported_media_type', 'Use Content-Type: application/json.');
    const body = await readBody(request);
    const named = typeof body === 'object' && body !== null && 'model' in body && typeof body.model === 'string' ? body.model : '';
    tell({ model: named.slice(0, 200), isStream: typeof body === 'object' && body !== null && 'stream' in body && body.stream === true });
    const answering = async (wanted: AdapterWishes): Promise<Answering> => {
      const { id: modelId } = await modelNamed(named);
      const adapters = await adaptersNamed(wanted ?? []);
      tell({ adapters: adapters.map(({ name, scale }) => ({ name, scale })) });
      return { chat, modelId, adapters: adapters.map(({ id, scale }) => ({ adapterId: id, scale })), signal, tell };
    };
    if (path === '/v1/chat/completions') {
      const asked = parse(chatRequest, body);
      return chatCompletion(asked, await answering(asked.adapters), reply);
    }
    if (path === '/v1/completions') {
      const asked = parse(completionRequest, body);
      return completion(asked, await answering(asked.adapters), reply);
    }
    parse(embeddingRequest, body);
    return embeddings(body, await answering([]), reply);
  };

  const route = async (path: string, request: IncomingMessage, reply: Reply, signal: AbortSignal, tell: TellRequest): Promise<void> => {
    if (path === '/v1/chat/completions' || path === '/v1/completions' || path === '/v1/embeddings')
      return post(path, request, reply, signal, tell);
    const isModel = path.startsWith('/v1/models/');
    if (path !== '/v1/models' && !isModel) throw new ApiError(404, 'unknown_url', 'There is nothing at this address.');
    if (request.method !== 'GET') throw new ApiError(405, 'method_not_allowed', 'Use GET.');
    if (!isModel) return reply.json(await modelList());
    const model = await modelNamed(decoded(path.slice('/v1/models/'.length)));
    reply.json({ id: model.name, object: 'model', created: Math.floor(model.addedMs / 1000), owned_by: 'lathe' });
  };

  return {
    handle: async (request: IncomingMessage, response: ServerResponse, port: number): Promise<void> => {
      const { host } = request.headers;
      const reply = replyOn(response, isAllowedHost(host, port) ? host : null);
      const [path = ''] = (request.url ?? '').split('?', 1);
      try {
        admit(request, port);
      } catch (error) {
        return reply.fail(toApiError(error));
      }
      const tell = requests.begin(path.slice(0, 200));
      const beganMs = performance.now();
      const left = new AbortController();
      open.add(left);
      response.on('close', () => {
        if (!response.writableFinished) left.abort();
      });
      const end = (state: 'done' | 'refused' | 'failed' | 'left'): void =>
        tell({ state, status: reply.status(), durationMs: performance.now() - beganMs });
      try {
        await route(path, request, reply, left.signal, tell);
        end('done');
      } catch (error) {
        if (response.destroyed) return end('left');
        const told = left.signal.aborted ? new ApiError(503, 'server_off', 'The server was switched off.') : toApiError(error);
        if (told.status >= 500) log.write('warn', 'server', `${path.slice(0, 200)} failed: ${toErrorData(error).code}`);
        reply.fail(told);
        end(told.status >= 500 ? 'failed' : 'refused');
      } finally {
        open.delete(left);
      }
    },
    /** End every answer that is being made. */
    stopAll: (): void => {
      for (const each of open) each.abort();
    },
  };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
