import { describe, expect, test } from 'vitest';
import { facetsOf, filterModels, listItems } from '#renderer/screens/library/filter.ts';
import { librarySearch } from '#renderer/screens/library/search.ts';
import { modelOf } from './models.ts';

const ids = (models: readonly { id: string }[]): string[] => models.map(({ id }) => id);

const qwen = modelOf('qwen', {
  name: 'Qwen2.5 7B',
  tags: ['daily'],
  lastUsedMs: 30,
  addedMs: 1,
  sizeBytes: 500,
  facts: { architecture: 'qwen2', quantization: 'Q4_K_M' },
});
const llama9 = modelOf('llama9', {
  name: 'Llama 9B',
  note: 'slow',
  addedMs: 2,
  sizeBytes: 900,
  facts: { architecture: 'llama', parameterCount: 9 },
});
const llama70 = modelOf('llama70', {
  name: 'Llama 70B',
  addedMs: 3,
  favourite: true,
  sizeBytes: 700,
  facts: { architecture: 'llama', parameterCount: 70 },
});
const adapter = modelOf('adapter', { name: 'Haiku', kind: 'peft-adapter', addedMs: 4, lastUsedMs: 20 });
const all = [qwen, llama9, llama70, adapter];

describe('the filter of the library', () => {
  test('finds every word, wherever it stands: name, family, quantization, tag, note', () => {
    expect(ids(filterModels(all, { q: 'LLAMA 9b' }, 'name'))).toEqual(['llama9']);
    expect(ids(filterModels(all, { q: 'q4_k' }, 'name'))).toEqual(['qwen']);
    expect(ids(filterModels(all, { q: 'daily' }, 'name'))).toEqual(['qwen']);
    expect(ids(filterModels(all, { q: 'slow' }, 'name'))).toEqual(['llama9']);
    expect(filterModels(all, { q: 'llama daily' }, 'name')).toEqual([]);
  });

  test('narrows by kind, family, tag and favourites, all at once', () => {
    expect(ids(filterModels(all, { kind: 'adapter' }, 'name'))).toEqual(['adapter']);
    expect(ids(filterModels(all, { family: 'Llama' }, 'name'))).toEqual(['llama9', 'llama70']);
    expect(ids(filterModels(all, { tag: 'daily' }, 'name'))).toEqual(['qwen']);
    expect(ids(filterModels(all, { family: 'Llama', favourites: true }, 'name'))).toEqual(['llama70']);
  });
});

describe('the order of the library', () => {
  test('by name counts numbers as numbers', () => {
    expect(ids(filterModels(all, {}, 'name'))).toEqual(['adapter', 'llama9', 'llama70', 'qwen']);
  });

  test('by use puts what was never used last, newest first', () => {
    expect(ids(filterModels(all, {}, 'used'))).toEqual(['qwen', 'adapter', 'llama70', 'llama9']);
  });

  test('by size and by parameters begins with the largest', () => {
    expect(ids(filterModels([qwen, llama9, llama70], {}, 'size'))).toEqual(['llama9', 'llama70', 'qwen']);
    expect(ids(filterModels([qwen, llama9, llama70], {}, 'parameters'))).toEqual(['llama70', 'llama9', 'qwen']);
  });
});

test('the chips count what each would leave', () => {
  expect(facetsOf(all)).toEqual({
    kinds: [
      { kind: 'gguf', count: 3 },
      { kind: 'adapter', count: 1 },
    ],
    families: [
      { name: 'Llama', count: 2 },
      { name: 'Qwen 2', count: 1 },
    ],
    tags: [{ name: 'daily', count: 1 }],
    favourites: 1,
  });
});

test('grouped, each family has its heading, and what has no family comes last', () => {
  const items = listItems([adapter, llama9, qwen, llama70], true);
  expect(items.map((item) => (item.type === 'group' ? `${item.name ?? '?'} (${item.count})` : item.model.id))).toEqual([
    'Llama (2)',
    'llama9',
    'llama70',
    'Qwen 2 (1)',
    'qwen',
    '? (1)',
    'adapter',
  ]);
});

describe('the address of the library', () => {
  test('keeps what it understands and drops the rest', () => {
    expect(librarySearch({ q: 'x', kind: 'gguf', favourites: true, family: '', more: 1 })).toEqual({
      q: 'x',
      kind: 'gguf',
      favourites: true,
    });
    expect(librarySearch({ kind: 'toString', favourites: 'yes' })).toEqual({});
  });

  test('an id of digits, which comes as a number, is an id', () => {
    expect(librarySearch({ model: 12 })).toEqual({ model: '12' });
  });
});
