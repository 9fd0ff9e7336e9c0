import { z } from 'zod';
import { strangeText, type Random } from './random.ts';

type Node = Readonly<Record<string, unknown>>;

const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null && !Array.isArray(value);
const nodes = (value: unknown): Node[] => (Array.isArray(value) ? value.filter(isNode) : []);
const numberOf = (value: unknown, otherwise: number): number =>
  typeof value === 'number' && Math.abs(value) < 2 ** 31 ? value : otherwise;

const described = new WeakMap<z.ZodType, Node>();

function describe(schema: z.ZodType): Node {
  const known = described.get(schema);
  if (known !== undefined) return known;
  const made = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any', reused: 'inline' }) as Node;
  described.set(schema, made);
  return made;
}

/** A value that a schema takes, as far as its types, ranges and names say. */
export function valueOf(random: Random, schema: z.ZodType): unknown {
  const root = describe(schema);
  const make = (node: Node, depth: number): unknown => {
    const { $ref, anyOf, oneOf, allOf } = node;
    if (typeof $ref === 'string') {
      const found = $ref === '#' ? root : isNode(root['$defs']) ? root['$defs'][$ref.replace('#/$defs/', '')] : undefined;
      return depth > 8 || !isNode(found) ? null : make(found, depth + 1);
    }
    const choices = [...nodes(anyOf), ...nodes(oneOf)];
    if (choices.length > 0) return make(random.pick(choices), depth + 1);
    if (Array.isArray(allOf)) return Object.assign({}, ...nodes(allOf).map((each) => make(each, depth + 1)));
    const { type } = node;
    if (Array.isArray(type)) return make({ ...node, type: random.pick(type as unknown[]) }, depth + 1);
    if ('const' in node) return node['const'];
    if (Array.isArray(node['enum'])) return random.pick(node['enum'] as unknown[]);
    switch (type) {
      case 'object':
        return objectOf(node, depth);
      case 'array': {
        const prefix = nodes(node['prefixItems']).map((each) => make(each, depth + 1));
        const least = numberOf(node['minItems'], 0);
        const most = Math.min(numberOf(node['maxItems'], 3), least + (depth > 6 ? 0 : 3));
        const count = prefix.length > 0 || !isNode(node['items']) ? 0 : least + random.below(Math.max(1, most - least + 1));
        return [...prefix, ...random.many(count, () => (isNode(node['items']) ? make(node['items'], depth + 1) : null))];
      }
      case 'string':
        return textOf(node);
      case 'integer':
        return Math.round(within(node, 1));
      case 'number':
        return within(node, 0.5);
      case 'boolean':
        return random.chance(0.5);
      case 'null':
        return null;
      default:
        return random.pick([null, 1, 'x', {}, [1]]);
    }
  };
  const objectOf = (node: Node, depth: number): unknown => {
    const properties = isNode(node['properties']) ? node['properties'] : {};
    const required = Array.isArray(node['required']) ? (node['required'] as unknown[]) : [];
    const entries = Object.entries(properties).flatMap(([name, each]) =>
      isNode(each) && (required.includes(name) || random.chance(0.5)) ? [[name, make(each, depth + 1)] as const] : [],
    );
    const others = node['additionalProperties'];
    const more =
      isNode(others) && Object.keys(properties).length === 0
        ? random.many(random.below(3), (i) => [`k${i}`, make(others, depth + 1)] as const)
        : [];
    return Object.fromEntries([...entries, ...more]);
  };
  const textOf = (node: Node): string => {
    const least = numberOf(node['minLength'], 0);
    const text = typeof node['pattern'] === 'string' || random.chance(0.6) ? 'abcdef' : strangeText(random);
    return text.padEnd(least, 'x').slice(0, numberOf(node['maxLength'], 10_000));
  };
  const within = (node: Node, otherwise: number): number => {
    const least = numberOf(node['minimum'] ?? node['exclusiveMinimum'], 0);
    const most = numberOf(node['maximum'] ?? node['exclusiveMaximum'], least + 1000);
    return random.pick([least, most, Math.min(most, Math.max(least, otherwise)), least + (most - least) * random.uniform()]);
  };
  return make(root, 0);
}
