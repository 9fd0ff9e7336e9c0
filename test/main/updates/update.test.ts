import { execFile } from 'node:child_process';
import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { lstat, mkdir, mkdtemp, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { kindsOf, packageName, RELEASE_FORMAT } from '#main/updates/release.ts';
import { lathe, type Ran } from '../cli/fixture.ts';

const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const pem = publicKey.export({ type: 'spki', format: 'pem' });
/** The test's command line says that it is 1.2.3. */
const NEWER = '1.3.0';
const [kind = 'deb'] = kindsOf(process.platform);
const nameOf = (version: string): string => packageName(version, process.platform, process.arch, kind, 'standard');
const name = nameOf(NEWER);
const content = Buffer.from('the package, all of it');
const sha512 = (bytes: Uint8Array): string => createHash('sha512').update(bytes).digest('hex');
const files = { [name]: { sizeBytes: content.length, sha512: sha512(content) } };
const listOf = (fields: object = {}): Buffer => Buffer.from(JSON.stringify({ format: RELEASE_FORMAT, version: NEWER, files, ...fields }));

type Served = Buffer | ((response: ServerResponse) => void);
let served: Record<string, Served>;
let asked: string[];
let server: ReturnType<typeof createServer>;
let address: string;
let folder: string;

/** A release of that list, rightly signed, and its package. */
const release = (list: Buffer, body: Served = content): Record<string, Served> => ({
  '/r/latest.json': list,
  '/r/latest.json.sig': sign(null, list, privateKey),
  [`/r/${name}`]: body,
});

beforeEach(async () => {
  [served, asked] = [release(listOf()), []];
  server = createServer((request, response) => {
    asked.push(request.url ?? '');
    const found = served[request.url ?? ''];
    if (found === undefined) response.writeHead(404).end();
    else if (typeof found === 'function') found(response);
    else response.end(found);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/r`;
  folder = await mkdtemp(join(tmpdir(), 'lathe-update-'));
  await mkdir(join(folder, 'out'));
  await writeFile(join(folder, 'key.pem'), pem);
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

const update = (...more: string[]): Promise<Ran> =>
  lathe(['update', '--from', address, '--key', 'key.pem', '--out', 'out', '--json', ...more], {}, { cwd: folder });
const left = (): Promise<string[]> => readdir(join(folder, 'out'));

/** Refused with that code, with nothing left on the disk. */
async function expectRefused(code: string): Promise<void> {
  const ran = await update();
  expect(ran).toMatchObject({ code: 1, stdout: '' });
  expect(JSON.parse(ran.stderr)).toMatchObject({ code });
  expect(await left()).toEqual([]);
}

describe('an update', () => {
  it('is downloaded whole, where its list is signed and it is what the list says', async () => {
    const ran = await update();
    expect(JSON.parse(ran.stdout)).toEqual({ version: NEWER, path: join(folder, 'out', name) });
    expect(await left()).toEqual([name]);
    expect(await readFile(join(folder, 'out', name))).toEqual(content);
  });

  it('is none where what runs is the newest', async () => {
    served = release(listOf({ version: '1.2.3' }));
    expect(JSON.parse((await update()).stdout)).toEqual({ version: '1.2.3', path: null });
    expect(asked).toEqual(['/r/latest.json', '/r/latest.json.sig']);
  });

  it.each([
    ['by another key', (list: Buffer) => sign(null, list, generateKeyPairSync('ed25519').privateKey)],
    ['for another list', () => sign(null, listOf({ version: '1.2.9' }), privateKey)],
    ['by nobody', () => Buffer.alloc(64)],
    ['not at all', () => Buffer.alloc(0)],
  ])('whose list is signed %s is refused before anything of it is asked for or written', async (_what, signatureOf) => {
    served['/r/latest.json.sig'] = signatureOf(listOf());
    await expectRefused('update.forged');
    expect(asked).toEqual(['/r/latest.json', '/r/latest.json.sig']);
  });

  it('whose list was changed by one bit is refused', async () => {
    const list = listOf();
    list[list.length - 5] = (list[list.length - 5] ?? 0) ^ 1;
    served['/r/latest.json'] = list;
    await expectRefused('update.forged');
  });

  it.each(['1.2.2', '1.1.99', '0.9.0'])('to %s, signed long ago, is no update of 1.2.3', async (version) => {
    served = release(listOf({ version, files: { [nameOf(version)]: files[name] } }));
    await expectRefused('update.older');
  });

  it('is newer by number, not by letter', async () => {
    served = release(listOf({ version: '1.2.10', files: { [nameOf('1.2.10')]: files[name] } }));
    served[`/r/${nameOf('1.2.10')}`] = content;
    expect((await update()).code).toBe(0);
  });

  it.each(['1.3', '1.3.0-beta', '1.3.0/../../etc', '../1.3.0', '01.3.0', '1.3.9999999', 13, null])(
    'of version %j is refused',
    async (version) => {
      served = release(listOf({ version }));
      await expectRefused('update.badRelease');
    },
  );

  it.each([
    ['shorter', content.subarray(0, 10)],
    ['longer', Buffer.concat([content, content])],
    ['of one other bit', Buffer.from(content).fill('T', 0, 1)],
  ])('that is %s than what was signed leaves nothing', async (_what, body) => {
    served = release(listOf(), body);
    await expectRefused('update.damaged');
  });

  it('that never ends is left at the size that was signed', async () => {
    let open = true;
    served = release(listOf(), (response) => {
      response.on('close', () => (open = false));
      const more = (): void => {
        while (open && response.write(Buffer.alloc(65_536)));
        if (open) response.once('drain', more);
      };
      more();
    });
    await expectRefused('update.damaged');
    await expect.poll(() => open).toBe(false);
  });

  it('whose connection breaks leaves nothing', async () => {
    served = release(listOf(), (response) => {
      response.writeHead(200, { 'content-length': content.length });
      response.write(content.subarray(0, 5), () => response.destroy());
    });
    await expectRefused('update.unreachable');
  });

  it('for another system or processor is not taken for this one', async () => {
    const others = ['aix', 'sunos'].map((os) => name.replace(/linux|mac|win/, os));
    served = release(listOf({ files: Object.fromEntries([...others, 'constructor'].map((other) => [other, files[name]])) }));
    await expectRefused('update.noPackage');
    expect(asked).toHaveLength(2);
  });

  it.each(['latest.json', 'latest.json.sig', name])('is not looked for where a redirection of %s leads', async (from) => {
    let visits = 0;
    const elsewhere = createServer((_request, response) => void (visits++, response.end(served[`/r/${from}`])));
    await new Promise<void>((resolve) => elsewhere.listen(0, '127.0.0.1', resolve));
    const location = `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}/r/${from}`;
    const signed = served[`/r/${from}`];
    served[`/r/${from}`] = (response) => response.writeHead(302, { location }).end(signed);
    await expectRefused('update.unreachable');
    elsewhere.close();
    expect(visits).toBe(0);
  });

  it('names no path: what a list calls its packages is only compared', async () => {
    const evil = `../../${name}`;
    served = release(listOf({ files: { [evil]: files[name], [`/tmp/${name}`]: files[name], [`C:\\${name}`]: files[name] } }));
    await expectRefused('update.noPackage');
    expect(await readdir(folder)).toEqual(['key.pem', 'out']);
  });

  it('is not written through a link that waits under the name it has until it is right', async () => {
    await writeFile(join(folder, 'victim'), 'untouched');
    await symlink(join(folder, 'victim'), join(folder, 'out', 'lathe-update.partial'));
    expect((await update()).code).toBe(0);
    expect(await readFile(join(folder, 'victim'), 'utf8')).toBe('untouched');
    expect((await lstat(join(folder, 'out', name))).isFile()).toBe(true);
    expect(await left()).toEqual([name]);
  });

  it.each([
    ['no list', { format: 'lathe-release-2' }],
    ['packages without sums', { files: { [name]: { sizeBytes: 5 } } }],
    ['sizes below zero', { files: { [name]: { ...files[name], sizeBytes: -1 } } }],
    ['a package of a terabyte', { files: { [name]: { ...files[name], sizeBytes: 2 ** 40 } } }],
  ])('with %s is refused, signed or not', async (_what, fields) => {
    served = release(listOf(fields));
    await expectRefused('update.badRelease');
  });

  it('whose list is longer than lists are is refused', async () => {
    served = release(listOf({ padding: 'x'.repeat(70_000) }));
    await expectRefused('update.unreachable');
  });

  it('is checked with an Ed25519 key alone, and with the public half', async () => {
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ type: 'spki', format: 'pem' });
    const secret = privateKey.export({ type: 'pkcs8', format: 'pem' });
    for (const key of [rsa, secret, 'no key']) {
      await writeFile(join(folder, 'key.pem'), key);
      await expectRefused('update.badKey');
    }
    expect(asked).toEqual([]);
  });

  it('wants an address and a key: none come with Lathe', async () => {
    expect(JSON.parse((await lathe(['update', '--json'])).stderr)).toMatchObject({ code: 'cli.usage' });
    for (const from of ['http://example.com/r', 'file:///etc', 'latest.json'])
      expect(JSON.parse((await lathe(['update', '--json', '--key', 'k', '--from', from])).stderr)).toMatchObject({ code: 'cli.usage' });
  });

  it('is what scripts/sign-release.ts signs, and no package of another version', { timeout: 60_000 }, async () => {
    const { version } = JSON.parse(await readFile(new URL('../../../package.json', import.meta.url), 'utf8')) as { version: string };
    const dist = join(folder, 'dist');
    await mkdir(dist);
    await writeFile(join(dist, nameOf(version)), content);
    await writeFile(join(folder, 'secret.pem'), privateKey.export({ type: 'pkcs8', format: 'pem' }));
    const run = () => promisify(execFile)(process.execPath, ['scripts/sign-release.ts', dist, join(folder, 'secret.pem')]);
    await run();
    for (const file of await readdir(dist)) served[`/r/${file}`] = await readFile(join(dist, file));
    const ran = await lathe(['update', '--from', address, '--key', 'key.pem', '--out', 'out'], {}, { cwd: folder, version: '0.0.9' });
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    expect(await left()).toEqual([nameOf(version)]);
    await writeFile(join(dist, nameOf('0.0.1')), content);
    await expect(run()).rejects.toThrow('is no package of version');
  });
});

it.each([
  ['linux', 'x64', 'AppImage', 'standard', 'Lathe-1.3.0-linux-x86_64.AppImage'],
  ['linux', 'x64', 'deb', 'cuda', 'Lathe-1.3.0-linux-amd64-cuda.deb'],
  ['linux', 'arm64', 'rpm', 'cpu', 'Lathe-1.3.0-linux-aarch64-cpu.rpm'],
  ['darwin', 'arm64', 'dmg', 'standard', 'Lathe-1.3.0-mac-arm64.dmg'],
  ['win32', 'x64', 'exe', 'standard', 'Lathe-1.3.0-win-x64.exe'],
] as const)('for %s on %s, %s (%s) the package is %s', (platform, arch, extension, edition, expected) => {
  expect(packageName('1.3.0', platform, arch, extension, edition)).toBe(expected);
});
