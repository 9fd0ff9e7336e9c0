import { isConfig } from '../model/config.ts';
import type { Config } from '../model/config.ts';
import { tokenContent } from './settings.ts';
import { specialRoles } from './types.ts';
import type { AddedMarks, SpecialIds, SpecialRole } from './types.ts';

type Marks = { -readonly [K in 'bos' | 'eos' | 'sep']?: boolean };
type Contents = Partial<Record<SpecialRole | 'cls', string>>;

export interface SpecialTokenSources {
  /** tokenizer_config.json, completed by special_tokens_map.json. */
  readonly settings: Config;
  /** config.json. */
  readonly config: Config;
  /** The post-processor's steps of tokenizer.json. */
  readonly postProcessors: readonly Config[];
  /** The id of a token by its text. */
  readonly idOf: (content: string) => number | undefined;
  readonly rows: number;
}

/** The name of the special token in a step of a template, such as `{ SpecialToken: { id: '<s>' } }`. */
function specialName(step: unknown): string | undefined {
  const special = isConfig(step) ? step['SpecialToken'] : undefined;
  return isConfig(special) ? tokenContent(special['id']) : undefined;
}

const isSequence = (step: unknown, name: string): boolean =>
  isConfig(step) && isConfig(step['Sequence']) && step['Sequence']['id'] === name;

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** `TemplateProcessing` shows what is put around a text ("single") and between two ("pair"). */
function readTemplate(processor: Config, contents: Contents, marks: Marks): void {
  const single = listOf(processor['single']);
  const first = single.length > 1 ? specialName(single[0]) : undefined;
  const last = single.length > 1 ? specialName(single.at(-1)) : undefined;
  if (first !== undefined) {
    contents.bos ??= first;
    contents.cls ??= first;
    marks.bos = first === contents.bos || first === contents.cls;
  }
  if (last !== undefined) {
    // The token that ends a text for training differs from the one that ends an answer: keep both.
    if (contents.eos !== undefined && last !== contents.eos) contents[contents.eot === undefined ? 'eot' : 'eom'] = contents.eos;
    contents.eos = last;
    marks.eos = true;
  }
  const pair = listOf(processor['pair']);
  if (pair.length === 0) return;
  const start = first !== undefined && specialName(pair[0]) === first ? 1 : 0;
  const end = last !== undefined && specialName(pair.at(-1)) === last ? -1 : undefined;
  const [left, ...rest] = pair.slice(start, end);
  const between = rest.slice(0, -1);
  if (!isSequence(left, 'A') || !isSequence(rest.at(-1), 'B') || between.length === 0) return;
  const separates = (step: unknown): boolean => {
    const name = specialName(step);
    return name !== undefined && (name === contents.sep || name === contents.eos);
  };
  marks.sep = (separates(between[0]) && last === undefined) || (between.length === 2 && separates(between[1]));
  if (marks.sep && contents.eos !== undefined) contents.sep ??= contents.eos;
}

/** `RobertaProcessing` always puts its two tokens around a text; each is stored as `[text, id]`. */
function readRoberta(processor: Config, contents: Contents, marks: Marks): void {
  Object.assign(marks, { bos: true, eos: true, sep: true } satisfies Marks);
  const cls = tokenContent(listOf(processor['cls'])[0]);
  const sep = tokenContent(listOf(processor['sep'])[0]);
  if (cls !== undefined) contents.cls ??= cls;
  if (sep !== undefined) contents.sep ??= sep;
}

/** Newer configs list several tokens that end an answer; the first is the one meant. */
function configId(config: Config, role: SpecialRole): unknown {
  const inner = config['text_config'];
  const value = config[`${role}_token_id`] ?? (isConfig(inner) ? inner[`${role}_token_id`] : undefined);
  return Array.isArray(value) ? (value as unknown[])[0] : value;
}

/**
 * Which ids have a part to play, and which marks are put around a text. For an id the texts named in the tokenizer's
 * settings come first, then the numbers in config.json. For a mark the post-processor is overridden by `add_*_token`.
 * The rules are those of llama.cpp's converter (`SpecialVocab`, gguf-py/gguf/vocab.py), which also reads here what ends
 * a turn where the template ends texts by another token.
 */
export function resolveSpecialTokens({ settings, config, postProcessors, idOf, rows }: SpecialTokenSources): {
  ids: SpecialIds;
  add: Pick<AddedMarks, 'bos' | 'eos' | 'sep'>;
} {
  const contents: Contents = {};
  for (const role of [...specialRoles, 'cls'] as const) {
    const content = tokenContent(settings[`${role}_token`]);
    if (content !== undefined) contents[role] = content;
  }
  if (contents.cls !== undefined) contents.bos ??= contents.cls;
  if (contents.sep !== undefined) contents.eos ??= contents.sep;

  const marks: Marks = {};
  for (const processor of postProcessors) {
    if (processor['type'] === 'TemplateProcessing') readTemplate(processor, contents, marks);
    if (processor['type'] === 'RobertaProcessing') readRoberta(processor, contents, marks);
  }
  for (const mark of ['bos', 'eos', 'sep'] as const) {
    const configured = settings[`add_${mark}_token`];
    if (typeof configured === 'boolean') marks[mark] = configured;
  }

  const ids: Partial<Record<SpecialRole, number>> = {};
  for (const role of specialRoles) {
    const content = contents[role];
    const candidates: unknown[] = [content === undefined ? undefined : idOf(content), configId(config, role)];
    const id = candidates.find((value) => typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < rows);
    if (typeof id === 'number') ids[role] = id;
  }
  // llama.cpp would put another token, or stop the process, where it is told to add one that is not there.
  for (const mark of ['bos', 'eos', 'sep'] as const) if (marks[mark] && ids[mark] === undefined) marks[mark] = false;
  return { ids, add: marks };
}
