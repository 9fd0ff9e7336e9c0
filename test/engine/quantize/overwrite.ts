import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Write values over the beginning of a stored F32 tensor of a folder. */
export async function overwrite(folder: string, name: string, values: readonly number[]): Promise<void> {
  const path = join(folder, 'model.safetensors');
  const file = await readFile(path);
  const length = Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.subarray(8, 8 + length).toString()) as Record<string, { data_offsets: [number, number] }>;
  const handle = await open(path, 'r+');
  await handle.write(new Uint8Array(Float32Array.from(values).buffer), 0, undefined, 8 + length + (header[name]?.data_offsets[0] ?? NaN));
  await handle.close();
}
