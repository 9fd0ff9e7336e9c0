import { main } from './cli/main.ts';

/** The program that `npm start` runs where no desktop window can open: `lathe serve`. */
process.exitCode = await main(['serve', ...process.argv.slice(2)], import.meta.dirname);
