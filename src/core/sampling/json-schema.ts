import { AppError } from '../errors/index.ts';
import { excerpt, excerptOfJson, isNestedDeeper } from '../excerpt.ts';

/**
 * A JSON schema as a GBNF grammar (llama.cpp, `grammars/README.md`), so that a model can only write what the schema allows.
 * What the grammar could not hold the model to is refused rather than left out: a schema that is accepted is kept.
 */

/** Deeper ones are made to exhaust a stack, not to describe data. */
const MAX_DEPTH = 32;
/** Rules of a grammar: llama.cpp looks at each of them for every token. */
const MAX_RULES = 2000;
/** llama.cpp unrolls repetitions, and refuses more than 2000 (`MAX_REPETITION_THRESHOLD`). */
const MAX_REPEAT = 1000;
/** A property is left out or not: optional ones make a rule each. */
const MAX_PROPERTIES = 200;

/** Words for people, which allow and forbid nothing. */
const ANNOTATIONS = new Set([
  'title',
  'description',
  'default',
  'examples',
  'deprecated',
  'readOnly',
  'writeOnly',
  '$schema',
  '$id',
  '$comment',
  '$defs',
  'definitions',
  'strict',
]);

/** Without blanks other than one after a separator: a model in a loop could write them for ever. */
const PRIMITIVES: Readonly<Record<string, string>> = {
  ws: '" "?',
  boolean: '"true" | "false"',
  null: '"null"',
  integer: '"-"? ("0" | [1-9] [0-9]{0,14})',
  number: '"-"? ("0" | [1-9] [0-9]{0,14}) ("." [0-9]{1,15})? ([eE] [-+]? [0-9]{1,3})?',
  char: '[^"\\\\\\x7F\\x00-\\x1F] | "\\\\" (["\\\\/bfnrt] | "u" [0-9a-fA-F]{4})',
  string: '"\\"" char* "\\""',
  value: 'object | array | string | number | boolean | null',
  member: 'string ":" ws value',
  object: '"{" (member ("," ws member)*)? "}"',
  array: '"[" (value ("," ws value)*)? "]"',
};

type Schema = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Schema => typeof value === 'object' && value !== null && !Array.isArray(value);

/** A foreign value in a message. */
const named = (value: unknown): string => excerptOfJson(value).slice(0, 40);

/** A text that stands for itself in a grammar. */
const literal = (text: string): string =>
  `"${[...text].map((character) => (character === '"' || character === '\\' ? `\\${character}` : escaped(character))).join('')}"`;

function escaped(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return code >= 0x20 && code !== 0x7f ? character : `\\x${code.toString(16).padStart(2, '0').toUpperCase()}`;
}

const json = (value: unknown): string => literal(JSON.stringify(value));

/** Any JSON value: what `json_object` asks for is an object. */
export const JSON_OBJECT_SCHEMA: Schema = { type: 'object' };

/** The grammar of a schema. Throws `chat.badSchema` with what it cannot hold a model to. */
export function grammarOfSchema(schema: unknown): string {
  const rules = new Map<string, string>(Object.entries(PRIMITIVES));
  const references = new Map<string, string>();
  const refuse = (problem: string): never => {
    throw new AppError('chat.badSchema', { problem: excerpt(problem) });
  };

  // Values that a schema names are written out as they are.
  if (isNestedDeeper(schema)) refuse('it is nested too deeply');

  const add = (body: string): string => {
    const name = `r${rules.size}`;
    if (rules.size >= MAX_RULES) refuse('it is too large');
    rules.set(name, body);
    return name;
  };

  /** Throws where a schema says more than is kept. */
  const only = (node: Schema, ...known: string[]): void => {
    const other = Object.keys(node).find((key) => !known.includes(key) && !ANNOTATIONS.has(key));
    if (other !== undefined) refuse(`"${other.slice(0, 40)}" is not supported here`);
  };

  const bound = (node: Schema, key: string): number => {
    const value = node[key] ?? 0;
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 0) return refuse(`"${key}" is no whole number`);
    return value <= MAX_REPEAT ? value : refuse(`"${key}" is over ${MAX_REPEAT}`);
  };
  const bounds = (node: Schema, least: string, most: string): { readonly min: number; readonly max: number | null } => {
    const min = bound(node, least);
    const max = node[most] === undefined ? null : bound(node, most);
    if (max !== null && max < min) refuse(`"${most}" is below "${least}"`);
    return { min, max };
  };

  const at = (pointer: string): unknown => {
    if (pointer === '#') return schema;
    if (!pointer.startsWith('#/')) return refuse(`"$ref" leads outside: ${pointer.slice(0, 60)}`);
    let node: unknown = schema;
    for (const part of pointer.slice(2).split('/')) {
      const key = part.replaceAll('~1', '/').replaceAll('~0', '~');
      node = (isObject(node) || Array.isArray(node)) && Object.hasOwn(node, key) ? (node as Schema)[key] : undefined;
    }
    return node ?? refuse(`"$ref" leads nowhere: ${pointer.slice(0, 60)}`);
  };

  const oneOf = (nodes: unknown, depth: number): string => {
    if (!Array.isArray(nodes) || nodes.length === 0) return refuse('a list of alternatives is empty');
    return add(nodes.map((node) => visit(node, depth + 1)).join(' | '));
  };

  const object = (node: Schema, depth: number): string => {
    only(node, 'type', 'properties', 'required', 'additionalProperties');
    const properties = node['properties'] ?? {};
    const required = node['required'] ?? [];
    if (!isObject(properties) || !Array.isArray(required)) return refuse('"properties" or "required" has the wrong type');
    const names = Object.keys(properties);
    if (names.length > MAX_PROPERTIES) return refuse('it is too large');
    const stranger: unknown = required.find((name) => typeof name !== 'string' || !Object.hasOwn(properties, name));
    if (stranger !== undefined) return refuse(`"required" names ${named(stranger)}, which is no property`);
    const others = node['additionalProperties'];
    if (names.length === 0) {
      if (others === false) return add('"{" "}"');
      if (others === undefined || others === true) return 'object';
      const member = add(`string ":" ws ${visit(others, depth + 1)}`);
      return add(`"{" (${member} ("," ws ${member})*)? "}"`);
    }
    if (isObject(others)) return refuse('"additionalProperties" beside "properties" is not supported');
    const members = names.map((name) => ({
      rule: add(`${json(name)} ":" ws ${visit(properties[name], depth + 1)}`),
      isRequired: required.includes(name),
    }));
    // What may follow, from the last one backwards: with and without something before it, which decides about the comma.
    let first = '';
    let next = '';
    for (const { rule, isRequired } of members.toReversed()) {
      const after = `"," ws ${rule} ${next}`.trimEnd();
      const begins = `${rule} ${next}`.trimEnd();
      const nextRule = add(isRequired ? after : next === '' ? `(${after})?` : `${after} | ${next}`);
      const firstRule = add(isRequired ? begins : first === '' ? `(${begins})?` : `${begins} | ${first}`);
      next = nextRule;
      first = firstRule;
    }
    return add(`"{" ${first} "}"`);
  };

  const array = (node: Schema, depth: number): string => {
    only(node, 'type', 'items', 'prefixItems', 'minItems', 'maxItems');
    const { min, max } = bounds(node, 'minItems', 'maxItems');
    if (node['prefixItems'] !== undefined) return refuse('"prefixItems" is not supported');
    const item = node['items'] === undefined ? 'value' : visit(node['items'], depth + 1);
    if (max === 0) return add('"[" "]"');
    const more = `("," ws ${item}){${Math.max(0, min - 1)},${max === null ? '' : max - 1}}`;
    return add(min > 0 ? `"[" ${item} ${more} "]"` : `"[" (${item} ${more})? "]"`);
  };

  const string = (node: Schema): string => {
    only(node, 'type', 'minLength', 'maxLength', 'format');
    const { min, max } = bounds(node, 'minLength', 'maxLength');
    const format = node['format'];
    if (format === 'date') return add(`"\\"" ${DATE} "\\""`);
    if (format === 'time') return add(`"\\"" ${TIME} "\\""`);
    if (format === 'date-time') return add(`"\\"" ${DATE} "T" ${TIME} "\\""`);
    if (format !== undefined) return refuse(`the format ${named(format)} is not supported`);
    return min === 0 && max === null ? 'string' : add(`"\\"" char{${min},${max ?? ''}} "\\""`);
  };

  const visit = (node: unknown, depth: number): string => {
    if (depth > MAX_DEPTH) return refuse('it is nested too deeply');
    if (node === true) return 'value';
    if (!isObject(node)) return refuse(node === false ? 'nothing can meet "false"' : 'a part of it is no schema');
    if (node['$ref'] !== undefined) {
      only(node, '$ref');
      const pointer = typeof node['$ref'] === 'string' ? node['$ref'] : refuse('"$ref" is no text');
      const known = references.get(pointer);
      if (known !== undefined) return known;
      // Named before it is read: it may contain itself.
      const name = `ref${references.size}`;
      references.set(pointer, name);
      rules.set(name, visit(at(pointer), depth + 1));
      return name;
    }
    if (node['const'] !== undefined) return (only(node, 'const', 'type'), add(json(node['const'])));
    const values = node['enum'];
    if (values !== undefined) {
      only(node, 'enum', 'type');
      return Array.isArray(values) && values.length > 0 ? add(values.map(json).join(' | ')) : refuse('"enum" is empty');
    }
    if (node['anyOf'] !== undefined) return (only(node, 'anyOf'), oneOf(node['anyOf'], depth));
    if (node['oneOf'] !== undefined) return (only(node, 'oneOf'), oneOf(node['oneOf'], depth));
    const type = node['type'] ?? (node['properties'] === undefined ? undefined : 'object');
    if (Array.isArray(type))
      return oneOf(
        type.map((each: unknown) => (each === 'null' || each === 'boolean' ? { type: each } : { ...node, type: each })),
        depth,
      );
    switch (type) {
      case 'object':
        return object(node, depth);
      case 'array':
        return array(node, depth);
      case 'string':
        return string(node);
      case 'integer':
      case 'number':
      case 'boolean':
      case 'null':
        return (only(node, 'type'), node['type'] as string);
      case undefined:
        return (only(node), 'value');
      default:
        return refuse(`the type ${named(type)} is unknown`);
    }
  };

  const root = visit(schema, 0);
  return [`root ::= ${root}`, ...[...rules].map(([name, body]) => `${name} ::= ${body}`)].join('\n');
}

/** RFC 3339, section 5.6. */
const DATE = '[0-9]{4} "-" ("0" [1-9] | "1" [0-2]) "-" ("0" [1-9] | [12] [0-9] | "3" [01])';
const TIME =
  '([01] [0-9] | "2" [0-3]) ":" [0-5] [0-9] ":" [0-5] [0-9] ("." [0-9]{3})? ("Z" | [+-] ([01] [0-9] | "2" [0-3]) ":" [0-5] [0-9])';
