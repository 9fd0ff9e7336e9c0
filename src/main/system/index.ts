import { setTimeout as delay } from 'node:timers/promises';
import { lstat } from 'node:fs/promises';
import type { AppHandlers } from '#contract/index.ts';
import type { Settings } from '#contract/system.ts';
import { onDisk } from '#core/errors/on-disk.ts';
import { listeners, streamOf } from '../changes.ts';
import type { ChangeFeed } from '../db/feed.ts';
import type { SettingsRepository } from '../db/settings.ts';
import type { Engines } from '../engines/index.ts';
import type { Host } from '../host.ts';
import { resolveUserPath } from '../library/paths.ts';
import type { Log, LogEntry } from '../log.ts';
import { readSettings } from '../settings.ts';
import { diskSpace, listFolder } from './folders.ts';
import { sampleMemory, SAMPLE_EVERY_MS } from './memory.ts';

export interface SystemOptions {
  readonly home: string;
  readonly modelFolder: string;
  readonly host: Host;
  readonly engines: Pick<Engines, 'processes'>;
  readonly repository: SettingsRepository;
  readonly feed: ChangeFeed;
  readonly log: Log;
  readonly clock: () => number;
}

/** Entries that wait for a slow reader; older ones are in the file. */
const WAITING_ENTRIES = 2000;

const PLATFORMS = new Set<string>(['linux', 'darwin', 'win32']);

/** The computer, the user's settings, the log. */
export function createSystem({ home, modelFolder, host, engines, repository, feed, log, clock }: SystemOptions) {
  const changes = listeners<Settings>();
  const leaveFeed = feed.subscribe('settings', () => changes.emit(readSettings(repository)));

  const handlers: AppHandlers['system'] = {
    host: () => ({
      kind: host.kind,
      platform: PLATFORMS.has(process.platform) ? (process.platform as 'linux' | 'darwin' | 'win32') : 'other',
      canPickFile: host.canPickFile,
      canReveal: host.canReveal,
      hasTrash: host.hasTrash,
      home,
      modelFolder,
      versions: { ...host.versions },
    }),
    settings: () => readSettings(repository),
    changeSettings: (change) => {
      const { outputFolder } = change;
      repository.put(
        outputFolder === undefined || outputFolder === null ? change : { ...change, outputFolder: resolveUserPath(outputFolder) },
      );
      return readSettings(repository);
    },
    settingsChanges: (_, { signal }) => streamOf<Settings>(changes.add, { signal, key: () => 'settings' }),
    memory: async function* (_, { signal }) {
      while (!signal.aborted) {
        yield await sampleMemory(engines, clock);
        await delay(SAMPLE_EVERY_MS, undefined, { signal, ref: false }).catch(() => undefined);
      }
    },
    disk: ({ path }) => diskSpace(path),
    listFolder: ({ path }) => listFolder(path),
    pick: ({ what, title, suggestedName }) => host.pick({ what, title, suggestedName }),
    reveal: async ({ path: written }) => {
      const path = resolveUserPath(written);
      await onDisk(path, () => lstat(path));
      await host.reveal(path);
      return {};
    },
    log: ({ last }, { signal }) => {
      let number = 0;
      return streamOf<LogEntry>(log.subscribe, { signal, key: () => String((number += 1)), first: log.last(last), limit: WAITING_ENTRIES });
    },
  };

  return { handlers, settings: (): Settings => readSettings(repository), close: leaveFeed };
}

export type System = ReturnType<typeof createSystem>;
