export type Yaml = string | number | boolean | null | readonly Yaml[] | { readonly [key: string]: Yaml };

/** YAML in its plainest form; texts are quoted as JSON quotes them, which YAML reads. */
export function yamlOf(value: Yaml, indent = ''): string {
  if (Array.isArray(value)) {
    if (value.length === 0) return ' []';
    return value
      .map((each: Yaml) => `\n${indent}-${isNested(each) ? ` ${yamlOf(each, `${indent}  `).trimStart()}` : yamlOf(each)}`)
      .join('');
  }
  if (typeof value === 'object' && value !== null)
    return Object.entries(value)
      .map(([key, each]) => `\n${indent}${key}:${yamlOf(each, Array.isArray(each) ? indent : `${indent}  `)}`)
      .join('');
  if (typeof value === 'number') return ` ${plainNumber(value)}`;
  return ` ${JSON.stringify(value)}`;
}

const isNested = (value: Yaml): boolean => typeof value === 'object' && value !== null;

/** YAML 1.1 takes `1e-4` for a text: numbers with an exponent need a point. */
const plainNumber = (value: number): string => String(value).replace(/^(-?\d+)e/, '$1.0e');
