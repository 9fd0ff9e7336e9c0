// @ts-check
// What each package of a folder takes, as a Markdown table: `node scripts/artefact-sizes.mjs dist`. On a build machine it also stands on the
// run's page.
import { appendFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

const folder = process.argv[2] ?? 'dist';
const rows = readdirSync(folder)
  .filter((name) => /\.(AppImage|deb|rpm|dmg|zip|exe)$/.test(name))
  .map((name) => `| ${name} | ${(statSync(join(folder, name)).size / 2 ** 20).toFixed(1)} MiB |`);
if (rows.length === 0) {
  process.stderr.write(`There are no packages in ${folder}.\n`);
  process.exit(1);
}
const table = `| package | size |\n| --- | ---: |\n${rows.join('\n')}\n`;
process.stdout.write(table);
const page = process.env['GITHUB_STEP_SUMMARY'];
if (page !== undefined) appendFileSync(page, table);
