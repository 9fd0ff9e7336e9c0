import { expect, it } from 'vitest';
import { grammarOfSchema } from '#core/sampling/json-schema.ts';
import { errorOf } from '../../expect-error.ts';

const refusal = async (schema: unknown): Promise<unknown> => (await errorOf((async () => grammarOfSchema(schema))())).params['problem'];

it.each([
  [{ type: 'string', pattern: 'a' }, '"pattern"'],
  [{ type: 'integer', minimum: 3 }, '"minimum"'],
  [{ type: 'number', multipleOf: 2 }, '"multipleOf"'],
  [{ type: 'array', items: {}, uniqueItems: true }, '"uniqueItems"'],
  [{ type: 'array', minItems: 5, maxItems: 2 }, '"maxItems" is below'],
  [{ type: 'array', minItems: -1 }, '"minItems"'],
  [{ type: 'array', maxItems: 1e9 }, 'over 1000'],
  [{ type: 'string', format: 'email' }, 'email'],
  [{ allOf: [{}] }, '"allOf"'],
  [{ not: {} }, '"not"'],
  [{ enum: [] }, '"enum" is empty'],
  [{ anyOf: [] }, 'empty'],
  [{ type: 'object', properties: { a: {} }, required: ['b'] }, '"b", which is no property'],
  [{ $ref: 'https://example.org/schema' }, 'outside'],
  [{ $ref: '#/$defs/none' }, 'nowhere'],
  [{ $ref: '#/__proto__/toString' }, 'nowhere'],
  [{ type: 'strange' }, 'strange'],
  [false, 'false'],
  [[], 'no schema'],
])('a schema that says more than a grammar keeps is refused: %j', async (schema, problem) => {
  expect(await refusal(schema)).toContain(problem);
});

it('one that is nested or branched without measure is refused', async () => {
  let deep: unknown = { type: 'null' };
  for (let level = 0; level < 100; level += 1) deep = { type: 'array', items: deep };
  expect(await refusal(deep)).toContain('deep');
  const wide = { anyOf: Array.from({ length: 3000 }, (_, value) => ({ const: value })) };
  expect(await refusal(wide)).toContain('too large');
});

it('one that contains itself is a grammar that does', () => {
  const grammar = grammarOfSchema({
    $defs: { node: { type: 'object', properties: { next: { anyOf: [{ $ref: '#/$defs/node' }, { type: 'null' }] } }, required: ['next'] } },
    $ref: '#/$defs/node',
  });
  expect(grammar).toContain('root ::= ref0');
  expect(grammar.match(/^ref0 ::= /gm)).toHaveLength(1);
});
