// Gives every reader of foreign bytes inputs that are wrong in the places that count: `npm run fuzz [MINUTES] [SEED] [TARGET…]`. Says how
// they ended as a Markdown table; findings are made small and written to out/fuzz, and end it with 1.
import { mkdir, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { caseOf } from './fuzz/case.ts';
import { readerProcess } from './fuzz/process.ts';
import { fuzzTarget, minimised, type TargetReport } from './fuzz/run.ts';
import { targets } from './fuzz/targets/index.ts';

const { positionals } = parseArgs({ allowPositionals: true });
const [minutes, seed] = [Number(positionals[0] ?? 10), Number(positionals[1] ?? 1)];
const only = positionals.slice(2);
const chosen = targets.filter(({ name }) => only.length === 0 || only.includes(name));
if (chosen.length === 0 || !(minutes > 0) || !Number.isSafeInteger(seed)) {
  process.stderr.write(`npm run fuzz [MINUTES] [SEED] [TARGET…]. Targets: ${targets.map(({ name }) => name).join(', ')}\n`);
  process.exit(2);
}

const reader = readerProcess(new URL('./fuzz/targets/index.ts', import.meta.url).href);
const folder = join(import.meta.dirname, '..', 'out', 'fuzz');
const startedMs = performance.now();
const endMs = startedMs + minutes * 60_000;
const reports: TargetReport[] = [];
for (const [number, target] of chosen.entries()) {
  const nowMs = performance.now();
  const untilMs = nowMs + (endMs - nowMs) / (chosen.length - number);
  const report = await fuzzTarget(reader, target.name, { seed, inputs: Infinity, untilMs });
  reports.push(report);
  process.stderr.write(`${target.name}: ${report.inputs} inputs, ${report.endings.size} endings, ${report.found.length} findings\n`);
  for (const found of report.found) {
    const { kind, problem, stack } = found.finding;
    process.stderr.write(
      `  ${kind} at ${found.index}, ${found.times} times: ${problem}\n${stack?.split('\n').slice(1, 4).join('\n') ?? ''}\n`,
    );
    await mkdir(folder, { recursive: true });
    const parts = await minimised(reader, target, seed, found);
    const path = join(folder, `${target.name}-${seed}-${found.index}.json`);
    await writeFile(path, `${JSON.stringify(caseOf(target.name, problem, parts), null, 2)}\n`);
  }
}

await reader.close();

const sum = (of: (report: TargetReport) => number): number => reports.reduce((total, report) => total + of(report), 0);
/** The most frequent endings, as `name share`. */
const endingsOf = ({ endings }: TargetReport): string => {
  const all = [...endings.values()].reduce((total, times) => total + times, 0);
  return [...endings]
    .toSorted(([, left], [, right]) => right - left)
    .slice(0, 3)
    .map(([ending, times]) => `${ending} ${Math.round((100 * times) / all)} %`)
    .join(', ');
};
process.stdout.write(
  [
    `${cpus()[0]?.model.trim() ?? 'unknown CPU'} × ${cpus().length}, node ${process.versions.node}, seed ${seed}, ${Math.round((performance.now() - startedMs) / 60_000)} min`,
    '',
    '| target | inputs | different endings | the most frequent | findings |',
    '| --- | ---: | ---: | --- | ---: |',
    ...reports.map(
      (report) => `| ${report.target} | ${report.inputs} | ${report.endings.size} | ${endingsOf(report)} | ${report.found.length} |`,
    ),
    `| all | ${sum(({ inputs }) => inputs)} | | | ${sum(({ found }) => found.length)} |`,
    '',
  ].join('\n'),
);
process.exitCode = reports.some(({ found }) => found.length > 0) ? 1 : 0;
