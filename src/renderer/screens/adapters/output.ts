import type { CombineOptions } from '#contract/adapters.ts';
import type { Model } from '#contract/library.ts';
import type { Recipe } from '#contract/quantize.ts';
import { baseName, freePath } from '../../output-names.ts';
import type { Mode, Use } from './search.ts';

/** What is to be made, as far as it has been chosen. */
export interface Wanted {
  readonly mode: Mode;
  readonly adapters: readonly (Use & { readonly name: string })[];
  readonly base: Pick<Model, 'id' | 'name' | 'kind'> | undefined;
  readonly tuned: Pick<Model, 'id' | 'name'> | undefined;
  /** Of a merge; undefined: every tensor in its type. */
  readonly target: Pick<Recipe, 'target' | 'format'> | undefined;
  readonly method: CombineOptions['method'];
  readonly format: 'peft' | 'gguf';
}

/** What the result is called. */
export function nameFor({ mode, adapters, base, tuned, target, method }: Wanted): string {
  const names = adapters.map(({ name }) => name);
  switch (mode) {
    case 'merge':
      return [baseName(base?.name ?? ''), ...names.slice(0, 2), target?.target].filter((part) => part !== undefined).join('-');
    case 'combine':
      return [...names.slice(0, 3), method].join('-');
    case 'extract':
      return `${baseName(tuned?.name ?? '')}-lora`;
    case 'convert':
      return names[0] ?? '';
  }
}

/** Where it goes: a file for GGUF, a folder for the rest, and never something that is there already. */
export function outputPath(wanted: Wanted, folder: string, taken: Iterable<string>): string {
  const { mode, base, target, format } = wanted;
  const isFile = mode === 'merge' ? (target === undefined ? base?.kind === 'gguf' : target.format === 'gguf') : format === 'gguf';
  return freePath(nameFor(wanted), isFile ? '.gguf' : '', folder, taken);
}
