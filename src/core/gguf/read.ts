import type { ByteSource } from '../byte-source.ts';
import { AppError } from '../errors/index.ts';
import { excerpt } from '../excerpt.ts';
import { isLfsPointer } from '../lfs-pointer.ts';
import { GgufCursor } from './cursor.ts';
import type { GgufHeader, GgufTensorInfo } from './header.ts';
import { MAX_DIMENSIONS, alignUp, ggmlTypeName, removedGgmlTypes, tensorBytes } from './types.ts';
import type { GgmlTypeName } from './types.ts';
import { fixedArrays, valueTypes } from './values.ts';
import type { GgufArray, GgufFixedType, GgufMetadata, GgufValue, GgufValueType } from './values.ts';

/** `GGUF_DEFAULT_ALIGNMENT`, where `general.alignment` does not say otherwise. */
export const DEFAULT_ALIGNMENT = 32;

/** `GGML_MAX_NAME` with its closing zero is 64. */
export const MAX_TENSOR_NAME_BYTES = 63;

/** The specification's limit for a key (ggml, docs/gguf.md). */
export const MAX_KEY_BYTES = 65_535;

/** Real files have less than a hundred. */
const MAX_KEYS = 2 ** 16;

/** Real files have a few thousand; the largest importance matrices twice that. */
const MAX_TENSORS = 2 ** 18;

/** In all arrays together. The largest vocabulary in use has 262,144 tokens and 514,906 merges; each string costs memory beyond its bytes. */
const MAX_STRINGS = 2 ** 23;

/**
 * Reads and checks the header of a GGUF file, versions 2 and 3; the tensors' data is not read. What passes here lies
 * inside the file, and passes llama.cpp's own reader (ggml/src/gguf.cpp), whose checks are mirrored.
 * Throws `gguf.*` errors, and `format.lfsPointer`.
 */
export async function readGguf(source: ByteSource): Promise<GgufHeader> {
  const file = source.name;
  const version = await readVersion(source);
  const cursor = new GgufCursor(source);
  await cursor.need(24);
  cursor.bytes(8);
  const tensorCount = cursor.u64();
  const keyCount = cursor.u64();
  if (tensorCount > MAX_TENSORS) throw new AppError('gguf.tooManyTensors', { file, found: tensorCount, limit: MAX_TENSORS });
  if (keyCount > MAX_KEYS) throw new AppError('gguf.tooManyKeys', { file, found: keyCount, limit: MAX_KEYS });
  const metadata = await readMetadata(cursor, keyCount, file);
  const alignment = metadataAlignment(metadata, file);
  const entries = await readEntries(cursor, tensorCount, file);
  // As in the C reader, a file without tensors (a vocabulary) need not be padded.
  const dataOffset = tensorCount > 0 ? alignUp(cursor.position, alignment) : cursor.position;
  return { file, version, alignment, metadata, tensors: placeTensors(entries, dataOffset, alignment, source), dataOffset };
}

async function readVersion(source: ByteSource): Promise<number> {
  const file = source.name;
  const head = await source.read(0, Math.min(source.sizeBytes, 8));
  const magic = String.fromCharCode(...head.subarray(0, 4));
  if (magic !== 'GGUF') {
    if (await isLfsPointer(source)) throw new AppError('format.lfsPointer', { file });
    throw new AppError('gguf.badMagic', { file, found: excerpt(magic) });
  }
  if (head.byteLength < 8) throw new AppError('gguf.headerTruncated', { file, missingBytes: 8 - head.byteLength });
  const version = new DataView(head.buffer, head.byteOffset).getUint32(4, true);
  // A small number with its bytes the other way round has nothing in its low half.
  if (version !== 0 && (version & 0xffff) === 0) throw new AppError('gguf.bigEndian', { file });
  if (version !== 2 && version !== 3) throw new AppError('gguf.unsupportedVersion', { file, version });
  return version;
}

async function readMetadata(cursor: GgufCursor, count: number, file: string): Promise<Map<string, GgufValue>> {
  const metadata = new Map<string, GgufValue>();
  let stringsLeft = MAX_STRINGS;
  for (let index = 0; index < count; index += 1) {
    const { text: key, sizeBytes } = await readName(cursor);
    const shown = excerpt(key);
    if (sizeBytes === 0 || sizeBytes > MAX_KEY_BYTES || key.includes('\0')) throw new AppError('gguf.invalidKey', { file, key: shown });
    if (metadata.has(key)) throw new AppError('gguf.duplicateKey', { file, key: shown });
    const value = await readValue(cursor, { file, key: shown }, stringsLeft);
    if (value.type === 'arr' && value.elementType === 'str') stringsLeft -= value.value.length;
    metadata.set(key, value);
  }
  return metadata;
}

async function readName(cursor: GgufCursor): Promise<{ text: string; sizeBytes: number }> {
  const start = cursor.position;
  const text = await cursor.string();
  return { text, sizeBytes: cursor.position - start - 8 };
}

interface Place {
  readonly file: string;
  readonly key: string;
}

function readValueType(cursor: GgufCursor, place: Place): GgufValueType {
  const found = cursor.u32();
  const type = valueTypes[found];
  if (type === undefined) throw new AppError('gguf.unknownValueType', { ...place, found });
  return type;
}

async function readValue(cursor: GgufCursor, place: Place, stringsLeft: number): Promise<GgufValue> {
  await cursor.need(4);
  const type = readValueType(cursor, place);
  if (type === 'arr') return readArray(cursor, place, stringsLeft);
  if (type === 'str') return { type, value: await cursor.string() };
  await cursor.need(fixedArrays[type].BYTES_PER_ELEMENT);
  return readFixed(cursor.view(fixedArrays[type].BYTES_PER_ELEMENT), type);
}

function readFixed(view: DataView, type: GgufFixedType): GgufValue {
  switch (type) {
    case 'u8':
      return { type, value: view.getUint8(0) };
    case 'i8':
      return { type, value: view.getInt8(0) };
    case 'u16':
      return { type, value: view.getUint16(0, true) };
    case 'i16':
      return { type, value: view.getInt16(0, true) };
    case 'u32':
      return { type, value: view.getUint32(0, true) };
    case 'i32':
      return { type, value: view.getInt32(0, true) };
    case 'f32':
      return { type, value: view.getFloat32(0, true) };
    case 'f64':
      return { type, value: view.getFloat64(0, true) };
    case 'u64':
      return { type, value: view.getBigUint64(0, true) };
    case 'i64':
      return { type, value: view.getBigInt64(0, true) };
    case 'bool':
      return { type, value: view.getUint8(0) !== 0 };
  }
}

async function readArray(cursor: GgufCursor, place: Place, stringsLeft: number): Promise<GgufArray> {
  const type = 'arr';
  await cursor.need(12);
  const elementType = readValueType(cursor, place);
  const count = cursor.u64();
  if (elementType === 'arr') throw new AppError('gguf.nestedArray', { ...place });
  if (elementType === 'str') {
    if (count > stringsLeft) throw new AppError('gguf.tooManyStrings', { file: place.file, limit: MAX_STRINGS });
    return { type, elementType, value: await cursor.strings(count) };
  }
  const sizeBytes = count * fixedArrays[elementType].BYTES_PER_ELEMENT;
  await cursor.need(sizeBytes);
  // The copy begins at offset 0 of its own buffer, which a typed array asks for. Every platform we run on is little-endian.
  const bytes = cursor.bytes(sizeBytes).slice();
  if (elementType === 'bool') return { type, elementType, value: bytes.map((byte) => (byte === 0 ? 0 : 1)) };
  // TypeScript does not see that both come from the same key of `fixedArrays`.
  return { type, elementType, value: new fixedArrays[elementType](bytes.buffer) } as GgufArray;
}

/** `general.alignment`, or its default. Throws where it is of another type than u32 or not a power of two. */
export function metadataAlignment(metadata: GgufMetadata, file: string): number {
  const key = 'general.alignment';
  const value = metadata.get(key);
  if (value === undefined) return DEFAULT_ALIGNMENT;
  if (value.type !== 'u32') throw new AppError('gguf.wrongValueType', { file, key, found: value.type, expected: 'u32' });
  if (!isAlignment(value.value)) throw new AppError('gguf.invalidAlignment', { file, found: value.value });
  return value.value;
}

const isAlignment = (value: number): boolean => value > 0 && Number.isInteger(Math.log2(value));

/** A tensor as the header describes it: `start` counts from the start of the data. */
interface Entry {
  readonly name: string;
  readonly type: GgmlTypeName;
  readonly dimensions: readonly number[];
  readonly sizeBytes: number;
  readonly start: number;
}

async function readEntries(cursor: GgufCursor, count: number, file: string): Promise<Entry[]> {
  const entries: Entry[] = [];
  const names = new Set<string>();
  for (let index = 0; index < count; index += 1) {
    const { text: name, sizeBytes: nameBytes } = await readName(cursor);
    checkTensorName(name, nameBytes, names, file);
    await cursor.need(4);
    const rank = cursor.u32();
    if (rank > MAX_DIMENSIONS)
      throw new AppError('gguf.tooManyDimensions', { file, tensor: excerpt(name), found: rank, limit: MAX_DIMENSIONS });
    await cursor.need(rank * 8 + 12);
    const dimensions = Array.from({ length: rank }, () => cursor.u64());
    const type = readTensorType(cursor, file, name);
    entries.push({ name, type, dimensions, sizeBytes: tensorBytes(type, dimensions, { file, tensor: name }), start: cursor.u64() });
  }
  return entries;
}

/** Adds a name to those of the file, or throws: `gguf.invalidTensorName`, `gguf.duplicateTensor`. */
export function checkTensorName(name: string, nameBytes: number, names: Set<string>, file: string): void {
  // C ends a name at its first zero byte, so that two of our names could be one of its.
  if (nameBytes === 0 || nameBytes > MAX_TENSOR_NAME_BYTES || name.includes('\0'))
    throw new AppError('gguf.invalidTensorName', { file, tensor: excerpt(name), limit: MAX_TENSOR_NAME_BYTES });
  if (names.has(name)) throw new AppError('gguf.duplicateTensor', { file, tensor: excerpt(name) });
  names.add(name);
}

function readTensorType(cursor: GgufCursor, file: string, name: string): GgmlTypeName {
  const found = cursor.u32();
  const type = ggmlTypeName(found);
  if (type !== undefined) return type;
  const code = removedGgmlTypes.has(found) ? 'gguf.removedTensorType' : 'gguf.unknownTensorType';
  throw new AppError(code, { file, tensor: excerpt(name), found });
}

/** Every tensor must begin where the padded one before it ends, and end inside the file. The last one's padding may be absent. */
function placeTensors(entries: readonly Entry[], dataOffset: number, alignment: number, source: ByteSource): GgufTensorInfo[] {
  const file = source.name;
  let end = 0;
  const tensors = entries.map(({ name, type, dimensions, sizeBytes, start }) => {
    const expected = alignUp(end, alignment);
    if (start !== expected) throw new AppError('gguf.invalidOffset', { file, tensor: excerpt(name), found: start, expected });
    end = start + sizeBytes;
    return { name, type, dimensions, offset: dataOffset + start, sizeBytes };
  });
  const missingBytes = dataOffset + end - source.sizeBytes;
  if (missingBytes > 0) throw new AppError('gguf.truncated', { file, missingBytes });
  return tensors;
}
