import { AppError } from '#core/errors/index.ts';
import { readAddress } from '#core/remote/address.ts';
import type { AppHandlers } from '#contract/index.ts';
import type { RemoteEngine } from '#contract/remote.ts';

const engine = (id: string, name: string, address: string, fields: Partial<RemoteEngine> = {}): RemoteEngine => {
  const { base, host, reach, isEncrypted } = readAddress(address);
  return {
    id,
    name,
    address: base,
    host,
    reach,
    isEncrypted,
    dialect: 'openai',
    allowInsecure: false,
    keyPlace: 'none',
    createdMs: 0,
    ...fields,
  };
};

const saved = (): RemoteEngine[] => [
  engine('r-attic', 'Attic', 'http://192.168.1.40:8000/v1', { dialect: 'vllm', keyPlace: 'keychain' }),
  engine('r-ollama', 'Ollama', 'http://localhost:11434/v1'),
];

const MODELS = ['Qwen/Qwen2.5-72B-Instruct-AWQ', 'meta-llama/Llama-3.3-70B-Instruct'];

/** Remote engines that answer at once; none where the scene is empty, and unreachable ones in the scene of errors. */
export function fakeRemote(scene: string): AppHandlers['remote'] {
  let engines = scene === 'empty' ? [] : saved();
  const listeners = new Set<() => void>();
  const set = (next: RemoteEngine[]): void => {
    engines = next;
    for (const listener of listeners) listener();
  };
  const models = (name: string) => {
    if (scene === 'error') throw new AppError('remote.unreachable', { name, problem: 'connect ECONNREFUSED 192.168.1.40:8000' });
    return { models: MODELS, durationMs: 42 };
  };
  const named = (id: string): RemoteEngine => {
    const found = engines.find((each) => each.id === id);
    if (found === undefined) throw new AppError('remote.unknownEngine', {});
    return found;
  };
  return {
    engines: async function* (_, { signal }) {
      let wake = (): void => undefined;
      const listener = (): void => wake();
      listeners.add(listener);
      signal.addEventListener('abort', listener, { once: true });
      while (!signal.aborted) {
        const changed = new Promise<void>((resolve) => (wake = resolve));
        yield engines;
        await changed;
      }
      listeners.delete(listener);
    },
    add: ({ name, address, dialect, allowInsecure, key }) => {
      const made = engine(`r-${engines.length}`, name, address, { dialect, allowInsecure, keyPlace: key === undefined ? 'none' : 'file' });
      set([...engines, made]);
      return made;
    },
    update: ({ engineId, name, address, dialect, allowInsecure, key }) => {
      const { keyPlace } = named(engineId);
      const place = key === undefined ? keyPlace : key === null ? 'none' : 'file';
      const changed = engine(engineId, name, address, { dialect, allowInsecure, keyPlace: place });
      set(engines.map((each) => (each.id === engineId ? changed : each)));
      return changed;
    },
    remove: ({ engineId }) => {
      set(engines.filter(({ id }) => id !== engineId));
      return {};
    },
    models: ({ engineId }) => models(named(engineId).name),
    test: ({ address }) => models(readAddress(address).host),
  };
}
