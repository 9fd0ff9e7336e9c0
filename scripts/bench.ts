// Measures what the issues ask figures of, and prints them as one Markdown table. Figures are not tests: they depend on
// the machine, so the machine stands above the table.
import { readdir, readFile } from 'node:fs/promises';
import { cpus, release, totalmem, type } from 'node:os';
import { parseArgs } from 'node:util';
import type { Bench, BenchRow } from './bench/row.ts';

const folder = new URL('./bench/', import.meta.url);
const { positionals } = parseArgs({ allowPositionals: true });

async function loadBenches(): Promise<Bench[]> {
  const files = (await readdir(folder)).filter((name) => name.endsWith('.ts')).toSorted();
  const modules = await Promise.all(files.map(async (name) => (await import(new URL(name, folder).href)) as Partial<Bench>));
  return modules.filter((module): module is Bench => typeof module.run === 'function' && typeof module.name === 'string');
}

async function versionOf(name: string): Promise<string> {
  const file = new URL(`../node_modules/${name}/package.json`, import.meta.url);
  return `${name} ${(JSON.parse(await readFile(file, 'utf8')) as { version: string }).version}`;
}

const number = (value: number): string =>
  new Intl.NumberFormat('en', { maximumSignificantDigits: Math.abs(value) >= 1000 ? 6 : 4 }).format(value);

function table(rows: readonly BenchRow[]): string {
  const cells = rows.map((row) => [row.name, `${number(row.value)} ${row.unit}`, row.spread ?? '', row.goal ?? '', row.note ?? '']);
  const lines = [['what', 'value', 'spread', 'goal', 'note'], ['---', '---:', '---', '---', '---'], ...cells];
  return lines.map((line) => `| ${line.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`).join('\n');
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
const cores = cpus();
const machine = `${type()} ${release()}, ${cores[0]?.model.trim() ?? 'unknown CPU'} × ${cores.length}, ${Math.round(totalmem() / 2 ** 30)} GiB`;
const versions = [`node ${process.versions.node}`, ...(await Promise.all(['node-llama-cpp', 'better-sqlite3', 'electron'].map(versionOf)))];
process.stdout.write(`${machine}  \n${versions.join(', ')}  \n${new Date().toISOString().slice(0, 10)}\n\n${table(rows)}\n`);
