import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { MiB } from '#core/bytes.ts';
import { AppError } from '#core/errors/index.ts';
import { isConfig, type Config } from '#core/model/config.ts';
import { licenceOf } from '#core/model/facts-hf.ts';
import { recogniseModels } from '#core/model/kind.ts';
import { readSafetensors } from '#core/safetensors/read.ts';
import { parseSafetensorsIndex, readSafetensorsShards, SAFETENSORS_INDEX, type ShardTensorInfo } from '#core/safetensors/shards.ts';
import { ADDITIONAL_TEMPLATES_FOLDER, MAX_TOKENIZER_FILE_BYTES, tokenizerFileNames, type TokenizerFiles } from '#core/tokenizer/files.ts';
import { onDisk } from '#core/errors/on-disk.ts';
import { openFileSource, type FileSource } from '../file-source.ts';

/** A Hugging Face model folder, its weight files open. */
export interface HfFolder extends AsyncDisposable {
  readonly config: Config;
  readonly generationConfig: unknown;
  readonly quantizeConfig: unknown;
  readonly tokenizerFiles: TokenizerFiles;
  readonly licence: string | undefined;
  /** Of all weight files; `shard` is a key of `sources`. */
  readonly tensors: readonly ShardTensorInfo[];
  readonly sources: ReadonlyMap<string, FileSource>;
}

/** config.json of the largest models takes some hundred KiB (quantization lists); the index of a sharded one 10 MiB. */
const MAX_JSON_BYTES = 64 * MiB;

/** Model cards are short texts; only their head is used. */
const MAX_CARD_BYTES = 4 * MiB;

/**
 * Open a folder and read everything but the weights themselves. Dispose it to close its files.
 * Throws `disk.*`, `model.*` where there is no such model, and what its files are found to violate.
 */
export async function openHfFolder(folder: string): Promise<HfFolder> {
  const entries = await onDisk(folder, () => readdir(folder));
  const names = new Set(entries);
  const text = async (name: string, limit: number): Promise<string | undefined> =>
    names.has(name) ? (await readSmallFile(join(folder, name), limit)).toString('utf8') : undefined;
  const json = async (name: string): Promise<unknown> => parseJson(name, await text(name, MAX_JSON_BYTES));

  const config = await json('config.json');
  const quantizeConfig = await json('quantize_config.json');
  const files = await Promise.all(entries.map(async (name) => ({ name, sizeBytes: await sizeOf(join(folder, name)) })));
  const listing = { path: folder, files, config, quantizeConfig, adapterConfig: await json('adapter_config.json') };
  const found = recogniseModels(listing).find(({ kind }) => kind !== 'gguf' && kind !== 'gguf-adapter' && kind !== 'peft-adapter');
  if (found === undefined || !isConfig(config)) throw new AppError('model.noWeights', { path: folder });

  const index = await text(SAFETENSORS_INDEX, MAX_JSON_BYTES);
  const card = await text('README.md', MAX_CARD_BYTES);
  const tokenizerFiles = await readTokenizerFiles(folder, names);
  const generationConfig = await json('generation_config.json');
  const weights = await openWeights(folder, found.weightFiles, index);
  return {
    config,
    generationConfig,
    quantizeConfig,
    tokenizerFiles,
    licence: card === undefined ? undefined : licenceOf(card),
    ...weights,
  };
}

/** Open the weight files and read their headers; an index, where there is one, says which files and which tensors. */
async function openWeights(
  folder: string,
  weightFiles: readonly string[],
  index: string | undefined,
): Promise<Pick<HfFolder, 'tensors' | 'sources' | typeof Symbol.asyncDispose>> {
  await using stack = new AsyncDisposableStack();
  const open = async (names: readonly string[]): Promise<Map<string, FileSource>> => {
    const sources = new Map<string, FileSource>();
    for (const name of names) sources.set(name, stack.use(await openFileSource(join(folder, name))));
    return sources;
  };
  // A whole model.safetensors beside an index is what transformers takes.
  const sharded = index === undefined || weightFiles.includes('model.safetensors') ? null : parseSafetensorsIndex(index);
  const present = sharded === null ? weightFiles : sharded.shards.filter((shard) => weightFiles.includes(shard));
  const sources = await open(present);
  const tensors: ShardTensorInfo[] = [];
  if (sharded !== null) tensors.push(...(await readSafetensorsShards(sharded, sources)));
  else
    for (const [shard, source] of sources) tensors.push(...(await readSafetensors(source)).tensors.map((tensor) => ({ ...tensor, shard })));
  const files = stack.move();
  return { tensors, sources, [Symbol.asyncDispose]: () => files.disposeAsync() };
}

async function readTokenizerFiles(folder: string, names: ReadonlySet<string>): Promise<TokenizerFiles> {
  const read = (name: string): Promise<Buffer> => readSmallFile(join(folder, name), MAX_TOKENIZER_FILE_BYTES);
  const files: Record<string, string | Uint8Array> = {};
  for (const [key, name] of Object.entries(tokenizerFileNames)) {
    if (!names.has(name)) continue;
    const bytes = await read(name);
    files[key] = key === 'tokenizerModel' ? bytes : bytes.toString('utf8');
  }
  if (!names.has(ADDITIONAL_TEMPLATES_FOLDER)) return files;
  const templates: Record<string, string> = {};
  for (const name of await onDisk(folder, () => readdir(join(folder, ADDITIONAL_TEMPLATES_FOLDER))))
    if (name.endsWith('.jinja'))
      templates[basename(name, '.jinja')] = (await read(join(ADDITIONAL_TEMPLATES_FOLDER, name))).toString('utf8');
  return { ...files, additionalChatTemplates: templates };
}

/** A whole file; one that is far larger than such a file can be is refused before it is read. */
async function readSmallFile(path: string, limitBytes: number): Promise<Buffer> {
  return onDisk(path, async () => {
    const { size: foundBytes } = await stat(path);
    if (foundBytes > limitBytes) throw new AppError('tokenizer.fileTooLarge', { file: basename(path), foundBytes, limitBytes });
    return readFile(path);
  });
}

/** 0 for what is gone or is no plain file: its name is all that counts then. */
const sizeOf = async (path: string): Promise<number> => {
  try {
    return (await stat(path)).size;
  } catch {
    return 0;
  }
};

function parseJson(file: string, text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new AppError('convert.invalidJson', { file }, error instanceof Error ? error.message : undefined);
  }
}
