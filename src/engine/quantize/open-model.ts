import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { AppError, toErrorData, type AppErrorData } from '#core/errors/index.ts';
import { onDisk } from '#core/errors/on-disk.ts';
import { readGguf } from '#core/gguf/read.ts';
import { parseSplitName, splitPartNames } from '#core/gguf/split.ts';
import { isConfig } from '#core/model/config.ts';
import type { FolderFile } from '#core/quantize/kept-files.ts';
import { folderModel, ggufModel, type QuantizableModel } from '#core/quantize/model.ts';
import type { SourceTensor } from '#core/quantize/packed.ts';
import { readPackedWeights, tensorsToNote } from '#core/quantize/read-packed.ts';
import { gptqFacts, type GptqFacts } from '#core/quantize/repack.ts';
import { ADDITIONAL_TEMPLATES_FOLDER } from '#core/tokenizer/files.ts';
import type { GgufVocabulary } from '#core/tokenizer/types.ts';
import { BufferPool } from '../convert/buffer-pool.ts';
import { openHfFolder, type HfFolder } from '../convert/hf-folder.ts';
import { hasOwnHead, vocabularyOf } from '../convert/prepare.ts';
import { openFileSource, type FileSource } from '../file-source.ts';
import { readGroupIndex, readPart } from './decode.ts';

/** A model ready to be planned and quantized, its weight files open. */
export interface OpenedModel extends AsyncDisposable {
  readonly model: QuantizableModel;
  readonly sources: ReadonlyMap<string, FileSource>;
  /** Of a Hugging Face model. */
  readonly sourceFolder: string | undefined;
}

/**
 * Open a GGUF file (of a split one: any part) or a Hugging Face folder, floats or quantized.
 * @param name what the model is to be called in a GGUF file
 * Throws `disk.*`, `model.*`, `gguf.*`, `safetensors.*`, `quantize.unsupportedCheckpoint`, `quantize.badPackedWeight`.
 */
export async function openQuantizable(path: string, name: string): Promise<OpenedModel> {
  const isFolder = (await onDisk(path, () => stat(path))).isDirectory();
  return isFolder ? openFolder(path, name) : openGguf(path);
}

async function openGguf(path: string): Promise<OpenedModel> {
  const split = parseSplitName(basename(path));
  const names = split === null ? [basename(path)] : splitPartNames(split.prefix, split.count);
  await using stack = new AsyncDisposableStack();
  const sources = new Map<string, FileSource>();
  for (const file of names) sources.set(file, stack.use(await openFileSource(join(dirname(path), file))));
  const headers = await Promise.all([...sources].map(async ([file, source]) => [file, await readGguf(source)] as const));
  const model = ggufModel(headers);
  const files = stack.move();
  return { model, sources, sourceFolder: undefined, [Symbol.asyncDispose]: () => files.disposeAsync() };
}

async function openFolder(path: string, name: string): Promise<OpenedModel> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await openHfFolder(path));
  const { config, generationConfig, quantizeConfig, licence, sources } = folder;
  const tensors = await sourceTensors(folder);
  const model = folderModel({
    config,
    generationConfig,
    quantizeConfig,
    licence,
    name,
    tensors,
    files: await listFiles(path),
    gptq: await readFacts(folder, tensors),
    headDiffers: await hasOwnHead(folder),
    vocabulary: readVocabulary(folder),
  });
  const files = stack.move();
  return { model, sources, sourceFolder: path, [Symbol.asyncDispose]: () => files.disposeAsync() };
}

/** A folder whose tokenizer cannot be read can be quantized all the same, but not to GGUF. */
function readVocabulary(folder: HfFolder): GgufVocabulary | AppErrorData {
  try {
    return vocabularyOf(folder);
  } catch (error) {
    if (error instanceof AppError) return toErrorData(error);
    throw error;
  }
}

async function sourceTensors({ config, quantizeConfig, tensors, sources }: HfFolder): Promise<readonly SourceTensor[]> {
  const settings = [config['quantization_config'], quantizeConfig].find(isConfig);
  if (settings === undefined) return tensors;
  const pool = new BufferPool();
  const notes = new Map<string, Uint8Array>();
  for (const tensor of tensorsToNote(tensors)) notes.set(tensor.name, await readPart({ sources, pool }, tensor, 0, tensor.sizeBytes));
  return readPackedWeights(tensors, settings, notes);
}

/** What the data of GPTQ weights say of whether GGUF can hold them. */
async function readFacts({ sources }: HfFolder, tensors: readonly SourceTensor[]): Promise<ReadonlyMap<string, GptqFacts>> {
  const pool = new BufferPool();
  const facts = new Map<string, GptqFacts>();
  for (const { name, packed } of tensors) {
    if (packed?.kind !== 'gptq') continue;
    const { qzeros } = packed;
    const bytes = await readPart({ sources, pool }, qzeros, 0, qzeros.sizeBytes);
    const words = new Uint32Array(bytes.buffer, 0, bytes.byteLength / 4);
    facts.set(name, gptqFacts(packed, words, await readGroupIndex(packed, { sources, pool })));
    pool.give(bytes);
  }
  return facts;
}

/** The folder's own files, and the templates in their sub-folder. Links to elsewhere are files like others. */
async function listFiles(path: string): Promise<readonly FolderFile[]> {
  const list = async (folder: string, prefix: string): Promise<readonly FolderFile[]> => {
    const names = await onDisk(folder, () => readdir(folder));
    const files = await Promise.all(
      names.map(async (name) => {
        const found = await stat(join(folder, name)).catch(() => undefined);
        return found?.isFile() === true ? [{ name: `${prefix}${name}`, sizeBytes: found.size }] : [];
      }),
    );
    return files.flat();
  };
  const files = await list(path, '');
  const templates = join(path, ADDITIONAL_TEMPLATES_FOLDER);
  const hasTemplates = (await stat(templates).catch(() => undefined))?.isDirectory() === true;
  return hasTemplates ? [...files, ...(await list(templates, `${ADDITIONAL_TEMPLATES_FOLDER}/`))] : files;
}
