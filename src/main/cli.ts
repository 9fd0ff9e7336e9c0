import { main } from './cli/main.ts';

/** The command line's program: `lathe COMMAND …`. */
process.exitCode = await main(process.argv.slice(2), import.meta.dirname);
