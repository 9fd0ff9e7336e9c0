import { contract } from '#contract/index.ts';
import { connect } from '#contract/connect.ts';
import type { Handlers } from '#contract/define.ts';
import { engineContracts } from '#contract/engine.ts';
import { memoryPorts } from '#contract/memory-port.ts';
import { serve } from '#contract/serve.ts';
import { decode as decodeMessage, downMessage, MAX_REPLY_LENGTH, PROTOCOL_VERSION } from '#contract/wire.ts';
import type { Endpoint } from '#contract/define.ts';
import { valueOf } from '../from-schema.ts';
import { damagedText, decode, encode, jsonFile } from '../json.ts';
import type { Random } from '../random.ts';
import { promise, type Target } from '../target.ts';

const TOKENS = ['{', '}', '"', ':', ',', '"id"', '"type"', '"open"', '"cancel"', '"credit"', 'null', '-1', '1e9', '__proto__'];

const endpoints: readonly (readonly [path: string, endpoint: Endpoint])[] = Object.entries({
  ...contract,
  ...Object.assign({}, ...Object.values(engineContracts)),
} as Readonly<Record<string, Readonly<Record<string, Endpoint>>>>).flatMap(([group, verbs]) =>
  Object.entries(verbs).map(([verb, endpoint]) => [`${group}.${verb}`, endpoint] as const),
);

/** What comes in is checked by every schema that could be meant, those of answers and events too. */
export const contractSchemas: Target = {
  name: 'contract-schemas',
  codes: /^$/,
  make: (random) => {
    const [path, endpoint] = random.pick(endpoints);
    const schema = random.chance(0.5) ? endpoint.input : endpoint.kind === 'call' ? endpoint.output : endpoint.event;
    return [encode(path), jsonFile(random, valueOf(random, schema) ?? null)];
  },
  run: ([path, bytes]) => {
    const endpoint = endpoints.find(([name]) => name === decode(path))?.[1];
    let value: unknown;
    try {
      value = JSON.parse(decode(bytes));
    } catch {
      return 'no JSON';
    }
    if (endpoint === undefined) return 'no endpoint';
    const schemas = [endpoint.input, endpoint.kind === 'call' ? endpoint.output : endpoint.event];
    return schemas.some((schema) => schema.safeParse(value).success) ? 'taken' : 'refused';
  },
};

/** The whole contract, answered with what was asked. */
const echoes = Object.fromEntries(
  Object.entries(contract).map(([group, verbs]) => [
    group,
    Object.fromEntries(
      Object.entries(verbs).map(([verb, endpoint]: [string, Endpoint]) => [
        verb,
        endpoint.kind === 'call'
          ? (input: unknown) => input
          : async function* (input: unknown) {
              yield input;
            },
      ]),
    ),
  ]),
) as unknown as Handlers<typeof contract>;

function upMessages(random: Random): string[] {
  const messages = random.many(1 + random.below(6), (index) => {
    const [path, endpoint] = random.pick(endpoints);
    const id = random.chance(0.8) ? index : random.below(3);
    return random.pick([
      { type: 'open', id, path, input: valueOf(random, endpoint.input) },
      { type: 'open', id, path, input: valueOf(random, endpoint.input) },
      { type: 'credit', id, count: 1 },
      { type: 'cancel', id },
    ]);
  });
  const all = [{ type: 'hello', protocol: PROTOCOL_VERSION }, ...messages];
  return all.map((message) => (random.chance(0.6) ? JSON.stringify(message) : decode(jsonFile(random, message))));
}

export const servedMessages: Target = {
  name: 'served-messages',
  codes: /^$/,
  make: (random) => {
    const texts = upMessages(random).map(encode);
    return random.chance(0.7) ? texts : texts.with(random.below(texts.length), damagedText(random, texts[0] ?? encode('{'), TOKENS));
  },
  run: async (parts) => {
    const [asking, answering] = memoryPorts();
    let isClosed = false;
    const ended = new Map<number, number>();
    asking.onClose(() => (isClosed = true));
    asking.onMessage((text) => {
      const message = decodeMessage(downMessage, text, MAX_REPLY_LENGTH);
      promise(message !== null, 'an answer is no message of the protocol');
      if (message?.type === 'done' || message?.type === 'failed') ended.set(message.id, (ended.get(message.id) ?? 0) + 1);
      if (message?.type === 'failed')
        promise(message.error.code !== 'internal.unexpected', `a request fails with ${String(message.error.params['problem'])}`);
    });
    const stop = serve(contract, echoes, answering);
    const opened = new Map<number, number>();
    for (const part of parts) {
      const text = decode(part);
      const id = openedBy(text);
      if (id !== undefined) opened.set(id, (opened.get(id) ?? 0) + 1);
      asking.send(text);
    }
    await settled();
    if (!isClosed) for (const [id, times] of opened) promise(ended.get(id) === times, 'a request has not one ending');
    stop();
    return isClosed ? 'closed' : 'answered';
  },
};

function openedBy(text: string): number | undefined {
  try {
    const message: unknown = JSON.parse(text);
    const isOpen = typeof message === 'object' && message !== null && 'type' in message && message.type === 'open';
    return isOpen && 'id' in message && typeof message.id === 'number' ? message.id : undefined;
  } catch {
    return undefined;
  }
}

/** Everything that waits for nothing but microtasks has happened. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

export const receivedReplies: Target = {
  name: 'received-replies',
  codes: /^$/,
  make: (random) => {
    const messages = random.many(1 + random.below(5), () => {
      const id = random.below(3);
      return random.pick([
        { type: 'welcome', protocol: PROTOCOL_VERSION },
        { type: 'event', id, value: valueOf(random, contract.jobs.changes.event) },
        { type: 'done', id, value: valueOf(random, contract.library.list.output) },
        { type: 'failed', id, error: { code: 'request.invalid', params: { path: 'a', problem: 'b' } } },
        { type: 'refused', error: { code: 'transport.version', params: { theirs: 2, ours: 1 } } },
      ]);
    });
    return messages.map((message) => jsonFile(random, message));
  },
  run: async (parts) => {
    const [asking, answering] = memoryPorts();
    const connection = connect(contract, asking);
    answering.onMessage(() => undefined);
    let endings = 0;
    const listed = connection.client.library.list({}).then(
      () => 'list',
      () => 'refused',
    );
    const followed = (async () => {
      try {
        for await (const _ of connection.client.jobs.changes({})) continue;
        return 'followed';
      } catch {
        return 'refused';
      }
    })();
    for (const each of [listed, followed]) void each.then(() => (endings += 1));
    for (const part of parts) answering.send(decode(part));
    await settled();
    connection.close();
    const first = await listed;
    await followed;
    promise(endings === 2 && connection.openRequests() === 0, 'a request is still open');
    return first;
  },
};
