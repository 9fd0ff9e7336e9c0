import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { inflateSync } from 'node:zlib';

/**
 * Files out of a git bundle without git, which a user's machine need not have. A bundle is a few lines of text and a
 * packfile: https://git-scm.com/docs/gitformat-bundle and gitformat-pack. Only what a bundle of one commit with SHA-1
 * names needs is understood; everything else is refused.
 */

/** @typedef {{ type: number, size: number, at: number, base: number | string | null }} Entry `base`: an entry's offset, or an object's name */

const OFFSET_DELTA = 6;
const REFERENCE_DELTA = 7;
/** @type {Record<number, string>} */
const typeNames = { 1: 'commit', 2: 'tree', 3: 'blob', 4: 'tag' };

const FOLDER_MODE = '40000';

/**
 * @param {string} file
 * @param {string[]} folders paths inside the commit whose files are wanted, not those of their subfolders; '' is the root
 * @returns {Map<string, Buffer>} content by path
 */
export function readBundle(file, folders) {
  const bytes = readFileSync(file);
  const { tip, packAt } = readHeader(bytes);
  const pack = readPack(bytes.subarray(packAt));
  const root = treeOf(pack(tip, 'commit'));
  /** @type {Map<string, Buffer>} */
  const files = new Map();
  for (const folder of folders) {
    let tree = listTree(pack(root, 'tree'));
    for (const part of folder.split('/').filter(Boolean)) {
      const child = tree.find(({ name, mode }) => name === part && mode === FOLDER_MODE);
      if (child === undefined) throw new Error(`the bundle has no folder ${folder}`);
      tree = listTree(pack(child.id, 'tree'));
    }
    for (const { name, mode, id } of tree)
      if (mode !== FOLDER_MODE) files.set(folder === '' ? name : `${folder}/${name}`, pack(id, 'blob'));
  }
  return files;
}

/** @param {Buffer} bytes */
function readHeader(bytes) {
  const end = bytes.indexOf('\n\n');
  const lines = bytes.toString('latin1', 0, Math.max(end, 0)).split('\n');
  const tip = lines.find((line) => line.endsWith(' HEAD'))?.slice(0, 40);
  if (lines[0] !== '# v2 git bundle' || tip === undefined) throw new Error('not a git bundle of version 2 with a HEAD');
  return { tip, packAt: end + 2 };
}

/**
 * @param {Buffer} pack
 * @returns {(id: string, type: string) => Buffer} an object's content by its name
 */
function readPack(pack) {
  if (pack.toString('latin1', 0, 4) !== 'PACK' || pack.readUInt32BE(4) !== 2) throw new Error('not a packfile of version 2');
  /** @type {Map<number, Entry>} */
  const entries = new Map();
  /** @type {Map<string, number>} */
  const offsets = new Map();
  let at = 12;
  for (let left = pack.readUInt32BE(8); left > 0; left -= 1) {
    const entry = readEntry(pack, at);
    // An entry does not say how long it is packed: only inflating it tells where the next one begins.
    const { content, packedLength } = inflate(pack, entry);
    entries.set(at, entry);
    if (entry.base === null) offsets.set(nameOf(entry.type, content), at);
    at = entry.at + packedLength;
  }

  /** @param {number} offset @returns {{ type: number, content: Buffer }} */
  const resolve = (offset) => {
    const entry = entries.get(offset);
    if (entry === undefined) throw new Error(`no object at ${offset} of the packfile`);
    const { content } = inflate(pack, entry);
    if (entry.base === null) return { type: entry.type, content };
    const baseAt = typeof entry.base === 'number' ? entry.base : offsets.get(entry.base);
    if (baseAt === undefined) throw new Error(`the packfile lacks the object ${entry.base}`);
    const base = resolve(baseAt);
    return { type: base.type, content: applyDelta(base.content, content) };
  };
  for (const [offset, entry] of entries) {
    if (entry.base === null) continue;
    const { type, content } = resolve(offset);
    offsets.set(nameOf(type, content), offset);
  }

  return (id, type) => {
    const offset = offsets.get(id);
    if (offset === undefined) throw new Error(`the packfile lacks the object ${id}`);
    const found = resolve(offset);
    if (typeNames[found.type] !== type) throw new Error(`the object ${id} is not a ${type}`);
    return found.content;
  };
}

/**
 * @param {Buffer} pack
 * @param {number} offset
 * @returns {Entry}
 */
function readEntry(pack, offset) {
  let at = offset;
  let byte = pack.readUInt8(at++);
  const type = (byte >> 4) & 7;
  let size = byte & 15;
  for (let scale = 2 ** 4; byte & 0x80; scale *= 2 ** 7) {
    byte = pack.readUInt8(at++);
    size += (byte & 0x7f) * scale;
  }
  if (type === REFERENCE_DELTA) return { type, size, at: at + 20, base: pack.toString('hex', at, at + 20) };
  if (type !== OFFSET_DELTA) return { type, size, at, base: null };
  byte = pack.readUInt8(at++);
  let distance = byte & 0x7f;
  while (byte & 0x80) {
    byte = pack.readUInt8(at++);
    distance = (distance + 1) * 2 ** 7 + (byte & 0x7f);
  }
  return { type, size, at, base: offset - distance };
}

/**
 * @param {Buffer} pack
 * @param {Entry} entry
 */
function inflate(pack, entry) {
  // With `info`, Node's answer has the engine as well, which knows how much of its input it has used.
  const result = /** @type {{ buffer: Buffer, engine: { bytesWritten: number } }} */ (
    /** @type {unknown} */ (inflateSync(pack.subarray(entry.at), { info: true, chunkSize: Math.max(64, entry.size + 1) }))
  );
  if (result.buffer.length !== entry.size) throw new Error(`the object at ${entry.at} of the packfile is damaged`);
  return { content: result.buffer, packedLength: result.engine.bytesWritten };
}

/**
 * @param {Buffer} base
 * @param {Buffer} delta
 */
function applyDelta(base, delta) {
  let at = 0;
  const readSize = () => {
    let size = 0;
    for (let scale = 1; ; scale *= 2 ** 7) {
      const byte = delta.readUInt8(at++);
      size += (byte & 0x7f) * scale;
      if (!(byte & 0x80)) return size;
    }
  };
  if (readSize() !== base.length) throw new Error('a delta of the packfile does not fit its base');
  const target = Buffer.alloc(readSize());
  let filled = 0;
  while (at < delta.length) {
    const opcode = delta.readUInt8(at++);
    if (opcode & 0x80) {
      /** @param {number} first @param {number} count bytes whose bits in the opcode say whether they are there */
      const readField = (first, count) => {
        let value = 0;
        for (let i = 0; i < count; i += 1) if (opcode & (1 << (first + i))) value += delta.readUInt8(at++) * 2 ** (8 * i);
        return value;
      };
      const from = readField(0, 4);
      const length = readField(4, 3) || 0x10000;
      filled += base.copy(target, filled, from, from + length);
    } else {
      filled += delta.copy(target, filled, at, at + opcode);
      at += opcode;
    }
  }
  if (filled !== target.length) throw new Error('a delta of the packfile is damaged');
  return target;
}

/**
 * @param {number} type
 * @param {Buffer} content
 */
const nameOf = (type, content) => createHash('sha1').update(`${typeNames[type]} ${content.length}\0`).update(content).digest('hex');

/** @param {Buffer} commit */
function treeOf(commit) {
  const found = /^tree ([0-9a-f]{40})\n/.exec(commit.toString('latin1', 0, 64));
  if (found?.[1] === undefined) throw new Error('a commit without a tree');
  return found[1];
}

/** @param {Buffer} tree */
function listTree(tree) {
  const items = [];
  for (let at = 0; at < tree.length;) {
    const space = tree.indexOf(0x20, at);
    const zero = tree.indexOf(0, space);
    items.push({
      mode: tree.toString('latin1', at, space),
      name: tree.toString('utf8', space + 1, zero),
      id: tree.toString('hex', zero + 1, zero + 21),
    });
    at = zero + 21;
  }
  return items;
}
