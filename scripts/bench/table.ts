import { readFile } from 'node:fs/promises';
import { cpus, release, totalmem, type } from 'node:os';
import type { BenchRow } from './row.ts';

async function versionOf(name: string): Promise<string> {
  const file = new URL(`../../node_modules/${name}/package.json`, import.meta.url);
  return `${name} ${(JSON.parse(await readFile(file, 'utf8')) as { version: string }).version}`;
}

const number = (value: number): string =>
  new Intl.NumberFormat('en', { maximumSignificantDigits: Math.abs(value) >= 1000 ? 6 : 4 }).format(value);

function tableOf(rows: readonly BenchRow[]): string {
  const cells = rows.map((row) => [row.name, `${number(row.value)} ${row.unit}`, row.spread ?? '', row.goal ?? '', row.note ?? '']);
  const lines = [['what', 'value', 'spread', 'goal', 'note'], ['---', '---:', '---', '---', '---'], ...cells];
  return lines.map((line) => `| ${line.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`).join('\n');
}

/** Figures depend on the machine, so the machine stands above the table. */
export async function printTable(rows: readonly BenchRow[]): Promise<void> {
  const cores = cpus();
  const machine = `${type()} ${release()}, ${cores[0]?.model.trim() ?? 'unknown CPU'} × ${cores.length}, ${Math.round(totalmem() / 2 ** 30)} GiB`;
  const versions = [
    `node ${process.versions.node}`,
    ...(await Promise.all(['node-llama-cpp', 'better-sqlite3', 'electron'].map(versionOf))),
  ];
  process.stdout.write(`${machine}  \n${versions.join(', ')}  \n${new Date().toISOString().slice(0, 10)}\n\n${tableOf(rows)}\n`);
}
