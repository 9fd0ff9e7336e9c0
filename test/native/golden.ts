import { readSafetensors } from '#core/safetensors/read.ts';
import { fileSource } from '#test/byte-source.ts';

/** The tensors of a golden file by name, as typed arrays of their own. */
export interface Golden {
  floats(name: string): Float32Array<ArrayBuffer>;
  bytes(name: string): Uint8Array<ArrayBuffer>;
  integers(name: string): Int32Array<ArrayBuffer>;
  halves(name: string): Uint16Array<ArrayBuffer>;
  has(name: string): boolean;
  shape(name: string): readonly number[];
  readonly metadata: ReadonlyMap<string, string>;
}

export async function golden(path: string): Promise<Golden> {
  const source = fileSource(`golden/${path}`);
  const header = await readSafetensors(source);
  const tensors = new Map<string, { bytes: Uint8Array<ArrayBuffer>; shape: readonly number[] }>();
  for (const { name, offset, sizeBytes, shape } of header.tensors)
    tensors.set(name, { bytes: new Uint8Array(await source.read(offset, sizeBytes)), shape });
  const find = (name: string) => {
    const found = tensors.get(name);
    if (found === undefined) throw new Error(`${path} has no ${name}`);
    return found;
  };
  return {
    bytes: (name) => find(name).bytes,
    floats: (name) => new Float32Array(find(name).bytes.buffer),
    integers: (name) => new Int32Array(find(name).bytes.buffer),
    halves: (name) => new Uint16Array(find(name).bytes.buffer),
    has: (name) => tensors.has(name),
    shape: (name) => find(name).shape,
    metadata: header.metadata,
  };
}
