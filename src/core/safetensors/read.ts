import type { ByteSource } from '../byte-source.ts';
import { AppError } from '../errors/index.ts';
import { excerpt } from '../excerpt.ts';
import { isLfsPointer } from '../lfs-pointer.ts';
import { isSafetensorsDtype, safetensorsBytes, safetensorsDtypes } from './dtypes.ts';
import type { SafetensorsDtype } from './dtypes.ts';
import { JsonScanner } from './json-scanner.ts';

/** One tensor of a file. The data is row-major, little-endian, and may lie at an odd offset. */
export interface TensorInfo {
  readonly name: string;
  readonly dtype: SafetensorsDtype;
  /** Outermost dimension first, as numpy has it; empty for a scalar. */
  readonly shape: readonly number[];
  /** From the start of the file. */
  readonly offset: number;
  readonly sizeBytes: number;
}

export interface SafetensorsHeader {
  /** `__metadata__`: free text under free keys. */
  readonly metadata: ReadonlyMap<string, string>;
  /** In the order of their data. */
  readonly tensors: readonly TensorInfo[];
}

/** The reference library's limit (`MAX_HEADER_SIZE`). */
export const MAX_HEADER_BYTES = 100_000_000;

/** No file we know of comes near (DeepSeek-V3 has 92,000 tensors over 163 files); the reference library's abuse files list ten million. */
const MAX_TENSORS = 2 ** 18;

/** numpy's limit (NPY_MAXDIMS). */
const MAX_RANK = 64;

/** Real names stay below 200 characters. */
export const MAX_NAME_LENGTH = 1024;

/** Bytes of the header's length, at the start of the file. */
export const LENGTH_BYTES = 8;

/**
 * Reads and checks the header of a safetensors file; the tensors' data is not read. Every tensor lies inside the file,
 * none lies over another, and together they fill it to its last byte.
 * Throws `safetensors.*` errors, and `format.lfsPointer`.
 */
export async function readSafetensors(source: ByteSource): Promise<SafetensorsHeader> {
  const bytes = await readHeaderBytes(source);
  const { metadata, tensors } = parseHeader(decodeHeader(bytes, source.name), source.name);
  return { metadata, tensors: placeTensors(tensors, LENGTH_BYTES + bytes.byteLength, source) };
}

async function readHeaderBytes(source: ByteSource): Promise<Uint8Array> {
  const file = source.name;
  if (source.sizeBytes < LENGTH_BYTES)
    throw new AppError('safetensors.headerTruncated', { file, missingBytes: LENGTH_BYTES - source.sizeBytes });
  const length = await source.read(0, LENGTH_BYTES);
  const headerBytes = Number(new DataView(length.buffer, length.byteOffset).getBigUint64(0, true));
  if (headerBytes > MAX_HEADER_BYTES) {
    if (await isLfsPointer(source)) throw new AppError('format.lfsPointer', { file });
    throw new AppError('safetensors.headerTooLarge', { file, headerBytes, limitBytes: MAX_HEADER_BYTES });
  }
  const missingBytes = LENGTH_BYTES + headerBytes - source.sizeBytes;
  if (missingBytes > 0) throw new AppError('safetensors.headerTruncated', { file, missingBytes });
  return source.read(LENGTH_BYTES, headerBytes);
}

function decodeHeader(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new AppError('safetensors.headerNotText', { file });
  }
}

/** A tensor as the header describes it: offsets from the start of the data. */
interface Entry {
  readonly name: string;
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

function parseHeader(text: string, file: string): { metadata: Map<string, string>; tensors: Entry[] } {
  const metadata = new Map<string, string>();
  const tensors: Entry[] = [];
  const scanner = new JsonScanner(text, {
    invalid: (position) => new AppError('safetensors.invalidHeader', { file, position }),
    duplicate: (key) => new AppError('safetensors.duplicateKey', { file, key: excerpt(key) }),
    tooLarge: (digits) => new AppError('safetensors.integerTooLarge', { file, digits: excerpt(digits) }),
  });
  scanner.object((name) => {
    if (name === '__metadata__') {
      if (scanner.next('n')) scanner.skip();
      else scanner.object((key) => metadata.set(key, scanner.string()));
      return;
    }
    if (tensors.length === MAX_TENSORS) throw new AppError('safetensors.tooManyTensors', { file, limit: MAX_TENSORS });
    tensors.push(parseTensor(scanner, checkName(name, file), file));
  });
  scanner.end();
  return { metadata, tensors };
}

/** A name that can be shown, stored and handed to C: returns it, or throws `safetensors.invalidName`. */
export function checkName(name: string, file: string): string {
  if (name.length === 0 || name.length > MAX_NAME_LENGTH || name.includes('\0') || !name.isWellFormed())
    throw new AppError('safetensors.invalidName', { ...shown(file, name), limit: MAX_NAME_LENGTH });
  return name;
}

/** The parameters that name a tensor in an error. Not computed where there is none: headers have tens of thousands. */
const shown = (file: string, name: string): { file: string; tensor: string } => ({ file, tensor: excerpt(name) });

function parseTensor(scanner: JsonScanner, name: string, file: string): Entry {
  let dtype: string | undefined;
  let shape: number[] | undefined;
  let offsets: number[] | undefined;
  const integers = (): number[] => {
    const values: number[] = [];
    scanner.array(() => {
      if (values.length === MAX_RANK) throw new AppError('safetensors.tooManyDimensions', { ...shown(file, name), limit: MAX_RANK });
      values.push(scanner.integer());
    });
    return values;
  };
  scanner.object((field) => {
    if (field === 'dtype') dtype = scanner.string();
    else if (field === 'shape') shape = integers();
    else if (field === 'data_offsets') offsets = integers();
    else scanner.skip();
  });
  if (dtype === undefined) throw new AppError('safetensors.incompleteTensor', { ...shown(file, name), field: 'dtype' });
  if (!isSafetensorsDtype(dtype)) throw new AppError('safetensors.unknownDtype', { ...shown(file, name), dtype: excerpt(dtype) });
  if (shape === undefined) throw new AppError('safetensors.incompleteTensor', { ...shown(file, name), field: 'shape' });
  const [begin, end] = offsets ?? [];
  if (begin === undefined || end === undefined || offsets?.length !== 2)
    throw new AppError('safetensors.incompleteTensor', { ...shown(file, name), field: 'data_offsets' });
  return { name, dtype, shape, begin, end };
}

/** Holds the offsets against shapes, each other and the file, and makes them absolute. */
function placeTensors(entries: Entry[], dataStart: number, source: ByteSource): TensorInfo[] {
  const file = source.name;
  // An empty tensor comes before the one that begins at the same byte.
  entries.sort((left, right) => left.begin - right.begin || left.end - right.end);
  let filled = 0;
  const tensors = entries.map(({ name, dtype, shape, begin, end }) => {
    if (end < begin) throw new AppError('safetensors.invalidOffsets', shown(file, name));
    const sizeBytes = checkedBytes(dtype, shape, file, name);
    if (end - begin !== sizeBytes)
      throw new AppError('safetensors.sizeMismatch', { ...shown(file, name), foundBytes: end - begin, expectedBytes: sizeBytes });
    if (begin < filled) throw new AppError('safetensors.overlap', shown(file, name));
    if (begin > filled) throw new AppError('safetensors.gap', { ...shown(file, name), gapBytes: begin - filled });
    filled = end;
    return { name, dtype, shape, offset: dataStart + begin, sizeBytes };
  });
  const missingBytes = dataStart + filled - source.sizeBytes;
  if (missingBytes > 0) throw new AppError('safetensors.truncated', { file, missingBytes });
  if (missingBytes < 0) throw new AppError('safetensors.trailingBytes', { file, trailingBytes: -missingBytes });
  return tensors;
}

/** Bytes of a tensor, or the error that says what is wrong with its shape. */
export function checkedBytes(dtype: SafetensorsDtype, shape: readonly number[], file: string, name: string): number {
  const sizeBytes = safetensorsBytes(dtype, shape);
  if (sizeBytes === Infinity) throw new AppError('safetensors.invalidShape', { ...shown(file, name), shape: excerpt(shape.join(', ')) });
  if (!Number.isInteger(sizeBytes))
    throw new AppError('safetensors.notWholeBytes', {
      ...shown(file, name),
      dtype,
      elements: (sizeBytes * 8) / safetensorsDtypes[dtype],
    });
  return sizeBytes;
}
