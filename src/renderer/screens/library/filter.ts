import type { Model } from '#contract/library.ts';
import { familyOf } from '../../models.ts';
import type { LibrarySort } from '../../preferences.ts';
import { KIND_FILTERS, type KindFilter, type Narrowing } from './search.ts';

/** What is found out of a model once, since a library of thousands is gone through at every key. */
function remembered<T>(find: (model: Model) => T): (model: Model) => T {
  const known = new WeakMap<Model, T>();
  return (model) => {
    const value = known.get(model) ?? find(model);
    known.set(model, value);
    return value;
  };
}

/** What a search box should find a model by. */
const wordsOf = remembered((model) =>
  [
    model.name,
    model.path,
    familyOf(model),
    model.facts.architecture,
    model.facts.quantization,
    model.facts.licence,
    model.note,
    ...model.tags,
  ]
    .filter((text) => text !== undefined)
    .join('\n')
    .toLocaleLowerCase(),
);

const KEYS: Readonly<Record<Exclude<LibrarySort, 'name'>, (model: Model) => number>> = {
  used: (model) => model.lastUsedMs ?? 0,
  added: (model) => model.addedMs,
  size: (model) => model.sizeBytes,
  parameters: (model) => model.facts.parameterCount ?? 0,
};

/** Numbers within names count as numbers: `9B` comes before `70B`. */
const byName = new Intl.Collator('en', { numeric: true, sensitivity: 'base' }).compare;

/** Digits that any number in a name is filled up to. */
const NUMBER_DIGITS = 12;

/** The same order for models, as keys to compare letter by letter: the collator takes half a second for ten thousand names. */
const nameKey = remembered(({ name }) =>
  name
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .toLocaleLowerCase('en')
    .replace(/\d+/g, (digits) => digits.padStart(NUMBER_DIGITS, '0')),
);

function compareNames(left: Model, right: Model): number {
  const [a, b] = [nameKey(left), nameKey(right)];
  return a < b ? -1 : a > b ? 1 : 0;
}

function compare(sort: LibrarySort, left: Model, right: Model): number {
  if (sort === 'name') return compareNames(left, right);
  const key = KEYS[sort];
  return key(right) - key(left) || right.addedMs - left.addedMs || compareNames(left, right);
}

/** The models that a search shows, in its order. Every word of the search has to be found. */
export function filterModels(models: readonly Model[], search: Narrowing, sort: LibrarySort): Model[] {
  const words = (search.q ?? '').toLocaleLowerCase().split(/\s+/).filter(Boolean);
  return models
    .filter((model) => {
      if (search.kind !== undefined && !KIND_FILTERS[search.kind].includes(model.kind)) return false;
      if (search.family !== undefined && familyOf(model) !== search.family) return false;
      if (search.tag !== undefined && !model.tags.includes(search.tag)) return false;
      if (search.favourites === true && !model.favourite) return false;
      if (words.length === 0) return true;
      const text = wordsOf(model);
      return words.every((word) => text.includes(word));
    })
    .sort((left, right) => compare(sort, left, right));
}

export interface Facets {
  readonly kinds: readonly { readonly kind: KindFilter; readonly count: number }[];
  readonly families: readonly { readonly name: string; readonly count: number }[];
  readonly tags: readonly { readonly name: string; readonly count: number }[];
  readonly favourites: number;
}

function counted(names: readonly string[]): { name: string; count: number }[] {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts]
    .map(([name, count]) => ({ name, count }))
    .sort((left, right) => right.count - left.count || byName(left.name, right.name));
}

/** By what the library can be narrowed down, with how many models each leaves. */
export function facetsOf(models: readonly Model[]): Facets {
  const kinds = (Object.keys(KIND_FILTERS) as KindFilter[])
    .map((kind) => ({ kind, count: models.filter((model) => KIND_FILTERS[kind].includes(model.kind)).length }))
    .filter(({ count }) => count > 0);
  return {
    kinds,
    families: counted(models.map(familyOf).filter((name) => name !== undefined)),
    tags: counted(models.flatMap(({ tags }) => tags)),
    favourites: models.filter(({ favourite }) => favourite).length,
  };
}

export type ListItem =
  | { readonly type: 'group'; readonly key: string; readonly name: string | null; readonly count: number }
  | { readonly type: 'model'; readonly key: string; readonly model: Model };

/** The rows of the list; grouped by family, a heading stands before each family's models. */
export function listItems(models: readonly Model[], grouped: boolean): ListItem[] {
  const row = (model: Model): ListItem => ({ type: 'model', key: model.id, model });
  if (!grouped) return models.map(row);
  const groups = Map.groupBy(models, (model) => familyOf(model) ?? null);
  return (
    [...groups]
      // What has no family comes last.
      .sort(([left], [right]) => (left === null ? 1 : right === null ? -1 : byName(left, right)))
      .flatMap(([name, members]) => [
        { type: 'group' as const, key: `group:${name ?? ''}`, name, count: members.length },
        ...members.map(row),
      ])
  );
}
