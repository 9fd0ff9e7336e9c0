import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '#core/errors/index.ts';
import { diskError } from '#core/errors/on-disk.ts';
import type { Keychain } from '../host.ts';

const OWNER_ONLY = 0o600;
const OWNER_ONLY_FOLDER = 0o700;

export type KeyPlace = 'none' | 'keychain' | 'file';

export interface KeyStore {
  place(engineId: string): KeyPlace;
  /** Null where there is none. Throws `remote.keyLocked` where it was sealed by a keychain that is not here. */
  get(engineId: string, name: string): string | null;
  set(engineId: string, key: string): void;
  remove(engineId: string): void;
}

/** What a key's file holds. `value`: the key itself, or base64 of what the keychain made of it. */
interface SavedKey {
  readonly place: 'keychain' | 'file';
  readonly value: string;
}

/**
 * The keys of remote engines, each in a file for its owner alone; where the system has a keychain, encrypted with a secret that it keeps.
 * They are in no database, so that a copy of the library, a log or an export never carries one.
 */
export function createKeyStore(folder: string, keychain: Keychain | null): KeyStore {
  const pathOf = (engineId: string): string => join(folder, engineId);
  const saved = (engineId: string): SavedKey | undefined => {
    try {
      const value = JSON.parse(readFileSync(pathOf(engineId), 'utf8')) as Partial<SavedKey> | null;
      return typeof value?.value === 'string' && (value.place === 'keychain' || value.place === 'file')
        ? { place: value.place, value: value.value }
        : undefined;
    } catch {
      // Not there, or not ours: there is no key.
      return undefined;
    }
  };
  return {
    place: (engineId) => saved(engineId)?.place ?? 'none',
    get: (engineId, name) => {
      const key = saved(engineId);
      if (key === undefined) return null;
      if (key.place === 'file') return key.value;
      const opened = keychain?.open(Buffer.from(key.value, 'base64')) ?? null;
      if (opened === null) throw new AppError('remote.keyLocked', { name });
      return opened;
    },
    set: (engineId, key) => {
      const path = pathOf(engineId);
      const sealed = keychain?.seal(key) ?? null;
      const value: SavedKey =
        sealed === null ? { place: 'file', value: key } : { place: 'keychain', value: Buffer.from(sealed).toString('base64') };
      try {
        mkdirSync(folder, { recursive: true, mode: OWNER_ONLY_FOLDER });
        // A file that is there keeps its mode when it is written to; a new one has ours from its first byte.
        rmSync(`${path}.partial`, { force: true });
        writeFileSync(`${path}.partial`, JSON.stringify(value), { mode: OWNER_ONLY, flag: 'wx' });
        renameSync(`${path}.partial`, path);
      } catch (error) {
        throw diskError(error, path);
      }
    },
    remove: (engineId) => {
      try {
        rmSync(pathOf(engineId), { force: true });
      } catch (error) {
        throw diskError(error, pathOf(engineId));
      }
    },
  };
}
