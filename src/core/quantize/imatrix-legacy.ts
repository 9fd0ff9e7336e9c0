import type { ByteSource } from '../byte-source.ts';
import { decodeText, encodeText } from '../gguf/text.ts';
import { excerpt } from '../excerpt.ts';
import { invalidImatrix, type Imatrix, type ImportanceSums } from './imatrix.ts';

/**
 * The importance matrix of before 2025 (`.dat`), little-endian: i32 entries; for each i32 name length, name, i32 calls, i32
 * values, f32[values] = mean of x² times calls; then i32 chunks, i32 text name length, text name. The last two may be absent.
 */

/** Names are GGUF's, or paths. */
const MAX_NAME_BYTES = 4096;

/** What the format does not say: llama-imatrix's default for the tokens of a chunk. */
const CHUNK_SIZE = 512;

/** @param maxValues of all entries together @throws quantize.imatrixInvalid */
export async function readLegacyImatrix(source: ByteSource, maxValues: number): Promise<Imatrix> {
  const fail = (problem: string) => invalidImatrix(source.name, problem);
  let position = 0;
  const take = async (bytes: number): Promise<DataView> => {
    if (bytes > source.sizeBytes - position) throw fail('it ends too early');
    const read = await source.read(position, bytes);
    position += bytes;
    return new DataView(read.buffer, read.byteOffset, bytes);
  };
  const integer = async (what: string, limit: number): Promise<number> => {
    const value = (await take(4)).getInt32(0, true);
    if (value < 0 || value > limit) throw fail(`its ${what} is ${value}`);
    return value;
  };
  const name = async (what: string): Promise<string> => {
    const view = await take(await integer(`length of ${what}`, MAX_NAME_BYTES));
    return decodeText(new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
  };

  // An entry takes at least its three numbers.
  const count = await integer('number of entries', Math.floor(source.sizeBytes / 12));
  const entries = new Map<string, ImportanceSums>();
  let total = 0;
  for (let i = 0; i < count; i += 1) {
    const tensor = await name('a name');
    const calls = await integer('number of calls', 2 ** 31 - 1);
    const length = await integer('number of values', Math.floor((source.sizeBytes - position) / 4));
    total += length;
    if (length === 0 || total > maxValues || entries.has(tensor)) throw fail(`the entry ${excerpt(tensor)} is not possible`);
    const view = await take(4 * length);
    // Sums over tokens from sums over chunks; both by the same power of two, so the mean stays what it was.
    const scale = calls > 0 ? CHUNK_SIZE : 1;
    const squares = Float32Array.from({ length }, (_, at) => view.getFloat32(4 * at, true) * scale);
    entries.set(tensor, { squares, counts: Float32Array.of(Math.max(calls, 1) * scale) });
  }
  const chunkCount = position < source.sizeBytes ? await integer('number of chunks', 2 ** 31 - 1) : 0;
  const datasets = position < source.sizeBytes ? [await name('the name of the text')] : [];
  return { entries, datasets, chunkCount, chunkSize: CHUNK_SIZE };
}

/** As llama-imatrix writes it with `--output-format dat`. */
export function writeLegacyImatrix({ entries, datasets, chunkCount, chunkSize }: Imatrix): Uint8Array {
  const parts: Uint8Array[] = [];
  const put = (value: number): void => {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setInt32(0, value, true);
    parts.push(bytes);
  };
  const putName = (text: string): void => {
    const bytes = encodeText(text);
    put(bytes.byteLength);
    parts.push(bytes);
  };
  // A tensor that the text never reached at all is left out.
  const reached = [...entries]
    .filter(([, { counts }]) => counts.some((count) => count > 0))
    .toSorted(([left], [right]) => (left < right ? -1 : 1));
  put(reached.length);
  for (const [name, { squares, counts }] of reached) {
    const calls = Math.ceil(Math.max(...counts) / chunkSize);
    const inputs = squares.length / counts.length;
    putName(name);
    put(calls);
    put(squares.length);
    const means = squares.map((sum, i) => {
      const count = counts[Math.floor(i / inputs)] ?? 0;
      return Math.fround(count > 0 ? Math.fround(sum / count) : 1) * calls;
    });
    parts.push(new Uint8Array(means.buffer));
  }
  put(chunkCount);
  putName(datasets.at(-1) ?? '');
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let position = 0;
  for (const part of parts) {
    bytes.set(part, position);
    position += part.byteLength;
  }
  return bytes;
}
