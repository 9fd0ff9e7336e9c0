import { writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { AppError } from '#core/errors/index.ts';
import { onDisk } from '#core/errors/on-disk.ts';
import { ggufNumber, ggufString, type GgufHeader } from '#core/gguf/header.ts';
import { readGguf } from '#core/gguf/read.ts';
import { planGguf } from '#core/gguf/write.ts';
import { trainableFamily, type TrainableFamily } from '#core/training/families.ts';
import { loraModules, savedTensors, type LoraModule } from '#core/training/modules.ts';
import type { TrainingSettings } from '#core/training/settings.ts';
import type { Native } from '../native.ts';
import { openFileSource } from '../file-source.ts';
import { openQuantizable, type OpenedModel } from '../quantize/open-model.ts';
import { ggufPath, workingFolder } from '../quantize/working-model.ts';
import { runnable } from '../tensor/run-model.ts';

/** A model that is trained on, as the one GGUF file that the trainer reads. */
export interface TrainingBase extends AsyncDisposable {
  readonly opened: OpenedModel;
  readonly modelPath: string;
  readonly header: GgufHeader;
}

export interface BaseOptions {
  readonly path: string;
  /** For the working model of a folder; it exists. */
  readonly scratchFolder: string;
  readonly kernels: Native;
  readonly version: string;
  readonly threads: number | undefined;
  readonly signal: AbortSignal;
  readonly progress: (done: number, total: number, tensor: string) => void;
}

/** Throws what opening and converting throw. */
export async function openTrainingBase({ path, version, ...options }: BaseOptions): Promise<TrainingBase> {
  await using stack = new AsyncDisposableStack();
  const opened = stack.use(await openQuantizable(path, basename(path)));
  const working = stack.use(await runnable(opened, version, options));
  const header = await headerOf(working.path);
  const owned = stack.move();
  return { opened, modelPath: working.path, header, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** What a model's header says, without where its weights lie. */
export type BaseHeader = Pick<GgufHeader, 'file' | 'metadata'> & {
  readonly tensors: readonly Pick<GgufHeader['tensors'][number], 'name' | 'type' | 'dimensions'>[];
};

/** What is to be known of a model before it is trained on: its header, and a GGUF file with its vocabulary. */
export interface BaseHead extends AsyncDisposable {
  readonly header: BaseHeader;
  /** The model itself, or of a folder a file without weights. */
  readonly vocabularyPath: string;
}

/** Reads no weights: of a folder, however large, little more than its tokenizer is written. Throws what opening throws. */
export async function openBaseHead({ path, scratchFolder }: Pick<BaseOptions, 'path' | 'scratchFolder'>): Promise<BaseHead> {
  await using stack = new AsyncDisposableStack();
  const opened = stack.use(await openQuantizable(path, basename(path)));
  const { gguf: side } = opened.model;
  if ('code' in side) throw AppError.from(side);
  if (opened.sourceFolder === undefined) {
    const vocabularyPath = ggufPath(opened);
    const metadata = side.metadata(side.fileType ?? 0);
    const header = { file: basename(path), metadata, tensors: side.tensors };
    const owned = stack.move();
    return { header, vocabularyPath, [Symbol.asyncDispose]: () => owned.disposeAsync() };
  }
  const folder = stack.use(await workingFolder(scratchFolder));
  const metadata = side.metadata(0);
  const vocabularyPath = join(folder.path, 'vocabulary.gguf');
  await onDisk(vocabularyPath, () => writeFile(vocabularyPath, planGguf({ metadata, tensors: [] }).header));
  const owned = stack.move();
  return {
    header: { file: basename(path), metadata, tensors: side.tensors },
    vocabularyPath,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function headerOf(path: string): Promise<GgufHeader> {
  await using source = await openFileSource(path);
  return await readGguf(source);
}

/** Tensors that are looked up by position, never learned. */
const FREQUENCIES = /^rope_/;

export interface TrainedParts {
  readonly family: TrainableFamily;
  readonly modules: readonly LoraModule[];
  /** Names of tensors that are trained whole. */
  readonly whole: readonly string[];
}

/** What of a model is trained. Throws `train.unsupportedArchitecture`, `train.badSetting`, `train.fullNeedsFloats`. */
export function trainedParts(header: BaseHeader, settings: TrainingSettings): TrainedParts {
  const family = trainableFamily(header, settings.max_length);
  const { tensors } = header;
  if (!settings.use_peft) {
    const packed = tensors.find(({ type }) => !['F32', 'F16', 'BF16'].includes(type));
    if (packed !== undefined) throw new AppError('train.fullNeedsFloats', { tensor: packed.name, type: packed.type });
    return { family, modules: [], whole: tensors.map(({ name }) => name).filter((name) => !FREQUENCIES.test(name)) };
  }
  const shapes = new Map(tensors.map(({ name, dimensions }) => [name, dimensions]));
  const shapeOf = (tensor: string): readonly [number, number] => {
    const [inputs = 0, outputs = 0] = shapes.get(tensor) ?? [];
    return [inputs, outputs];
  };
  const modules = loraModules({ layers: family.layers, linears: family.linears, shapeOf }, settings);
  return { family, modules, whole: savedTensors(settings, (tensor) => shapes.has(tensor)) };
}

/** Weights of a model, and how long the texts were that it was trained on. */
export function describeBase(header: BaseHeader) {
  const architecture = ggufString(header, 'general.architecture') ?? '';
  return {
    architecture,
    totalParameters: header.tensors.reduce((sum, { dimensions }) => sum + dimensions.reduce((product, each) => product * each, 1), 0),
    hasChatTemplate: ggufString(header, 'tokenizer.chat_template') !== undefined,
    contextLength: ggufNumber(header, `${architecture}.context_length`) ?? null,
  };
}
