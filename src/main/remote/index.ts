import { join } from 'node:path';
import { AppError } from '#core/errors/index.ts';
import { needsConsent, readAddress, type RemoteAddress } from '#core/remote/address.ts';
import type { RemoteDialect } from '#core/remote/request.ts';
import type { AppHandlers } from '#contract/index.ts';
import type { RemoteEngine } from '#contract/remote.ts';
import { listeners, streamOf } from '../changes.ts';
import type { ChangeFeed } from '../db/feed.ts';
import type { RemoteRepository, SavedEngine } from '../db/remotes.ts';
import type { Host } from '../host.ts';
import { newId } from '../ids.ts';
import { listRemoteModels } from './completion.ts';
import { REMOTE_LIMITS, type RemoteLimits, type RemoteTarget } from './http.ts';
import { createKeyStore } from './keys.ts';

interface RemoteEnginesOptions {
  readonly home: string;
  readonly host: Pick<Host, 'keychain'>;
  readonly repository: RemoteRepository;
  readonly feed: ChangeFeed;
  readonly clock: () => number;
  readonly limits?: RemoteLimits;
}

const KEY_FOLDER = 'remote-keys';

export type RemoteEngines = ReturnType<typeof createRemoteEngines>;

/** The OpenAI-compatible engines on other computers that the user named. */
export function createRemoteEngines({ home, host, repository, feed, clock, limits = REMOTE_LIMITS }: RemoteEnginesOptions) {
  const keys = createKeyStore(join(home, KEY_FOLDER), host.keychain);
  const changes = listeners<RemoteEngine[]>();
  const leaveFeed = feed.subscribe('remote', () => changes.emit(list()));

  const describe = (engine: SavedEngine): RemoteEngine => {
    const { host: name, reach, isEncrypted } = readAddress(engine.address);
    return { ...engine, host: name, reach, isEncrypted, keyPlace: keys.place(engine.id) };
  };
  const list = (): RemoteEngine[] => repository.list().map(describe);
  const saved = (id: string): SavedEngine => {
    const engine = repository.get(id);
    if (engine === undefined) throw new AppError('remote.unknownEngine', {});
    return engine;
  };
  const allowedAddress = (address: string, allowInsecure: boolean): RemoteAddress => {
    const read = readAddress(address);
    if (needsConsent(read) && !allowInsecure) throw new AppError('remote.insecure', { host: read.host });
    return read;
  };
  const checkName = (name: string, exceptId: string | null): void => {
    const isTaken = repository.list().some((engine) => engine.id !== exceptId && engine.name.toLowerCase() === name.toLowerCase());
    if (isTaken) throw new AppError('remote.nameTaken', { name });
  };
  const isSameComputer = (a: string, b: string): boolean => new URL(a).origin === new URL(b).origin;

  /** An engine with its key, to be asked. Throws `remote.unknownEngine`, `remote.keyLocked`. */
  const target = (id: string): RemoteTarget => {
    const { name, address, dialect } = saved(id);
    return { name, base: address, host: readAddress(address).host, dialect, key: keys.get(id, name) };
  };

  const handlers: AppHandlers['remote'] = {
    engines: (_, { signal }) => streamOf<RemoteEngine[]>(changes.add, { signal, key: () => 'engines', first: [list()] }),
    add: ({ name, address, dialect, allowInsecure, key }) => {
      const { base } = allowedAddress(address, allowInsecure);
      checkName(name, null);
      const engine = { id: newId(), name, address: base, dialect, allowInsecure, createdMs: clock() };
      // Before the engine: whoever hears of it finds its key.
      if (key !== undefined) keys.set(engine.id, key);
      repository.put(engine);
      return describe(engine);
    },
    update: ({ engineId, name, address, dialect, allowInsecure, key }) => {
      const before = saved(engineId);
      const { base } = allowedAddress(address, allowInsecure);
      checkName(name, engineId);
      // A key is for the computer that it was given for.
      if (key === null || (key === undefined && !isSameComputer(before.address, base))) keys.remove(engineId);
      if (typeof key === 'string') keys.set(engineId, key);
      const engine = { ...before, name, address: base, dialect, allowInsecure };
      repository.put(engine);
      return describe(engine);
    },
    remove: ({ engineId }) => {
      saved(engineId);
      repository.remove(engineId);
      keys.remove(engineId);
      return {};
    },
    models: ({ engineId }, { signal }) => listRemoteModels(target(engineId), { signal, limits }),
    test: ({ address, dialect, allowInsecure, key, engineId }, { signal }) => {
      const { base, host: name } = allowedAddress(address, allowInsecure);
      const known = engineId === undefined || key !== undefined ? undefined : saved(engineId);
      const kept = known !== undefined && isSameComputer(known.address, base) ? keys.get(known.id, known.name) : null;
      return listRemoteModels(draft(name, base, dialect, key ?? kept), { signal, limits });
    },
  };
  return { handlers, target, close: leaveFeed };
}

/** An engine that is not saved goes by its host's name. */
const draft = (host: string, base: string, dialect: RemoteDialect, key: string | null): RemoteTarget => ({
  name: host,
  base,
  host,
  dialect,
  key,
});
