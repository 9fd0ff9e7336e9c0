// Measures what the issues ask figures of, and prints them as one Markdown table.
import { readdir } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import type { Bench, BenchRow } from './bench/row.ts';
import { printTable } from './bench/table.ts';

const folder = new URL('./bench/', import.meta.url);
const { positionals } = parseArgs({ allowPositionals: true });

async function loadBenches(): Promise<Bench[]> {
  const files = (await readdir(folder)).filter((name) => name.endsWith('.ts')).toSorted();
  const modules = await Promise.all(files.map(async (name) => (await import(new URL(name, folder).href)) as Partial<Bench>));
  return modules.filter((module): module is Bench => typeof module.run === 'function' && typeof module.name === 'string');
}

const benches = await loadBenches();
const unknown = positionals.filter((name) => !benches.some((bench) => bench.name === name));
if (unknown.length > 0) {
  process.stderr.write(`There is no bench named ${unknown.join(', ')}. There are: ${benches.map(({ name }) => name).join(', ')}.\n`);
  process.exit(1);
}

const rows: BenchRow[] = [];
for (const bench of benches) {
  if (positionals.length > 0 && !positionals.includes(bench.name)) continue;
  process.stderr.write(`${bench.name}…\n`);
  rows.push(...(await bench.run()));
}
await printTable(rows);
