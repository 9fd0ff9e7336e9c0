import { readFile } from 'node:fs/promises';
import { formatBytes } from '#core/bytes.ts';
import { onDisk } from '#core/errors/on-disk.ts';
import { downloadUpdate } from '../../updates/download.ts';
import { EDITIONS, kindsOf, packageName, publicKeyOf } from '../../updates/release.ts';
import { defineCommand } from '../command.ts';
import { printable } from '../text.ts';
import { oneOf, usage } from '../values.ts';

/** Where nobody between can read what is asked for, or on this computer. */
const isFit = ({ protocol, hostname }: URL): boolean => protocol === 'https:' || (protocol === 'http:' && hostname === '127.0.0.1');

export const command = defineCommand({
  args: [],
  options: {
    from: { type: 'string', value: 'ADDRESS', help: 'the folder that the releases lie in, https://…' },
    key: { type: 'string', value: 'FILE', help: 'the public key of whoever signs them' },
    package: { type: 'string', value: 'KIND', help: 'AppImage, deb or rpm; dmg or zip; exe (what the system takes first)' },
    edition: { type: 'string', value: 'NAME', help: 'standard, cpu or cuda (standard)' },
    out: { type: 'string', value: 'FOLDER', help: 'where the package is put (where you are)' },
  },
  notes:
    'Nothing is written unless the list of the release is signed with the key, and the package stays only if it is what the list says. Lathe ' +
    'installs nothing itself. No address and no key come with this version.',
  run: async (context, _args, values) => {
    if (values.from === undefined || values.key === undefined) throw usage('--from and --key are both needed');
    const from = URL.canParse(values.from) ? new URL(values.from) : undefined;
    if (from === undefined || !isFit(from)) throw usage('--from takes an address that begins with https://');
    const kinds = kindsOf(process.platform);
    const kind = values.package ?? kinds[0] ?? '';
    if (!kinds.includes(kind)) throw usage(`--package takes ${kinds.join(', ')}, not '${kind}'`);
    const edition = oneOf('edition', values.edition ?? 'standard', EDITIONS);
    const keyPath = context.resolvePath(values.key);
    const update = await downloadUpdate({
      from,
      key: publicKeyOf(await onDisk(keyPath, () => readFile(keyPath, 'utf8')), keyPath),
      version: context.version,
      nameOf: (version) => packageName(version, process.platform, process.arch, kind, edition),
      folder: context.resolvePath(values.out ?? '.'),
      signal: context.signal,
      progress: (done, total) => context.progress(`downloading  ${formatBytes(done)} of ${formatBytes(total)}`),
    });
    context.progress('');
    if (update === null) return { json: { version: context.version, path: null }, text: `Lathe ${context.version} is the newest.` };
    return {
      json: update,
      text: `Lathe ${update.version} is signed, and lies in ${printable(update.path)}. Install it when Lathe is closed.`,
    };
  },
});
