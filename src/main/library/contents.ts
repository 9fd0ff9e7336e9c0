import { join } from 'node:path';
import { AppError } from '#core/errors/index.ts';
import { dimensionsToShape } from '#core/gguf/types.ts';
import { isNestedDeeper } from '#core/excerpt.ts';
import type { GgufMetadata, GgufValue } from '#core/gguf/values.ts';
import { isConfig } from '#core/model/config.ts';
import { SAFETENSORS_INDEX } from '#core/safetensors/shards.ts';
import { readChatTemplates } from '#core/tokenizer/chat-templates.ts';
import { ADDITIONAL_TEMPLATES_FOLDER, tokenizerFileNames } from '#core/tokenizer/files.ts';
import type { z } from 'zod';
import type { metadataRow, Model, tensorRow } from '#contract/library.ts';
import type { ModelFile } from '../db/models.ts';
import { readJson, readSmallText } from './file-source.ts';
import { folderOf, readFolderHeaders, readGgufHeaders } from './inspect.ts';

export type TensorRow = z.output<typeof tensorRow>;
export type MetadataRow = z.output<typeof metadataRow>;

type Listed = Pick<Model, 'kind' | 'path'>;

/** Of a long list the first entries are shown; a vocabulary has a hundred thousand. */
const SHOWN_ENTRIES = 16;
const SHOWN_LENGTH = 4000;

const isGguf = ({ kind }: Listed): boolean => kind === 'gguf' || kind === 'gguf-adapter';
const weightNames = (files: readonly ModelFile[]): string[] =>
  files.map(({ name }) => name).filter((name) => name.endsWith('.safetensors'));

/** All tensors of a model, file by file. Throws what reading its headers does. */
export async function readTensors(model: Listed, files: readonly ModelFile[]): Promise<TensorRow[]> {
  const folder = folderOf(model);
  if (isGguf(model)) {
    const names = files.map(({ name }) => name);
    const { tensors } = await readGgufHeaders(folder, names);
    return tensors.map(({ name, type, dimensions, sizeBytes, part }) => ({
      name: name.toWellFormed(),
      type,
      shape: dimensionsToShape(dimensions),
      sizeBytes,
      file: names[part] ?? '',
    }));
  }
  const hasIndex = files.some(({ name }) => name === SAFETENSORS_INDEX);
  const tensors = await readFolderHeaders(folder, weightNames(files), hasIndex);
  return tensors.map(({ name, dtype, shape, sizeBytes, shard }) => ({ name, type: dtype, shape: [...shape], sizeBytes, file: shard }));
}

/** What a model says of itself: a GGUF's keys, or the settings of config.json. Throws what reading does. */
export async function readMetadata(model: Listed, files: readonly ModelFile[]): Promise<MetadataRow[]> {
  const folder = folderOf(model);
  if (isGguf(model)) {
    const { metadata } = await readGgufHeaders(
      folder,
      files.map(({ name }) => name),
    );
    return [...metadata].map(([key, value]) => ({ key: key.toWellFormed(), ...shown(value) }));
  }
  const config = await readJson(join(folder, model.kind === 'peft-adapter' ? 'adapter_config.json' : 'config.json'));
  return isConfig(config) ? [...settingRows(config)] : [];
}

/** The default chat template; null where there is none or it cannot be read. */
export async function readChatTemplate(model: Listed, files: readonly ModelFile[]): Promise<string | null> {
  try {
    const folder = folderOf(model);
    if (isGguf(model))
      return templateOf(
        (
          await readGgufHeaders(
            folder,
            files.map(({ name }) => name),
          )
        ).metadata,
      );
    const names = new Set(files.map(({ name }) => name));
    const texts: Record<string, string> = {};
    for (const key of ['tokenizerConfig', 'chatTemplateJinja', 'chatTemplateJson'] as const) {
      const name = tokenizerFileNames[key];
      if (names.has(name)) texts[key] = await readSmallText(join(folder, name));
    }
    const templates = readChatTemplates(texts);
    const [named] = Object.values(templates.named);
    return templates.default ?? named ?? (await firstAdditional(folder, names));
  } catch (error) {
    if (error instanceof AppError) return null;
    throw error;
  }
}

async function firstAdditional(folder: string, names: ReadonlySet<string>): Promise<string | null> {
  const name = [...names].find((other) => other.startsWith(`${ADDITIONAL_TEMPLATES_FOLDER}/`));
  return name === undefined ? null : readSmallText(join(folder, name));
}

function templateOf(metadata: GgufMetadata): string | null {
  const value = metadata.get('tokenizer.chat_template');
  return value?.type === 'str' ? value.value.toWellFormed() : null;
}

/** What is nested too deeply to be written is shown as that. */
const jsonOf = (value: unknown): string => (isNestedDeeper(value) ? '…' : JSON.stringify(value));

const cut = (text: string): string => (text.length > SHOWN_LENGTH ? `${text.slice(0, SHOWN_LENGTH)}…` : text).toWellFormed();

function shown(value: GgufValue): Omit<MetadataRow, 'key'> {
  if (value.type !== 'arr') return { type: value.type, value: cut(String(value.value)), length: null };
  const { elementType } = value;
  const first =
    elementType === 'str'
      ? value.value.slice(0, SHOWN_ENTRIES).map((text) => JSON.stringify(text))
      : Array.from<number | bigint, string>(value.value.slice(0, SHOWN_ENTRIES), String);
  const more = value.value.length > SHOWN_ENTRIES ? ', …' : '';
  return { type: `${elementType}[]`, value: cut(`[${first.join(', ')}${more}]`), length: value.value.length };
}

/** Settings in sections get the names of their sections: `rope_scaling.factor`. */
function* settingRows(settings: Readonly<Record<string, unknown>>, prefix = ''): Generator<MetadataRow> {
  for (const [name, value] of Object.entries(settings)) {
    const key = `${prefix}${name}`.toWellFormed();
    // Deeper than any config, and never without an end.
    if (isConfig(value) && prefix.split('.').length < 4) yield* settingRows(value, `${key}.`);
    else if (Array.isArray(value)) {
      const more = value.length > SHOWN_ENTRIES ? ', …' : '';
      const first = value.slice(0, SHOWN_ENTRIES).map(jsonOf);
      yield { key, type: 'list', value: cut(`[${first.join(', ')}${more}]`), length: value.length };
    } else
      yield {
        key,
        type: value === null ? 'null' : typeof value,
        value: cut(typeof value === 'string' ? value : jsonOf(value)),
        length: null,
      };
  }
}
