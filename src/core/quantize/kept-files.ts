import { ADDITIONAL_TEMPLATES_FOLDER } from '../tokenizer/files.ts';

/** A file of a model folder; names of sub-folders are part of the name, with `/`. */
export interface FolderFile {
  readonly name: string;
  readonly sizeBytes: number;
}

/**
 * What goes over to the quantized folder: settings, tokenizer, texts and licences. Weights in any form do not, nor does
 * what Python would run: files that nobody here knows are left behind too.
 */
const kept = /\.(json|jsonl|txt|md|jinja|model|tiktoken|vocab|bpe)$|^(licen[cs]e|notice|copying|use_policy)([._-].*)?$/i;

/** Written anew, or true of the old weights only. */
const rewritten = /^(config|quantize_config|quant_config|adapter_config)\.json$|\.index\.json$/;

const programs = /\.(py|ipynb|sh|so|dll|pyc)$/i;

const isTemplate = new RegExp(`^${ADDITIONAL_TEMPLATES_FOLDER}/[^/]+\\.jinja$`);

export interface KeptFiles {
  readonly kept: readonly FolderFile[];
  readonly programs: readonly FolderFile[];
}

export function keptFiles(files: readonly FolderFile[]): KeptFiles {
  const isKept = ({ name }: FolderFile): boolean =>
    isTemplate.test(name) || (!name.includes('/') && kept.test(name) && !rewritten.test(name));
  return { kept: files.filter(isKept), programs: files.filter(({ name }) => programs.test(name)) };
}
