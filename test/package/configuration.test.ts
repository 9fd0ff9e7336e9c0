import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { describe, expect, test } from 'vitest';
import { notices, noticesText } from '../../scripts/notices.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

interface Configuration {
  readonly directories: { readonly buildResources: string };
  readonly files: readonly string[];
  readonly asarUnpack: readonly string[];
  readonly fileAssociations: readonly { readonly ext: string }[];
  readonly protocols?: unknown;
  readonly publish: unknown;
  readonly linux: { readonly icon: string; readonly target: readonly string[] };
  readonly mac: {
    readonly icon: string;
    readonly target: readonly string[];
    readonly hardenedRuntime: boolean;
    readonly entitlements: string;
  };
  readonly win: { readonly icon: string; readonly target: readonly string[] };
}

const configuration = parse(read('electron-builder.yml')) as Configuration;

/** Width and height of a png file, from its first chunk (PNG specification, 11.2.2). */
function pngSize(path: string): readonly [number, number] {
  const bytes = readFileSync(join(root, path));
  expect(bytes.subarray(0, 8)).toEqual(Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]));
  return [bytes.readUInt32BE(16), bytes.readUInt32BE(20)];
}

describe('the packages', () => {
  test('are of every kind that each system’s users look for', () => {
    expect(configuration.linux.target).toEqual(['AppImage', 'deb', 'rpm']);
    expect(configuration.mac.target).toEqual(['dmg', 'zip']);
    expect(configuration.win.target).toEqual(['nsis', 'portable']);
  });

  test('contain only what is there: every path without a pattern in it exists', () => {
    const plain = configuration.files.filter((path) => !/[*!{$]/.test(path) && path !== 'out');
    expect(plain).toContain('LICENSE');
    for (const path of plain) expect([path, existsSync(join(root, path))]).toEqual([path, true]);
  });

  test('have icons in the sizes that they name, and one that is large enough for every system', () => {
    for (const size of [16, 32, 48, 64, 128, 256, 512, 1024])
      expect(pngSize(join(configuration.linux.icon, `${size}x${size}.png`))).toEqual([size, size]);
    for (const { icon } of [configuration.mac, configuration.win]) expect(pngSize(icon)).toEqual([1024, 1024]);
  });

  test.each(['cpu', 'cuda'])('the %s one has all that the standard one has, under a name of its own', (name) => {
    const variant = parse(read(`packaging/${name}.yml`)) as Record<string, unknown>;
    expect(variant['extends']).toBe('electron-builder.yml');
    expect(variant['artifactName']).toContain(`-${name}.`);
    // Nothing but which libraries of llama.cpp go along.
    const files = variant['files'] as string[];
    expect(files.length).toBeGreaterThan(0);
    for (const pattern of files) expect(pattern).toContain('node_modules/@node-llama-cpp/');
  });

  test('open GGUF files, and no addresses', () => {
    expect(configuration.fileAssociations.map(({ ext }) => ext)).toEqual(['gguf']);
    expect(configuration.protocols).toBeUndefined();
  });

  test('know no place to get updates from, as long as nothing signs them', () => {
    expect(configuration.publish).toBeNull();
    const { dependencies } = JSON.parse(read('package.json')) as { dependencies: Record<string, string> };
    expect(Object.keys(dependencies).filter((name) => /updat/.test(name))).toEqual([]);
  });

  test('on macOS are hardened, with no right but those that V8 and llama.cpp’s libraries need', () => {
    expect(configuration.mac.hardenedRuntime).toBe(true);
    const rights = [...read(configuration.mac.entitlements).matchAll(/<key>([^<]+)<\/key>/g)].map(([, name]) => name);
    expect(rights).toEqual(['com.apple.security.cs.allow-jit', 'com.apple.security.cs.disable-library-validation']);
  });
});

test('the licences of all that is in a package are named, and their texts given where there are any', async () => {
  const found = await notices();
  const names = found.map(({ name }) => name);
  // Of the program, of the page, and of what those need themselves.
  for (const name of ['better-sqlite3', 'node-llama-cpp', 'react', '@mantine/core', '@fontsource-variable/inter', 'scheduler', 'micromark'])
    expect(names).toContain(name);
  for (const name of ['vitest', 'typescript', 'playwright-core', 'electron']) expect(names).not.toContain(name);
  for (const { name, licence } of found) expect([name, licence]).toEqual([name, expect.stringMatching(/\w/)]);
  expect(found.filter(({ text }) => text === '').length).toBeLessThan(0.15 * found.length);
  expect(noticesText(found)).toContain('Permission is hereby granted');
  // None of these may be in a program under the MIT licence; where a package offers a choice, another has to be in it.
  for (const { name, licence } of found)
    expect([name, licence.split(' OR ').every((choice) => /AGPL|(?<!L)GPL|SSPL|BUSL/.test(choice))]).toEqual([name, false]);
});

describe('the build for three systems', () => {
  const workflow = parse(read('.github/workflows/build.yml')) as {
    readonly permissions: unknown;
    readonly jobs: Record<
      string,
      {
        readonly strategy?: { readonly matrix: { readonly os: readonly string[] } };
        readonly steps: readonly { uses?: string; run?: string }[];
      }
    >;
  };
  const steps = Object.values(workflow.jobs).flatMap((job) => job.steps);

  test('runs on each of them, may change nothing in the repository, and uses only actions that are pinned to a commit', () => {
    expect(workflow.jobs['build']?.strategy?.matrix.os.map((os) => os.split('-')[0])).toEqual(['ubuntu', 'macos', 'windows']);
    expect(workflow.permissions).toEqual({ contents: 'read' });
    const actions = steps.flatMap(({ uses }) => uses ?? []);
    expect(actions.length).toBeGreaterThan(0);
    for (const action of actions) expect(action).toMatch(/^[\w-]+\/[\w-]+@[0-9a-f]{40}$/);
  });

  test('runs commands that there are', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const asked = steps.flatMap(({ run = '' }) => [...run.matchAll(/npm (?:run (?:--\S+ )?)?([\w:-]+)/g)].map(([, name]) => name ?? ''));
    expect(asked).toContain('test');
    for (const name of asked) expect([name, name === 'ci' || name in scripts]).toEqual([name, true]);
  });
});
