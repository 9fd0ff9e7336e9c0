import { AppError } from '#core/errors/index.ts';
import type { Host, Keychain, PickRequest } from '../host.ts';

interface OpenOptions {
  title: string;
  properties: ('openFile' | 'openDirectory' | 'createDirectory')[];
}

interface SaveOptions {
  title: string;
  defaultPath?: string;
  properties: ('createDirectory' | 'showOverwriteConfirmation')[];
}

/** The parts of Electron that stand behind a host, named structurally so that tests need no Electron. `W` is its window. */
export interface HostParts<W> {
  readonly dialog: {
    showOpenDialog(window: W, options: OpenOptions): Promise<{ canceled: boolean; filePaths: string[] }>;
    showSaveDialog(window: W, options: SaveOptions): Promise<{ canceled: boolean; filePath: string }>;
  };
  readonly shell: { showItemInFolder(path: string): void; trashItem(path: string): Promise<void> };
  readonly safeStorage: {
    isEncryptionAvailable(): boolean;
    /** On Linux alone. */
    getSelectedStorageBackend?(): string;
    encryptString(text: string): Uint8Array;
    decryptString(sealed: Buffer): string;
  };
  /** The window that a dialog belongs to; undefined while there is none. */
  readonly window: () => W | undefined;
  readonly versions: Readonly<Record<string, string>>;
}

/** The host of the desktop app. */
export function electronHost<W>({ dialog, shell, safeStorage, window, versions }: HostParts<W>): Host {
  return {
    kind: 'desktop',
    canPickFile: true,
    canReveal: true,
    hasTrash: true,
    keychain: keychainOf(safeStorage),
    versions,
    pick: async (request) => {
      const parent = window();
      // Nobody is there to answer.
      return parent === undefined ? null : pick(dialog, parent, request);
    },
    reveal: async (path) => shell.showItemInFolder(path),
    trash: async (path) => {
      try {
        await shell.trashItem(path);
      } catch (error) {
        throw new AppError('host.noTrash', { path }, error instanceof Error ? error.message : String(error));
      }
    },
  };
}

function keychainOf(storage: HostParts<unknown>['safeStorage']): Keychain {
  /** Without a keyring Chromium on Linux encrypts with a password that stands in its source. */
  const keepsSecrets = (): boolean => storage.isEncryptionAvailable() && storage.getSelectedStorageBackend?.() !== 'basic_text';
  return {
    seal: (text) => (keepsSecrets() ? storage.encryptString(text) : null),
    open: (sealed) => {
      try {
        return storage.decryptString(Buffer.from(sealed));
      } catch {
        return null;
      }
    },
  };
}

async function pick<W>(dialog: HostParts<W>['dialog'], window: W, { what, title, suggestedName }: PickRequest): Promise<string | null> {
  if (what === 'save') {
    const { canceled, filePath } = await dialog.showSaveDialog(window, {
      title,
      ...(suggestedName === undefined ? {} : { defaultPath: suggestedName }),
      properties: ['createDirectory', 'showOverwriteConfirmation'],
    });
    return canceled || filePath === '' ? null : filePath;
  }
  const { canceled, filePaths } = await dialog.showOpenDialog(window, {
    title,
    properties: [what === 'file' ? 'openFile' : 'openDirectory', 'createDirectory'],
  });
  return canceled ? null : (filePaths[0] ?? null);
}
