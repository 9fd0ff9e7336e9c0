// Lets libFuzzer look for inputs that make the native kernels touch foreign memory, behave undefined or break what they promise:
// `npm run fuzz:native [SECONDS] [PROGRAM…]`, SECONDS for each program of test/native/fuzz. Takes Clang with its sanitizers; Lathe itself
// does not. Prints a Markdown table; inputs that were found are left in out/fuzz, and end it with 1. Each begins with the seeds that are
// committed, and `-- --keep` writes those that lead every way that was found.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { llamaLibraries } from '#engine/llama-libraries.ts';
import { ensureHeaders, headersFolder } from './native/headers.mjs';
import { findCmake } from './native/toolchain.mjs';
import { modules, root, say } from './setup/paths.mjs';

const { positionals, values } = parseArgs({ allowPositionals: true, options: { keep: { type: 'boolean', default: false } } });
const seconds = Number(positionals[0] ?? 60);
const only = positionals.slice(1);
const buildFolder = join(root, 'build', 'native-fuzz');
const foundFolder = join(root, 'out', 'fuzz');
const names = readdirSync(join(root, 'test', 'native', 'fuzz'))
  .filter((file) => file.endsWith('.cc'))
  .map((file) => file.slice(0, -'.cc'.length))
  .filter((name) => only.length === 0 || only.includes(name));
/** One input in a line, in base64. */
const seedsOf = (name: string): string => join(root, 'test', 'native', 'fuzz', 'seeds', `${name}.txt`);
/** What is kept of a corpus: small inputs, and few enough to be read by people who wonder what they are. */
const SEED_LIMITS = { count: 200, bytes: 512 };

const compiler = [process.env['CXX'], 'clang++', ...[20, 19, 18, 17, 16, 15, 14].map((version) => `clang++-${version}`)].find(
  (name) => name !== undefined && spawnSync(name, ['--version'], { encoding: 'utf8' }).stdout?.includes('clang version'),
);
if (compiler === undefined) {
  say('Clang is not here, and libFuzzer is a part of it: nothing was fuzzed. On Debian: apt-get install clang libclang-rt-dev');
  process.exit(1);
}

build(compiler);
const { ggmlBase, ggml, llama } = llamaLibraries(false);
const options = {
  encoding: 'utf8',
  maxBuffer: 2 ** 28,
  env: { ...process.env, LATHE_GGML_BASE: ggmlBase, LATHE_GGML: ggml, LATHE_LLAMA: llama },
} as const;
mkdirSync(foundFolder, { recursive: true });
const rows = names.map(fuzz);
process.stdout.write(
  [
    `${cpus()[0]?.model.trim() ?? 'unknown CPU'} × ${cpus().length}, ${seconds} s for each, ${compiler}`,
    '',
    '| program | inputs | ways taken | found |',
    '| --- | ---: | ---: | --- |',
    ...rows.map(({ name, inputs, ways, found }) => `| ${name} | ${inputs} | ${ways} | ${found ?? 'nothing'} |`),
    '',
  ].join('\n'),
);
process.exitCode = rows.some(({ found }) => found !== null) ? 1 : 0;

function build(cxx: string): void {
  ensureHeaders();
  const cmake = (...args: string[]): void => {
    const { status, stdout, stderr } = spawnSync(findCmake(), args, { cwd: root, encoding: 'utf8' });
    if (status === 0) return;
    say(`${stdout}${stderr}\nThe programs could not be built.`);
    process.exit(1);
  };
  if (!existsSync(join(buildFolder, 'CMakeCache.txt')))
    cmake(
      '-S',
      join(root, 'src', 'native'),
      '-B',
      buildFolder,
      `-DCMAKE_CXX_COMPILER=${cxx}`,
      '-DCMAKE_BUILD_TYPE=Release',
      '-DLATHE_FUZZ=ON',
      `-DLATHE_LLAMA_HEADERS=${headersFolder}`,
      `-DLATHE_NODE_ADDON_API=${join(modules, 'node-addon-api')}`,
      `-DLATHE_NODE_API_HEADERS=${join(modules, 'node-api-headers')}`,
    );
  cmake('--build', buildFolder, '--target', 'fuzz', '--parallel', String(availableParallelism()));
}

/** One program until its time is over or it has found something. Its corpus is kept, and the next run goes on from it. */
function fuzz(name: string) {
  const corpus = join(buildFolder, 'corpus', name);
  mkdirSync(corpus, { recursive: true });
  if (existsSync(seedsOf(name)))
    for (const line of readFileSync(seedsOf(name), 'utf8').split('\n').filter(Boolean)) addInput(corpus, Buffer.from(line, 'base64'));
  const { status, stderr } = spawnSync(
    join(buildFolder, `fuzz_${name}`),
    [
      `-max_total_time=${seconds}`,
      '-seed=1',
      '-max_len=4096',
      '-timeout=120',
      '-print_final_stats=1',
      `-artifact_prefix=${foundFolder}/${name}-`,
      corpus,
    ],
    options,
  );
  const inputs = /stat::number_of_executed_units:\s*(\d+)/.exec(stderr)?.[1] ?? '?';
  const ways = [...stderr.matchAll(/\bcov: (\d+)/g)].at(-1)?.[1] ?? '?';
  const problem = status === 0 ? null : (/(?:ERROR: |runtime error: )(.*)/.exec(stderr)?.[1] ?? `it ended with ${status}`);
  if (problem !== null) say(stderr.split('\n').slice(-60).join('\n'));
  if (values.keep && problem === null) keep(name, corpus);
  return { name, inputs, ways, found: problem };
}

/** Named as libFuzzer does, so that none is there twice. */
function addInput(corpus: string, bytes: Buffer): void {
  writeFileSync(join(corpus, createHash('sha1').update(bytes).digest('hex')), bytes);
}

/** The least of a corpus that leads the same ways, as seeds of the next. */
function keep(name: string, corpus: string): void {
  const least = join(buildFolder, 'least', name);
  rmSync(least, { recursive: true, force: true });
  mkdirSync(least, { recursive: true });
  const { status, stderr } = spawnSync(join(buildFolder, `fuzz_${name}`), ['-merge=1', least, corpus], options);
  if (status !== 0) throw new Error(stderr);
  const lines = readdirSync(least)
    .map((file) => readFileSync(join(least, file)))
    .filter(({ length }) => length <= SEED_LIMITS.bytes)
    .toSorted((left, right) => left.length - right.length || left.compare(right))
    .slice(0, SEED_LIMITS.count)
    .map((bytes) => `${bytes.toString('base64')}\n`);
  mkdirSync(join(seedsOf(name), '..'), { recursive: true });
  writeFileSync(seedsOf(name), lines.join(''));
}
