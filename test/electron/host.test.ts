import { describe, expect, test } from 'vitest';
import { electronHost, type HostParts } from '#main/electron/host.ts';

interface Shown {
  readonly kind: 'open' | 'save';
  readonly options: unknown;
}

/** Electron's parts with answers of the test's own. */
function host(answers: { open?: string[]; save?: string; trashFails?: boolean; window?: string | undefined; keyring?: string } = {}) {
  const shown: Shown[] = [];
  const done: string[] = [];
  const parts: HostParts<string> = {
    dialog: {
      showOpenDialog: async (_window, options) => {
        shown.push({ kind: 'open', options });
        return { canceled: answers.open === undefined, filePaths: answers.open ?? [] };
      },
      showSaveDialog: async (_window, options) => {
        shown.push({ kind: 'save', options });
        return { canceled: answers.save === undefined, filePath: answers.save ?? '' };
      },
    },
    shell: {
      showItemInFolder: (path) => done.push(`show ${path}`),
      trashItem: async (path) => {
        if (answers.trashFails === true) throw new Error('no trash on this volume');
        done.push(`trash ${path}`);
      },
    },
    // A keychain that turns texts round.
    safeStorage: {
      isEncryptionAvailable: () => answers.keyring !== 'none',
      getSelectedStorageBackend: () => answers.keyring ?? 'gnome_libsecret',
      encryptString: (text) => Buffer.from([...text].reverse().join('')),
      decryptString: (sealed) => {
        if (sealed.length === 0) throw new Error('Error while decrypting the ciphertext');
        return [...sealed.toString()].reverse().join('');
      },
    },
    window: () => ('window' in answers ? answers.window : 'the window'),
    versions: {},
  };
  return { host: electronHost(parts), shown, done };
}

describe('the desktop’s dialogs', () => {
  test('a file and a folder are picked with the system’s open dialog', async () => {
    const { host: desktop, shown } = host({ open: ['/models/a b.gguf'] });
    expect(await desktop.pick({ what: 'file', title: 'Add a model' })).toBe('/models/a b.gguf');
    expect(await desktop.pick({ what: 'folder', title: 'Add a folder' })).toBe('/models/a b.gguf');
    expect(shown).toEqual([
      { kind: 'open', options: { title: 'Add a model', properties: ['openFile', 'createDirectory'] } },
      { kind: 'open', options: { title: 'Add a folder', properties: ['openDirectory', 'createDirectory'] } },
    ]);
  });

  test('a place to save is asked with the suggested name', async () => {
    const { host: desktop, shown } = host({ save: '/out/x.gguf' });
    expect(await desktop.pick({ what: 'save', title: 'Convert', suggestedName: 'x.gguf' })).toBe('/out/x.gguf');
    expect(shown[0]?.options).toMatchObject({ title: 'Convert', defaultPath: 'x.gguf' });
  });

  test.each(['file', 'folder', 'save'] as const)('a closed dialog for a %s is null', async (what) => {
    expect(await host().host.pick({ what, title: '' })).toBeNull();
  });

  test('without a window there is nobody to ask', async () => {
    const { host: desktop, shown } = host({ open: ['/x'], window: undefined });
    expect(await desktop.pick({ what: 'file', title: '' })).toBeNull();
    expect(shown).toEqual([]);
  });
});

describe('the desktop’s files', () => {
  test('are shown and trashed by the system', async () => {
    const { host: desktop, done } = host();
    await desktop.reveal('/models/a.gguf');
    await desktop.trash('/models/a.gguf');
    expect(done).toEqual(['show /models/a.gguf', 'trash /models/a.gguf']);
  });

  test('a trash that does not take the file is named, with the system’s reason', async () => {
    await expect(host({ trashFails: true }).host.trash('/usb/a.gguf')).rejects.toMatchObject({
      code: 'host.noTrash',
      params: { path: '/usb/a.gguf' },
      detail: 'no trash on this volume',
    });
  });
});

describe('the desktop’s keychain', () => {
  test('seals and opens; what it did not seal it does not open', () => {
    const { keychain } = host().host;
    const sealed = keychain?.seal('sk-1234');
    expect(Buffer.from(sealed ?? []).toString()).toBe('4321-ks');
    expect(keychain?.open(sealed ?? new Uint8Array())).toBe('sk-1234');
    expect(keychain?.open(new Uint8Array())).toBeNull();
  });

  test('a system without a keyring seals nothing: Chromium’s password for that is in its source', () => {
    expect(host({ keyring: 'basic_text' }).host.keychain?.seal('sk-1234')).toBeNull();
    expect(host({ keyring: 'none' }).host.keychain?.seal('sk-1234')).toBeNull();
  });
});
