import { existsSync } from 'node:fs';
import { formatBytes, UNKNOWN } from '#core/bytes.ts';
import { AppError } from '#core/errors/index.ts';
import type { Model } from '#contract/library.ts';
import type { CommandContext } from './command.ts';
import { table } from './text.ts';

/**
 * The model that an argument means: a library id, a name, or a path from where the user is. What looks like a path and is
 * there is one; a bare word is first looked for in the library. Throws the library's error when it is none of them.
 */
export async function findModel(context: CommandContext, reference: string): Promise<Model> {
  const { library } = await context.client();
  const path = context.resolvePath(reference);
  if (!existsSync(path)) return library.find({ reference });
  if (/[\\/]|^\.|^~|\.(gguf|safetensors)$/i.test(reference)) return library.find({ reference: path });
  try {
    return await library.find({ reference });
  } catch (error) {
    if (error instanceof AppError) return library.find({ reference: path });
    throw error;
  }
}

/** A parameter count as people say it: `260 K`, `1.24 B`. */
export function parameters(count: number | undefined): string {
  if (count === undefined) return UNKNOWN;
  return new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 }).format(count);
}

/** The library as a table. */
export function modelTable(models: readonly Model[]): string {
  const rows = models.map(({ id, name, kind, facts, sizeBytes, state }) => [
    name,
    kind,
    facts.architecture ?? UNKNOWN,
    parameters(facts.parameterCount),
    facts.quantization ?? UNKNOWN,
    formatBytes(sizeBytes),
    state.status,
    id,
  ]);
  const titles = ['name', 'kind', 'architecture', 'parameters', 'type', 'size', 'state', 'id'];
  const columns = titles.map((title) => ({
    title,
    align: ['parameters', 'size'].includes(title) ? ('right' as const) : ('left' as const),
    max: 40,
  }));
  return table(columns, rows);
}
