import { openDatabase } from '#main/db/open.ts';
import { settingsRepository } from '#main/db/settings.ts';

/** A program that writes to a database, one transaction after another: `writer.ts PATH NAME COUNT`. */
const [, , path = '', name = '', count = '0'] = process.argv;
const database = openDatabase(path);
const settings = settingsRepository(database);
for (let number = 0; number < Number(count); number += 1) settings.put({ [`${name} ${number}`]: number });
database.close();
