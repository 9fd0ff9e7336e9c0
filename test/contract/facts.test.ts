import { expect, expectTypeOf, test } from 'vitest';
import type { z } from 'zod';
import type { ModelFacts } from '#core/model/facts.ts';
import { modelFacts } from '#contract/library.ts';

type DeepMutable<T> = T extends readonly (infer E)[]
  ? DeepMutable<E>[]
  : T extends object
    ? { -readonly [K in keyof T]: DeepMutable<T[K]> }
    : T;
/** zod's optional fields may be undefined as well as absent; core's are absent. */
type Exact<T> = T extends readonly unknown[] ? T : T extends object ? { [K in keyof T]: Exact<Exclude<T[K], undefined>> } : T;

test('the facts that cross the contract are core`s ModelFacts, field by field', () => {
  expectTypeOf<Required<Exact<z.output<typeof modelFacts>>>>().toEqualTypeOf<Required<Exact<DeepMutable<ModelFacts>>>>();
  expectTypeOf<keyof z.output<typeof modelFacts>>().toEqualTypeOf<keyof ModelFacts>();
});

test('facts that core made pass the contract unchanged', () => {
  const facts: ModelFacts = {
    name: 'm',
    parameterCount: 5,
    ropeFreqBase: 10_000,
    bytesByType: { F16: 10 },
    adapter: { rank: 8, alpha: 16, targetModules: ['q_proj'] },
  };
  expect(modelFacts.parse(facts)).toEqual(facts);
});
