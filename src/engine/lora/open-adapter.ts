import { readFile, readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { MiB } from '#core/bytes.ts';
import { AppError } from '#core/errors/index.ts';
import { onDisk } from '#core/errors/on-disk.ts';
import { excerpt } from '#core/excerpt.ts';
import { readGguf } from '#core/gguf/read.ts';
import { tensorsOf, type Adapter, type LoraModule } from '#core/lora/adapter.ts';
import { readGgufAdapter } from '#core/lora/gguf.ts';
import { readPeftAdapter } from '#core/lora/peft.ts';
import { isConfig, type Config } from '#core/model/config.ts';
import { readSafetensors } from '#core/safetensors/read.ts';
import { openFileSource, type FileSource } from '../file-source.ts';
import { chunksOfTensor } from './read-values.ts';

/** Lists of patterns and trained tokens are short; a configuration takes some KiB. */
const MAX_CONFIG_BYTES = 16 * MiB;

const CONFIG = 'adapter_config.json';
const WEIGHTS = 'adapter_model.safetensors';

/** An adapter with its file open. */
export interface OpenedAdapter extends AsyncDisposable {
  readonly adapter: Adapter;
  /** Its file, under the name that its tensors have. */
  readonly sources: ReadonlyMap<string, FileSource>;
  /** A PEFT adapter's configuration. */
  readonly config: Config | undefined;
}

/**
 * Open a PEFT folder or a GGUF adapter. The base that it names is text; nothing there is looked at.
 * @param key told apart from all other files of the same work: its tensors' shards begin with it
 * Throws `disk.*`, `adapters.*`, `safetensors.*`, `gguf.*`, `model.pickle`, `convert.invalidJson`.
 */
export async function openAdapter(path: string, key: string): Promise<OpenedAdapter> {
  const isFolder = (await onDisk(path, () => stat(path))).isDirectory();
  const file = isFolder ? await weightsOf(path) : path;
  const shard = `${key}/${basename(file)}`;
  await using stack = new AsyncDisposableStack();
  const source = stack.use(await openFileSource(file));
  const config = isFolder ? await readConfig(join(path, CONFIG)) : undefined;
  const adapter =
    config === undefined
      ? readGgufAdapter(await readGguf(source), shard)
      : readPeftAdapter({
          config,
          tensors: (await readSafetensors(source)).tensors.map((tensor) => ({ ...tensor, shard })),
          file: basename(path),
        });
  const files = stack.move();
  return { adapter, config, sources: new Map([[shard, source]]), [Symbol.asyncDispose]: () => files.disposeAsync() };
}

async function weightsOf(folder: string): Promise<string> {
  const names = await onDisk(folder, () => readdir(folder));
  if (names.includes(WEIGHTS)) return join(folder, WEIGHTS);
  const pickle = names.find((name) => /^adapter_model\.(bin|pt|pth)$/.test(name));
  if (pickle !== undefined) throw new AppError('model.pickle', { file: pickle });
  throw new AppError('disk.missing', { path: join(folder, WEIGHTS) });
}

async function readConfig(path: string): Promise<Config> {
  const text = await onDisk(path, async () => {
    const { size: foundBytes } = await stat(path);
    if (foundBytes > MAX_CONFIG_BYTES)
      throw new AppError('tokenizer.fileTooLarge', { file: CONFIG, foundBytes, limitBytes: MAX_CONFIG_BYTES });
    return readFile(path, 'utf8');
  });
  let config: unknown;
  try {
    config = JSON.parse(text);
  } catch (error) {
    throw new AppError('convert.invalidJson', { file: CONFIG }, error instanceof Error ? error.message : undefined);
  }
  if (!isConfig(config)) throw new AppError('convert.invalidJson', { file: CONFIG });
  return config;
}

/** What the values of an adapter say of it. */
export interface AdapterValues {
  /** Modules whose change is zero, since one of their factors is. With DoRA, lengths change all the same. */
  readonly inert: ReadonlySet<LoraModule>;
}

/** Read all values once. Throws `adapters.notFinite`. */
export async function inspectAdapter({ adapter, sources }: OpenedAdapter, signal: AbortSignal): Promise<AdapterValues> {
  const zeros = new Set<string>();
  for (const tensor of tensorsOf(adapter)) {
    let isZero = true;
    for await (const { values } of chunksOfTensor(sources, tensor)) {
      signal.throwIfAborted();
      const { areFinite, areZero } = look(values);
      if (!areFinite) throw new AppError('adapters.notFinite', { tensor: excerpt(tensor.name) });
      isZero &&= areZero;
    }
    if (isZero) zeros.add(tensor.name);
  }
  const isInert = ({ a, b, magnitude }: LoraModule): boolean =>
    magnitude === undefined && (zeros.has(a.tensor.name) || zeros.has(b.tensor.name));
  return { inert: new Set(adapter.modules.filter(isInert)) };
}

/** By the bits of float32, for adapters have millions of values: an infinity or a NaN has all of its exponent set. */
function look(values: Float32Array): { readonly areFinite: boolean; readonly areZero: boolean } {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  let areFinite = true;
  let seen = 0;
  for (let i = 0; i < bits.length; i += 1) {
    const magnitude = (bits[i] ?? 0) & 0x7fffffff;
    if (magnitude >= 0x7f800000) areFinite = false;
    seen |= magnitude;
  }
  return { areFinite, areZero: seen === 0 };
}
