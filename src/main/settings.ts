import { settings as settingsSchema, type Settings } from '#contract/system.ts';
import type { SettingsRepository } from './db/settings.ts';

/** What the user chose. A value that an older or newer version wrote and this one cannot read is its default. */
export function readSettings(repository: SettingsRepository): Settings {
  const saved = repository.all();
  const known = Object.entries(settingsSchema.shape).flatMap(([name, schema]) => {
    const parsed = schema.safeParse(saved[name]);
    return parsed.success ? [[name, parsed.data]] : [];
  });
  return settingsSchema.parse(Object.fromEntries(known));
}
