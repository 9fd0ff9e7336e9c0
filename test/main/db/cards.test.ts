import { expect, onTestFinished, test } from 'vitest';
import type { QualityCard } from '#contract/quantize.ts';
import { cardRepository } from '#main/db/cards.ts';
import { followChanges } from '#main/db/feed.ts';
import { modelRepository } from '#main/db/models.ts';
import { openDatabase } from '#main/db/open.ts';
import { measure } from '../support/fake-engines.ts';

/** A database with models by name: each with the names of those that it was made from. */
function family(models: Readonly<Record<string, readonly string[]>>) {
  const database = openDatabase(':memory:');
  onTestFinished(() => database.close());
  const repository = modelRepository(database);
  for (const [id, parents] of Object.entries(models)) {
    repository.add({ id, name: id, path: `/${id}`, realPath: `/${id}`, kind: 'gguf', origin: 'made', facts: {}, files: [], addedMs: 1 });
    const parentsOf = parents.map((modelId) => ({ modelId, name: modelId, sha256: null, role: 'source' as const }));
    repository.addLineage(id, { parents: parentsOf, recipe: null, versions: {}, madeMs: 1 });
  }
  return { database, models: repository, cards: cardRepository(database) };
}

const card = (id: string, modelId: string, sourceId: string | null, madeMs: number): QualityCard => ({
  id,
  modelId,
  sourceId,
  sourceName: sourceId ?? 'gone',
  measure,
  madeMs,
  durationMs: 1.5,
  versions: { lathe: '1.2.3' },
});

test('a family is the ancestors of a model and all that was made from them, and nobody else; the newest card comes first', () => {
  const { cards } = family({
    root: [],
    merged: ['root', 'other'],
    other: [],
    q8: ['root'],
    q4: ['q8'],
    stranger: [],
    strange: ['stranger'],
  });
  cards.add(card('c1', 'q8', 'root', 10));
  cards.add(card('c2', 'q4', 'root', 30));
  cards.add(card('c3', 'q4', 'q8', 20));
  cards.add(card('c4', 'strange', 'stranger', 40));
  for (const id of ['root', 'q8', 'q4']) expect(cards.ofFamily(id).map((found) => found.id)).toEqual(['c2', 'c3', 'c1']);
  expect(cards.ofFamily('stranger').map(({ id }) => id)).toEqual(['c4']);
  expect(cards.ofFamily('nobody')).toEqual([]);
  expect(cards.ofFamily('q8').at(-1)).toEqual(card('c1', 'q8', 'root', 10));
});

test('a card goes with its model, and outlives its source', () => {
  const { cards, models } = family({ root: [], q8: ['root'], q4: ['root'] });
  cards.add(card('c1', 'q8', 'root', 1));
  cards.add(card('c2', 'q4', 'root', 2));
  models.remove('q4');
  expect(cards.ofFamily('root').map(({ id }) => id)).toEqual(['c1']);
  models.remove('root');
  expect(cards.ofFamily('q8')).toEqual([{ ...card('c1', 'q8', null, 1), sourceName: 'root' }]);
});

test('a source that is no longer there is only a name, and a model that is no longer there has no cards', () => {
  const { cards } = family({ q8: [] });
  cards.add(card('c1', 'q8', 'nobody', 1));
  expect(cards.ofFamily('q8')).toMatchObject([{ sourceId: null, sourceName: 'nobody' }]);
  expect(() => cards.add(card('c2', 'nobody', null, 1))).toThrow(/FOREIGN KEY/);
});

test('whoever shows the model, or the one it was held against, hears of a card', () => {
  const { database, cards, models } = family({ root: [], q8: ['root'], other: [] });
  const feed = followChanges(database);
  const heard: string[] = [];
  feed.subscribe('model', (id) => void heard.push(id));
  cards.add(card('c1', 'q8', 'root', 1));
  expect(heard.toSorted()).toEqual(['q8', 'root']);
  heard.length = 0;
  models.remove('q8');
  expect(heard.toSorted()).toEqual(['q8', 'root']);
  feed.close();
});
