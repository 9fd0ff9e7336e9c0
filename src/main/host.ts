import { lstat } from 'node:fs/promises';
import { AppError } from '#core/errors/index.ts';

export interface PickRequest {
  readonly what: 'file' | 'folder' | 'save';
  readonly title: string;
  readonly suggestedName?: string | undefined;
}

/** The system's keychain: it keeps the secret that small texts are encrypted with. */
export interface Keychain {
  /** Null where the system keeps no secrets after all. */
  seal(text: string): Uint8Array | null;
  /** Null where it cannot be opened. */
  open(sealed: Uint8Array): string | null;
}

/** What only the surroundings can do: Electron has dialogs and a file manager, a plain Node process has neither. */
export interface Host {
  readonly kind: 'desktop' | 'serve' | 'cli';
  readonly canPickFile: boolean;
  readonly canReveal: boolean;
  readonly hasTrash: boolean;
  /** Null where there is none that this program could use. */
  readonly keychain: Keychain | null;
  /** Names and versions of what Lathe runs on. */
  readonly versions: Readonly<Record<string, string>>;
  /** The system's dialog; null when the user closed it. Throws `host.noDialog` where there is none. */
  pick(request: PickRequest): Promise<string | null>;
  /** Show a file in the system's file manager. Throws `host.noFileManager` where there is none. */
  reveal(path: string): Promise<void>;
  /** Move one file or folder into the system's trash; a link is moved itself. Throws `host.noTrash` when it stays where it is. */
  trash(path: string): Promise<void>;
}

/** The host of `serve` and of the command line. */
export function nodeHost(kind: 'serve' | 'cli', versions: Readonly<Record<string, string>>): Host {
  return {
    kind,
    canPickFile: false,
    canReveal: false,
    hasTrash: ['linux', 'darwin', 'win32'].includes(process.platform),
    keychain: null,
    versions,
    pick: async () => {
      throw new AppError('host.noDialog', {});
    },
    reveal: async () => {
      throw new AppError('host.noFileManager', {});
    },
    trash: async (path) => {
      // Loaded when it is used: hardly any run of the command line trashes anything.
      const { default: trash } = await import('trash');
      try {
        // A path is no pattern: `model [1].gguf` means one file.
        await trash(path, { glob: false });
      } catch (error) {
        throw new AppError('host.noTrash', { path }, error instanceof Error ? error.message : String(error));
      }
      if (await exists(path)) throw new AppError('host.noTrash', { path });
    },
  };
}

const exists = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false,
  );
