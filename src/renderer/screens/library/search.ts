import type { Model } from '#contract/library.ts';

/** What of the library is shown, kept in the address so that it survives a reload. */
export interface LibrarySearch {
  readonly model?: string;
  readonly q?: string;
  readonly kind?: KindFilter;
  readonly family?: string;
  readonly tag?: string;
  readonly favourites?: true;
}

/** What narrows the list down: which model is selected does not. */
export type Narrowing = { readonly [K in Exclude<keyof LibrarySearch, 'model'>]?: LibrarySearch[K] | undefined };

/** Kinds as a user tells them apart. */
export type KindFilter = 'gguf' | 'hf' | 'quantized' | 'adapter';

export const KIND_FILTERS: Readonly<Record<KindFilter, readonly Model['kind'][]>> = {
  gguf: ['gguf'],
  hf: ['hf'],
  quantized: ['gptq', 'bitsandbytes'],
  adapter: ['peft-adapter', 'gguf-adapter'],
};

/** An id of digits comes out of the address as a number. */
const text = (value: unknown): string | undefined => (typeof value === 'string' || typeof value === 'number' ? String(value) : undefined);
const isKindFilter = (value: unknown): value is KindFilter => typeof value === 'string' && Object.hasOwn(KIND_FILTERS, value);

export function librarySearch(raw: Record<string, unknown>): LibrarySearch {
  const entries = {
    model: text(raw['model']),
    q: text(raw['q']),
    kind: isKindFilter(raw['kind']) ? raw['kind'] : undefined,
    family: text(raw['family']),
    tag: text(raw['tag']),
    favourites: raw['favourites'] === true ? true : undefined,
  };
  return Object.fromEntries(Object.entries(entries).filter(([, value]) => value !== undefined && value !== '')) as LibrarySearch;
}
