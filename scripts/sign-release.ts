// Signs the packages of a folder: `node scripts/sign-release.ts dist KEY.pem` writes latest.json, which says what each of them is, and
// latest.json.sig, its Ed25519 signature. `lathe update` takes nothing else. A key is made by
// `openssl genpkey -algorithm ed25519 -out KEY.pem`, and its public half by `openssl pkey -in KEY.pem -pubout`.
import { createHash, createPrivateKey, sign } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { RELEASE_FORMAT, type Release, type ReleaseFile } from '#main/updates/release.ts';

const [folder, keyPath] = process.argv.slice(2);
if (folder === undefined || keyPath === undefined) throw new Error('node scripts/sign-release.ts FOLDER KEY.pem');
const { version } = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };

async function describe(path: string): Promise<ReleaseFile> {
  const hash = createHash('sha512');
  await pipeline(createReadStream(path), hash);
  return { sizeBytes: (await stat(path)).size, sha512: hash.digest('hex') };
}

const packages = (await readdir(folder)).filter((name) => /\.(AppImage|deb|rpm|dmg|zip|exe)$/.test(name)).toSorted();
if (packages.length === 0) throw new Error(`there are no packages in ${folder}`);
const files: Record<string, ReleaseFile> = {};
for (const name of packages) {
  // What an earlier build left there must not be signed as this one.
  if (!name.startsWith(`Lathe-${version}-`)) throw new Error(`${name} is no package of version ${version}`);
  files[name] = await describe(join(folder, name));
}
const release: Release & { readonly format: string } = { format: RELEASE_FORMAT, version, files };
const list = Buffer.from(`${JSON.stringify(release, null, 2)}\n`);
await writeFile(join(folder, 'latest.json'), list);
await writeFile(join(folder, 'latest.json.sig'), sign(null, list, createPrivateKey(await readFile(keyPath))));
process.stdout.write(`${packages.length} packages of ${version} are signed.\n`);
