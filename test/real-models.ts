import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';

/**
 * Really trained tiny models and texts, kept outside the repository because they are the data of others. They lie in
 * `shared/models` beside the checkout, or where LATHE_REAL_MODELS points. Where they are absent, the tests that need
 * them say so and the rest runs on generated models.
 */
const root = process.env['LATHE_REAL_MODELS'] ?? fileURLToPath(new URL('../../shared/models', import.meta.url));

const present = existsSync(join(root, 'README.md'));

/** The folder of the real models, or null where they are absent. */
export const realModels: string | null = present ? root : null;

/** What a test's name says in place of running. */
export const realModelsNote = present ? '' : ' (real models are absent: set LATHE_REAL_MODELS)';

/** The path of a file below the real models. Call only where `realModels` is not null. */
export function realModelPath(...parts: string[]): string {
  if (realModels === null) throw new Error('The real models are absent.');
  return join(realModels, ...parts);
}
