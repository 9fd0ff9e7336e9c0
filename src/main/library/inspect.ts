import { basename, dirname, join } from 'node:path';
import { AppError, toErrorData } from '#core/errors/index.ts';
import { parseSplitName, readGgufSplit } from '#core/gguf/split.ts';
import { isConfig, type Config } from '#core/model/config.ts';
import { factsFromAdapter } from '#core/model/facts-adapter.ts';
import { factsFromGguf } from '#core/model/facts-gguf.ts';
import { factsFromHf } from '#core/model/facts-hf.ts';
import type { ModelFacts } from '#core/model/facts.ts';
import { recogniseModels, type RecognisedModel } from '#core/model/kind.ts';
import { readSafetensors, type SafetensorsHeader } from '#core/safetensors/read.ts';
import { parseSafetensorsIndex, readSafetensorsShards, SAFETENSORS_INDEX, type ShardTensorInfo } from '#core/safetensors/shards.ts';
import { ADDITIONAL_TEMPLATES_FOLDER } from '#core/tokenizer/files.ts';
import { openFile, readJson, readSmallText, readTextHead, type FileSource } from './file-source.ts';
import { readFolder, type FolderContents, type FolderFile, type PathProblem } from './folder.ts';
import { folderModelName, withoutLinks } from './paths.ts';

/** A model that lies on the disk, its headers read and checked. */
export interface FoundModel {
  readonly kind: RecognisedModel['kind'];
  /** What a loader opens: the folder, or the first GGUF file. */
  readonly path: string;
  readonly realPath: string;
  readonly name: string;
  readonly facts: ModelFacts;
  /** The folder that `files` lie in. */
  readonly folder: string;
  readonly files: readonly FolderFile[];
}

export interface FolderModels {
  readonly models: readonly FoundModel[];
  readonly problems: readonly PathProblem[];
}

/** Settings, vocabulary and templates: what a loader of the folder reads beside the weights. */
const COMPANION = /(\.(json|model|jinja)|^(merges|vocab)\.txt)$/;

/** The front of a model card says its licence. */
const CARD_HEAD_BYTES = 16_384;

/** Every model in a folder's contents, each file judged by itself: a broken one is a problem and hides no other. */
export async function inspectContents(contents: FolderContents): Promise<FolderModels> {
  const problems: PathProblem[] = [...contents.problems];
  const note = (path: string, error: unknown): void => void problems.push({ path, error: toErrorData(error) });
  const models: FoundModel[] = [];
  const ggufTypes: Record<string, string> = {};
  const ggufModels = new Map<string, { facts: ModelFacts; names: readonly string[] }>();
  const broken = new Set<string>();
  for (const names of ggufSets(contents.files)) {
    const [first = ''] = names;
    try {
      const header = await readGgufHeaders(contents.path, names);
      const type = header.metadata.get('general.type');
      if (type?.type === 'str') ggufTypes[first] = type.value;
      ggufModels.set(first, { facts: factsFromGguf(header), names });
    } catch (error) {
      note(join(contents.path, first), error);
      for (const name of names) broken.add(name);
    }
  }

  const settings = await readSettings(contents);
  const files = contents.files.filter(({ name }) => !broken.has(name));
  let recognised: RecognisedModel[] = [];
  try {
    recognised = recogniseModels({ path: contents.path, files, ggufTypes, ...settings.values });
  } catch (error) {
    const isOnlyBroken = broken.size > 0 && error instanceof AppError && error.code === 'model.noWeights';
    if (settings.error === undefined && !isOnlyBroken) note(contents.path, error);
  }
  // A config that cannot be read matters where there are weights that need it.
  if (settings.error !== undefined && files.some(({ name }) => name.endsWith('.safetensors'))) note(contents.path, settings.error);
  for (const model of recognised) {
    const gguf = ggufModels.get(model.weightFiles[0] ?? '');
    try {
      models.push(gguf === undefined ? await inspectHf(contents, model, settings.values) : await ggufModel(contents, model, gguf.facts));
    } catch (error) {
      note(contents.path, error);
    }
  }
  return { models, problems };
}

async function ggufModel(contents: FolderContents, { kind, weightFiles }: RecognisedModel, facts: ModelFacts): Promise<FoundModel> {
  const [first = ''] = weightFiles;
  const path = join(contents.path, first);
  return {
    kind,
    path,
    realPath: await withoutLinks(path),
    name: parseSplitName(first)?.prefix ?? basename(first, '.gguf'),
    facts,
    folder: contents.path,
    files: contents.files.filter(({ name }) => weightFiles.includes(name)),
  };
}

interface Settings {
  readonly values: { readonly config?: unknown; readonly adapterConfig?: unknown; readonly quantizeConfig?: unknown };
  readonly error: unknown;
}

async function readSettings({ path, files }: FolderContents): Promise<Settings> {
  const values: Record<string, unknown> = {};
  let problem: unknown;
  for (const [key, name] of [
    ['config', 'config.json'],
    ['adapterConfig', 'adapter_config.json'],
    ['quantizeConfig', 'quantize_config.json'],
  ] as const) {
    if (!files.some((file) => file.name === name)) continue;
    try {
      values[key] = await readJson(join(path, name));
    } catch (error) {
      problem ??= error;
    }
  }
  return { values, error: problem };
}

/** GGUF files by model: the parts of a split one together, in order. */
function ggufSets(files: readonly FolderFile[]): string[][] {
  const sets = new Map<string, string[]>();
  for (const { name } of files) {
    if (!name.endsWith('.gguf')) continue;
    const split = parseSplitName(name);
    const key = split === null ? name : `${split.prefix}\0${split.count}`;
    sets.set(key, [...(sets.get(key) ?? []), name]);
  }
  return [...sets.values()];
}

/** The headers of a GGUF file or of all parts of one, held against each other. Throws `gguf.*`, `disk.*`. */
export async function readGgufHeaders(folder: string, names: readonly string[]) {
  await using stack = new AsyncDisposableStack();
  const sources: FileSource[] = [];
  for (const name of names) sources.push(stack.use(await openFile(join(folder, name))));
  return await readGgufSplit(sources);
}

/** The headers of all weight files of a folder. Throws `safetensors.*`, `disk.*`. */
export async function readFolderHeaders(folder: string, weightFiles: readonly string[], hasIndex: boolean): Promise<ShardTensorInfo[]> {
  await using stack = new AsyncDisposableStack();
  // A whole model.safetensors beside an index is what loaders take.
  if (hasIndex && !weightFiles.includes('model.safetensors')) {
    const index = parseSafetensorsIndex(await readSmallText(join(folder, SAFETENSORS_INDEX)));
    const sources = new Map<string, FileSource>();
    for (const shard of index.shards) if (weightFiles.includes(shard)) sources.set(shard, stack.use(await openFile(join(folder, shard))));
    return await readSafetensorsShards(index, sources);
  }
  checkShardCount(weightFiles);
  const tensors: ShardTensorInfo[] = [];
  for (const shard of weightFiles) {
    await using source = await openFile(join(folder, shard));
    const header: SafetensorsHeader = await readSafetensors(source);
    for (const tensor of header.tensors) tensors.push({ ...tensor, shard });
  }
  return tensors;
}

/** Shards without an index: their names say how many there must be. */
function checkShardCount(weightFiles: readonly string[]): void {
  const [, total] = /-of-(\d{5})\.safetensors$/.exec(weightFiles[0] ?? '') ?? [];
  const count = Number(total ?? weightFiles.length);
  if (weightFiles.length >= count) return;
  const digits = (value: number): string => String(value).padStart(5, '0');
  const numbers = Array.from({ length: count }, (_, index) => index + 1);
  const missing = numbers.find((number) => !weightFiles.some((name) => name.includes(`-${digits(number)}-of-`))) ?? count;
  throw new AppError('safetensors.missingShards', {
    file: weightFiles[0] ?? '',
    shard: `-${digits(missing)}-of-${digits(count)}`,
    missing: count - weightFiles.length,
    count,
  });
}

async function inspectHf(contents: FolderContents, model: RecognisedModel, settings: Settings['values']): Promise<FoundModel> {
  const folder = contents.path;
  const { kind, weightFiles } = model;
  const names = new Set(contents.files.map(({ name }) => name));
  const tensors = await readFolderHeaders(folder, weightFiles, kind !== 'peft-adapter' && names.has(SAFETENSORS_INDEX));
  const name = folderModelName(folder);
  const modelCard = names.has('README.md') ? await readTextHead(join(folder, 'README.md'), CARD_HEAD_BYTES) : undefined;
  const facts =
    kind === 'peft-adapter'
      ? factsFromAdapter({ adapterConfig: asConfig(settings.adapterConfig), tensors, modelCard, name })
      : factsFromHf({
          config: asConfig(settings.config),
          quantizeConfig: settings.quantizeConfig,
          tensors,
          modelCard,
          name,
          hasTemplateFile: names.has('chat_template.jinja') || names.has('chat_template.json'),
          tokenizerConfig: await readOptional(folder, 'tokenizer_config.json', names),
          tokenizerModel: await tokenizerKind(folder, names),
        });
  const shards = new Set(tensors.map(({ shard }) => shard));
  const own = contents.files.filter((file) => shards.has(file.name) || weightFiles.includes(file.name) || COMPANION.test(file.name));
  return {
    kind,
    path: folder,
    realPath: await withoutLinks(folder),
    name,
    facts,
    folder,
    files: [...own, ...(await templateFiles(contents))],
  };
}

const asConfig = (value: unknown): Config => (isConfig(value) ? value : {});

/** A file that the facts can do without: broken or absent it says nothing. */
async function readOptional(folder: string, name: string, names: ReadonlySet<string>): Promise<unknown> {
  return names.has(name) ? readJson(join(folder, name)).catch(() => undefined) : undefined;
}

async function tokenizerKind(folder: string, names: ReadonlySet<string>): Promise<string | undefined> {
  const json = await readOptional(folder, 'tokenizer.json', names);
  const model = isConfig(json) && isConfig(json['model']) ? json['model']['type'] : undefined;
  if (typeof model === 'string') return model;
  return names.has('tokenizer.model') ? 'SentencePiece' : undefined;
}

async function templateFiles({ path, folders }: FolderContents): Promise<FolderFile[]> {
  if (!folders.includes(ADDITIONAL_TEMPLATES_FOLDER)) return [];
  const { files } = await readFolder(join(path, ADDITIONAL_TEMPLATES_FOLDER));
  return files
    .filter(({ name }) => name.endsWith('.jinja'))
    .map((file) => ({ ...file, name: `${ADDITIONAL_TEMPLATES_FOLDER}/${file.name}` }));
}

/** The folder that a model's files lie in. */
export const folderOf = ({ kind, path }: { readonly kind: string; readonly path: string }): string =>
  kind === 'gguf' || kind === 'gguf-adapter' ? dirname(path) : path;
