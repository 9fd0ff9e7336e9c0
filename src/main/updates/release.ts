import { createPublicKey, verify, type KeyObject } from 'node:crypto';
import { AppError } from '#core/errors/index.ts';

/** One package of a release. */
export interface ReleaseFile {
  readonly sizeBytes: number;
  /** In hexadecimal digits. */
  readonly sha512: string;
}

/** What a signed list says: `scripts/sign-release.ts` writes it. */
export interface Release {
  readonly version: string;
  readonly files: Readonly<Record<string, ReleaseFile>>;
}

/** So that no other text that was ever signed with the key can be taken for a release. */
export const RELEASE_FORMAT = 'lathe-release-1';

/** CUDA's package, the largest, takes 0.7 GB (docs/packages.md). */
const MAX_PACKAGE_BYTES = 4 * 2 ** 30;

/** No letters: what is not a finished version is never offered. Digits are few enough to be compared as numbers. */
const VERSION = /^(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})$/;

/** Throws `update.badKey`. */
export function publicKeyOf(pem: string, path: string): KeyObject {
  try {
    const key = createPublicKey(pem);
    if (key.asymmetricKeyType === 'ed25519' && pem.includes('BEGIN PUBLIC KEY')) return key;
  } catch {
    // Not a key at all.
  }
  throw new AppError('update.badKey', { path });
}

/** The list, if its Ed25519 signature is right: nothing of it is looked at before. Throws `update.forged`, `update.badRelease`. */
export function readRelease(list: Uint8Array, signature: Uint8Array, key: KeyObject, address: string): Release {
  if (!verify(null, list, key, signature)) throw new AppError('update.forged', { address });
  const bad = (problem: string): AppError => new AppError('update.badRelease', { address, problem });
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(list));
  } catch {
    throw bad('it is no JSON');
  }
  if (!isRecord(value) || value['format'] !== RELEASE_FORMAT) throw bad(`its format is not ${RELEASE_FORMAT}`);
  const { version, files } = value;
  if (typeof version !== 'string' || !VERSION.test(version)) throw bad('its version is not three numbers');
  if (!isRecord(files) || !Object.values(files).every(isReleaseFile)) throw bad('its packages have no sizes or sums');
  return { version, files: files as Record<string, ReleaseFile> };
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

function isReleaseFile(value: unknown): boolean {
  if (!isRecord(value)) return false;
  const { sizeBytes, sha512 } = value;
  return (
    Number.isSafeInteger(sizeBytes) &&
    (sizeBytes as number) > 0 &&
    (sizeBytes as number) <= MAX_PACKAGE_BYTES &&
    typeof sha512 === 'string' &&
    /^[0-9a-f]{128}$/.test(sha512)
  );
}

/** Below, at or above zero, as the first version is older, the same or newer. */
export function compareVersions(left: string, right: string): number {
  const [a, b] = [left, right].map((version) => version.split('.').map(Number)) as [number[], number[]];
  const at = a.findIndex((part, index) => part !== b[index]);
  return at === -1 ? 0 : (a[at] ?? 0) - (b[at] ?? 0);
}

export const EDITIONS = ['standard', 'cpu', 'cuda'] as const;
export type Edition = (typeof EDITIONS)[number];

/** Kinds of package by system; the first is what people take. */
const KINDS: Partial<Record<NodeJS.Platform, { readonly os: string; readonly kinds: readonly string[] }>> = {
  linux: { os: 'linux', kinds: ['AppImage', 'deb', 'rpm'] },
  darwin: { os: 'mac', kinds: ['dmg', 'zip'] },
  win32: { os: 'win', kinds: ['exe'] },
};

export const kindsOf = (platform: NodeJS.Platform): readonly string[] => KINDS[platform]?.kinds ?? [];

/**
 * The name that a package is built under, for this computer alone: `artifactName` of electron-builder.yml, and what electron-builder calls
 * processors in it (getArtifactArchName). It is made here and only looked for in a release, so that no name comes from outside.
 */
export function packageName(version: string, platform: NodeJS.Platform, arch: string, kind: string, edition: Edition): string {
  const aliases: Record<string, string> = {
    'x64.AppImage': 'x86_64',
    'x64.rpm': 'x86_64',
    'x64.deb': 'amd64',
    'arm64.rpm': 'aarch64',
  };
  const suffix = edition === 'standard' ? '' : `-${edition}`;
  return `Lathe-${version}-${KINDS[platform]?.os ?? platform}-${aliases[`${arch}.${kind}`] ?? arch}${suffix}.${kind}`;
}
