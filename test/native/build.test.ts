import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { deflateSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { readBundle } from '../../scripts/native/git-bundle.mjs';
import { missingText } from '../../scripts/native/toolchain.mjs';

const text = (value: string): Buffer => Buffer.from(value, 'latin1');
const idOf = (type: string, content: Buffer): string =>
  createHash('sha1')
    .update(Buffer.concat([text(`${type} ${content.length}\0`), content]))
    .digest('hex');
const treeItem = (mode: string, name: string, id: string): Buffer => Buffer.concat([text(`${mode} ${name}\0`), Buffer.from(id, 'hex')]);

/** Type and length as a packfile has them: four bits of the length in the first byte, seven in each further one. */
function entryHead(type: number, length: number): Buffer {
  const bytes = [(type << 4) | (length & 15)];
  for (let rest = length >> 4; rest > 0; rest >>= 7) {
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) | 0x80;
    bytes.push(rest & 0x7f);
  }
  return Buffer.from(bytes);
}

const long = text('a line that comes again and again\n'.repeat(40));
const changed = Buffer.concat([long.subarray(0, 300), text('new'), long.subarray(500)]);
// Base and result length, then: copy 300 bytes from 0, insert 3, copy the rest from 500.
const delta = Buffer.concat([
  Buffer.from([(long.length & 0x7f) | 0x80, long.length >> 7, (changed.length & 0x7f) | 0x80, changed.length >> 7]),
  Buffer.from([0x80 | 0x10 | 0x20, 300 & 0xff, 300 >> 8]),
  Buffer.from([3]),
  text('new'),
  Buffer.from([0x80 | 0x01 | 0x02 | 0x10 | 0x20, 500 & 0xff, 500 >> 8, (long.length - 500) & 0xff, (long.length - 500) >> 8]),
]);

/** A bundle as git writes it: one commit; in its tree a file and a folder, in the folder two deltas of that file. */
function bundle(damage: (pack: Buffer) => Buffer = (pack) => pack): string {
  const again = Buffer.concat([changed.subarray(0, 10), changed.subarray(10)]);
  const folder = Buffer.concat([treeItem('100644', 'offset.h', idOf('blob', again)), treeItem('100755', 'whole.h', idOf('blob', long))]);
  const root = Buffer.concat([
    treeItem('40000', 'include', idOf('tree', folder)),
    treeItem('100644', 'reference.h', idOf('blob', changed)),
  ]);
  const commit = text(`tree ${idOf('tree', root)}\nauthor A <a@b> 0 +0000\n\nmessage\n`);
  const entries: Buffer[] = [];
  const position = (): number => 12 + entries.reduce((sum, entry) => sum + entry.length, 0);
  const add = (type: number, content: Buffer, between = Buffer.alloc(0)): void => {
    entries.push(Buffer.concat([entryHead(type, content.length), between, deflateSync(content)]));
  };
  add(1, commit);
  add(2, root);
  add(7, delta, Buffer.from(idOf('blob', long), 'hex'));
  const base = position();
  add(3, long);
  // Filler, so that the distance to the base takes two bytes.
  add(3, Buffer.from(Array.from({ length: 400 }, (_, i) => (i * 7919) & 0xff)));
  const distance = position() - base;
  add(6, delta, Buffer.from([(((distance >> 7) - 1) & 0x7f) | 0x80, distance & 0x7f]));
  add(2, folder);
  const head = Buffer.alloc(12);
  head.write('PACK');
  head.writeUInt32BE(2, 4);
  head.writeUInt32BE(entries.length, 8);
  const file = join(mkdtempSync(join(tmpdir(), 'lathe-bundle-')), 'test.bundle');
  const header = text(`# v2 git bundle\n${idOf('commit', commit)} HEAD\n\n`);
  writeFileSync(file, Buffer.concat([header, damage(Buffer.concat([head, ...entries]))]));
  return file;
}

describe('files are read out of a git bundle without git', () => {
  test('whole ones, and both kinds of deltas', () => {
    const files = readBundle(bundle(), ['', 'include']);
    expect([...files.keys()]).toEqual(['reference.h', 'include/offset.h', 'include/whole.h']);
    expect(files.get('reference.h')).toEqual(changed);
    expect(files.get('include/offset.h')).toEqual(changed);
    expect(files.get('include/whole.h')).toEqual(long);
  });

  test('and what is no bundle, or a damaged one, is refused', () => {
    const plain = join(mkdtempSync(join(tmpdir(), 'lathe-bundle-')), 'plain');
    writeFileSync(plain, 'no bundle');
    expect(() => readBundle(plain, [''])).toThrow('not a git bundle');
    expect(() => readBundle(bundle(), ['src'])).toThrow('no folder src');
    expect(() =>
      readBundle(
        bundle((pack) => pack.subarray(0, pack.length - 20)),
        [''],
      ),
    ).toThrow('unexpected end of file');
    const wrongVersion = (pack: Buffer): Buffer => Buffer.from(pack.map((byte, i) => (i === 7 ? 3 : byte)));
    expect(() => readBundle(bundle(wrongVersion), [''])).toThrow('not a packfile of version 2');
  });
});

test('the headers are there, with the version that node-llama-cpp names', () => {
  const build = fileURLToPath(new URL('../../build/llama-headers/', import.meta.url));
  expect(readFileSync(join(build, 'ggml.h'), 'utf8')).toContain('ggml_quantize_chunk');
  const info = fileURLToPath(new URL('../../node_modules/node-llama-cpp/llama/llama.cpp.info.json', import.meta.url));
  const { tag } = JSON.parse(readFileSync(info, 'utf8')) as { tag: string };
  expect(readFileSync(join(build, 'lathe_llama_version.h'), 'utf8')).toContain(`kLlamaRelease = "${tag}"`);
});

describe('a missing tool is named in one line, with the command that installs it', () => {
  const debian = 'PRETTY_NAME="Debian GNU/Linux 12"\nID=debian\n';
  test.each([
    ['linux', debian, ['cmake', 'compiler'], 'CMake and a C++ compiler. Install with: sudo apt-get install -y cmake g++'],
    ['linux', 'ID=linuxmint\nID_LIKE="ubuntu debian"\n', ['cmake'], 'CMake. Install with: sudo apt-get install -y cmake'],
    ['linux', 'ID="rocky"\nID_LIKE="rhel centos fedora"\n', ['compiler'], 'a C++ compiler. Install with: sudo dnf install -y gcc-c++'],
    ['linux', 'ID=arch\n', ['cmake', 'compiler'], 'Install with: sudo pacman -S --needed cmake gcc'],
    ['linux', 'ID="opensuse-tumbleweed"\n', ['compiler'], 'Install with: sudo zypper install -y gcc-c++'],
    ['linux', 'ID=plan9\n', ['cmake'], 'Install with: the package manager of your system'],
    ['darwin', '', ['cmake', 'compiler'], 'Install with: xcode-select --install && brew install cmake'],
    ['win32', '', ['compiler'], 'Install with: winget install Microsoft.VisualStudio.2022.BuildTools'],
    ['win32', '', ['cmake'], 'Install with: winget install Kitware.CMake'],
  ] as const)('%s %j without %j', (platform, osRelease, missing, expected) => {
    const line = missingText({ platform, osRelease, missing: [...missing] });
    expect(line).toContain(expected);
    expect(line).not.toContain('\n');
  });
});
