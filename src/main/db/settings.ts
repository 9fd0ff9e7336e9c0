import type { Database } from './open.ts';

export type SettingsRepository = ReturnType<typeof settingsRepository>;

/** Named values, as JSON. */
export function settingsRepository(database: Database) {
  const all = database.connection.prepare<[], { name: string; value: string }>('SELECT name, value FROM settings');
  const put = database.connection.prepare(
    'INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value',
  );
  return {
    all: (): Record<string, unknown> => Object.fromEntries(all.all().map(({ name, value }) => [name, JSON.parse(value) as unknown])),
    put: (values: Readonly<Record<string, unknown>>): void =>
      database.write(() => {
        for (const [name, value] of Object.entries(values)) if (value !== undefined) put.run(name, JSON.stringify(value));
      }),
  };
}
