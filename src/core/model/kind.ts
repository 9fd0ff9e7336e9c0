import { AppError } from '../errors/index.ts';
import { excerpt } from '../excerpt.ts';
import { parseSplitName } from '../gguf/split.ts';
import { isConfig } from './config.ts';
import { quantizationOf } from './quantization.ts';

export type ModelKind = 'hf' | 'gguf' | 'gptq' | 'bitsandbytes' | 'peft-adapter' | 'gguf-adapter';

/** What a folder holds, or the one file that was chosen. Names are relative to the folder, without sub-folders. */
export interface Listing {
  /** What to call it in an error. */
  readonly path: string;
  readonly files: readonly { readonly name: string; readonly sizeBytes: number }[];
  /** Parsed config.json, adapter_config.json and quantize_config.json; undefined where absent. */
  readonly config?: unknown;
  readonly adapterConfig?: unknown;
  readonly quantizeConfig?: unknown;
  /** `general.type` of each GGUF file, by name; without it a GGUF file is taken for a model. */
  readonly ggufTypes?: Readonly<Record<string, string>>;
}

/** One model of a listing. */
export interface RecognisedModel {
  readonly kind: ModelKind;
  /** The files that hold weights; all parts of a split GGUF, in order, the first one being what a loader opens. */
  readonly weightFiles: readonly string[];
}

const pickled = /\.(bin|pt|pth|ckpt|pkl|pickle)$/i;
const adapterWeights = 'adapter_model.safetensors';
/** GGUF files that are no model of their own: a vision projector, an importance matrix. */
const otherGgufTypes: ReadonlySet<string> = new Set(['mmproj', 'imatrix', 'clip-vision']);

/**
 * Every model that a listing holds: the Hugging Face model or the adapter that its JSON files describe, and each GGUF file or
 * complete set of parts.
 * @throws where there is none: model.pickle, model.noConfig, model.noWeights
 */
export function recogniseModels(listing: Listing): RecognisedModel[] {
  const names = listing.files.map(({ name }) => name);
  const models = [...safetensorsModel(listing, names), ...ggufModels(listing, names)];
  if (models.length > 0) return models;
  const pickle = names.find((name) => pickled.test(name));
  if (pickle !== undefined) throw new AppError('model.pickle', { file: excerpt(pickle) });
  const weights = names.find((name) => name.endsWith('.safetensors'));
  if (weights !== undefined) throw new AppError('model.noConfig', { file: excerpt(weights) });
  throw new AppError('model.noWeights', { path: excerpt(listing.path) });
}

function safetensorsModel({ config, adapterConfig, quantizeConfig }: Listing, names: readonly string[]): RecognisedModel[] {
  if (isConfig(adapterConfig)) return names.includes(adapterWeights) ? [{ kind: 'peft-adapter', weightFiles: [adapterWeights] }] : [];
  const weightFiles = names.filter((name) => name.endsWith('.safetensors') && name !== adapterWeights).toSorted();
  if (!isConfig(config) || weightFiles.length === 0) return [];
  const method = quantizationOf(config, quantizeConfig)?.method;
  return [{ kind: method === 'gptq' || method === 'bitsandbytes' ? method : 'hf', weightFiles: modelFiles(weightFiles) }];
}

/** Where the files have the usual names, others in the folder (`consolidated.safetensors`) hold the same weights once more. */
function modelFiles(weightFiles: readonly string[]): readonly string[] {
  const usual = weightFiles.filter((name) => /^model(-\d{5}-of-\d{5})?\.safetensors$/.test(name));
  return usual.length > 0 ? usual : weightFiles;
}

function ggufModels({ ggufTypes }: Listing, names: readonly string[]): RecognisedModel[] {
  const sets = new Map<string, string[]>();
  for (const name of names.filter((file) => file.endsWith('.gguf')).toSorted()) {
    const split = parseSplitName(name);
    const key = split === null ? name : `${split.prefix}\0${split.count}`;
    sets.set(key, [...(sets.get(key) ?? []), name]);
  }
  return [...sets.values()].flatMap((weightFiles): RecognisedModel[] => {
    const type = ggufTypes?.[weightFiles[0] ?? ''];
    if (type !== undefined && otherGgufTypes.has(type)) return [];
    return [{ kind: type === 'adapter' ? 'gguf-adapter' : 'gguf', weightFiles }];
  });
}
