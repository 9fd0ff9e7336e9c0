import type { ByteSource } from '../byte-source.ts';
import { excerpt } from '../excerpt.ts';
import { ggufNumber, ggufString, ggufStringArray, type GgufTensorInfo } from '../gguf/header.ts';
import { readGguf } from '../gguf/read.ts';
import { arr, str, u32, type GgufValue } from '../gguf/values.ts';
import { planGguf } from '../gguf/write.ts';
import { readLegacyImatrix } from './imatrix-legacy.ts';
import { invalidImatrix, type Imatrix, type ImportanceSums } from './imatrix.ts';

/** The largest matrices have some hundred million values (many experts); what is beyond is no importance matrix. */
const MAX_VALUES = 2 ** 30;

const SUMS = '.in_sum2';
const COUNTS = '.counts';

const TYPE = 'general.type';
const DATASETS = 'imatrix.datasets';
const CHUNK_COUNT = 'imatrix.chunk_count';
const CHUNK_SIZE = 'imatrix.chunk_size';

/** Read either form. @throws quantize.imatrixInvalid, gguf.* */
export async function readImatrix(source: ByteSource): Promise<Imatrix> {
  const magic = await source.read(0, Math.min(4, source.sizeBytes));
  const isGguf = String.fromCharCode(...magic) === 'GGUF';
  const imatrix = isGguf ? await readGgufImatrix(source) : await readLegacyImatrix(source, MAX_VALUES);
  for (const [name, { squares, counts }] of imatrix.entries)
    if (!squares.every(isSum) || !counts.every(isSum))
      throw invalidImatrix(source.name, `${excerpt(name)} has values that are no sums of squares`);
  if (imatrix.entries.size === 0) throw invalidImatrix(source.name, 'it has no entries');
  return imatrix;
}

const isSum = (value: number): boolean => value >= 0 && value < Infinity;

async function readGgufImatrix(source: ByteSource): Promise<Imatrix> {
  const header = await readGguf(source);
  const fail = (problem: string): Error => invalidImatrix(source.name, problem);
  if (ggufString(header, TYPE) !== 'imatrix') throw fail('it is another kind of GGUF file');
  const datasets = ggufStringArray(header, DATASETS);
  const chunkCount = ggufNumber(header, CHUNK_COUNT);
  const chunkSize = ggufNumber(header, CHUNK_SIZE);
  if (datasets === undefined || chunkCount === undefined || chunkSize === undefined) throw fail('it does not say what it was made from');
  const byName = new Map(header.tensors.map((tensor) => [tensor.name, tensor]));
  const values = async ({ offset, sizeBytes }: GgufTensorInfo): Promise<Float32Array> =>
    new Float32Array((await source.read(offset, sizeBytes)).slice().buffer);
  const entries = new Map<string, ImportanceSums>();
  let total = 0;
  for (const tensor of header.tensors) {
    if (!tensor.name.endsWith(SUMS)) continue;
    const name = tensor.name.slice(0, -SUMS.length);
    const counts = byName.get(`${name}${COUNTS}`);
    if (counts === undefined) throw fail(`${excerpt(name)} has no counts`);
    const matrices = counts.sizeBytes / 4;
    const elements = tensor.sizeBytes / 4;
    if (tensor.type !== 'F32' || counts.type !== 'F32' || matrices === 0 || elements === 0 || elements % matrices !== 0)
      throw fail(`the sums of ${excerpt(name)} do not fit its counts`);
    total += elements;
    if (total > MAX_VALUES) throw fail(`it has more than ${MAX_VALUES} values`);
    entries.set(name, { squares: await values(tensor), counts: await values(counts) });
  }
  return { entries, datasets, chunkCount, chunkSize };
}

/** As a GGUF file, entries by name: what llama-imatrix writes. */
export function writeImatrix({ entries, datasets, chunkCount, chunkSize }: Imatrix): Uint8Array {
  const tensors = [...entries]
    .toSorted(([left], [right]) => (left < right ? -1 : 1))
    .flatMap(([name, { squares, counts }]) => {
      // ggml writes no trailing extents of 1.
      const matrices = counts.length === 1 ? [] : [counts.length];
      return [
        { name: `${name}${SUMS}`, type: 'F32' as const, dimensions: [squares.length / counts.length, ...matrices], values: squares },
        { name: `${name}${COUNTS}`, type: 'F32' as const, dimensions: [1, ...matrices], values: counts },
      ];
    });
  const metadata = new Map<string, GgufValue>([
    [TYPE, str('imatrix')],
    [DATASETS, arr('str', datasets)],
    [CHUNK_COUNT, u32(chunkCount)],
    [CHUNK_SIZE, u32(chunkSize)],
  ]);
  const plan = planGguf({ metadata, tensors }, 'imatrix');
  const bytes = new Uint8Array(plan.totalBytes);
  bytes.set(plan.header);
  for (const [i, { offset }] of plan.tensors.entries()) {
    const values = tensors[i]?.values;
    if (values !== undefined) bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), offset);
  }
  return bytes;
}
