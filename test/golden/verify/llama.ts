// node test/golden/verify/llama.ts OUT TOOLS: llama-imatrix and llama-quantize of the folder TOOLS against Lathe, on the models that
// make.ts left in OUT. Prints two Markdown tables; exits with 1 where a byte differs.
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { GgufMetadata } from '#core/gguf/values.ts';
import { readGguf } from '#core/gguf/read.ts';
import { readImatrix, writeImatrix } from '#core/quantize/imatrix-file.ts';
import type { Imatrix } from '#core/quantize/imatrix.ts';
import type { MixName } from '#core/quantize/mixes.ts';
import { loadNative } from '#engine/native.ts';
import { fileSource } from '#test/byte-source.ts';
import { quantize, tensorsOf } from '#test/engine/quantize/quantize.ts';
import { realModelPath, realModels } from '#test/real-models.ts';

const [out, tools] = process.argv.slice(2);
if (out === undefined || tools === undefined) throw new Error('Where are the models, and the tools?');
const native = loadNative();
const run = (tool: string, args: readonly string[]): string =>
  execFileSync(join(tools, tool), args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

const stories = new URL('../../../resources/demo/stories.txt', import.meta.url).pathname;
const models = [
  { model: 'llama F16', source: join(out, 'llama F16', 'source'), text: stories },
  { model: 'qwen2 BF16', source: join(out, 'qwen2 BF16', 'source'), text: stories },
  ...(realModels === null
    ? []
    : [{ model: 'story656K', source: realModelPath('story656k'), text: realModelPath('corpora', 'tinystories-recased-60k.txt') }]),
];

const CONTEXT = 128;
const WINDOWS = 24;

async function calibrate(modelPath: string, textFile: string): Promise<Imatrix> {
  const text = readFileSync(textFile, 'utf8');
  const calibrator = await native.openCalibrator({ modelPath, text, contextLength: CONTEXT, maxWindows: WINDOWS, threads: 2 });
  const sums = await calibrator.squareSums();
  const chunkCount = calibrator.windows;
  calibrator.close();
  const entries = new Map(sums.map(({ name, squareSums, rows }) => [name, { squares: squareSums, counts: Float32Array.from(rows) }]));
  return { entries, datasets: [basename(textFile)], chunkCount, chunkSize: CONTEXT };
}

/** The largest difference of two importance matrices, by the largest value of the tensor and by the value itself. */
function compare(ours: Imatrix, theirs: Imatrix): string {
  if ([...ours.entries.keys()].toSorted().join(' ') !== [...theirs.entries.keys()].toSorted().join(' '))
    return `other tensors: ${ours.entries.size} and ${theirs.entries.size}`;
  let [byLargest, byValue] = [0, 0];
  for (const [name, { squares, counts }] of ours.entries) {
    const other = theirs.entries.get(name);
    if (other === undefined || other.counts.join(' ') !== counts.join(' ')) return `other counts of ${name}`;
    const largest = Math.max(...other.squares);
    for (const [i, value] of other.squares.entries()) {
      const difference = Math.abs((squares[i] ?? Number.NaN) - value);
      byLargest = Math.max(byLargest, difference / largest);
      byValue = Math.max(byValue, difference / value);
    }
  }
  return `${ours.entries.size} tensors | ${byLargest.toExponential(1)} | ${byValue.toExponential(1)}`;
}

const shown = (metadata: GgufMetadata): ReadonlyMap<string, string> =>
  new Map(
    [...metadata].map(([key, value]) => [key, JSON.stringify(value, (_, each: unknown) => (typeof each === 'bigint' ? `${each}` : each))]),
  );

/** Tensors, types and bytes, and the metadata. */
async function compareFiles(ours: string, theirs: string): Promise<{ isEqual: boolean; said: string }> {
  const [left, right] = [await tensorsOf(ours), await tensorsOf(theirs)];
  const different = [...left].filter(([name, { type, bytes }]) => {
    const other = right.get(name);
    return other?.type !== type || Buffer.compare(other.bytes, bytes) !== 0;
  });
  const [ourKeys, theirKeys] = [ours, theirs].map(async (file) => shown((await readGguf(fileSource(file))).metadata));
  const [a, b] = [(await ourKeys) ?? new Map<string, string>(), (await theirKeys) ?? new Map<string, string>()];
  const keys = [...new Set([...a.keys(), ...b.keys()])].filter((key) => a.get(key) !== b.get(key));
  const isEqual = different.length === 0 && left.size === right.size;
  const types = [...new Set([...left.values()].map(({ type }) => type))].join(' ');
  return {
    isEqual,
    said: `${left.size - different.length} of ${right.size} tensors equal (${types}) | ${keys.length === 0 ? 'equal' : keys.join(', ')}`,
  };
}

const imatrixRows: string[] = [];
const quantizeRows: string[] = [];
let failed = false;
for (const { model, source, text } of models) {
  const file = (name: string): string => join(out, model, name);
  for (const name of ['f32.gguf', 'f16.gguf', 'ours.gguf', 'theirs.gguf']) rmSync(file(name), { force: true });
  await quantize(source, file('f32.gguf'), 'F32');
  await quantize(source, file('f16.gguf'), 'F16');
  const ours = await calibrate(file('f32.gguf'), text);
  const imatrixFile = file('imatrix.gguf');
  writeFileSync(imatrixFile, writeImatrix(ours));
  // By default it computes several windows at once, and its attention then rounds otherwise.
  const theirs = async (batch: readonly string[]): Promise<Imatrix> => {
    const path = file('theirs.imatrix.gguf');
    const size = ['-c', `${CONTEXT}`, '--chunks', `${WINDOWS}`, ...batch];
    run('llama-imatrix', ['-m', file('f32.gguf'), '-f', text, '-o', path, ...size, '-t', '2', '--no-ppl']);
    return readImatrix(fileSource(path));
  };
  imatrixRows.push(`| ${model} | one by one | ${compare(ours, await theirs(['-b', `${CONTEXT}`, '-ub', `${CONTEXT}`]))} |`);
  imatrixRows.push(`| ${model} | as by default | ${compare(ours, await theirs([]))} |`);
  const jobs: readonly (readonly [MixName, 'F16' | 'F32' | 'folder', boolean])[] = [
    ['Q8_0', 'folder', false],
    ['Q4_0', 'folder', false],
    ['Q4_K_M', 'folder', false],
    ['Q4_K_M', 'F16', true],
    ['Q4_K_M', 'folder', true],
    ['Q2_K', 'F32', true],
    ['Q5_K_S', 'F32', true],
    ['Q6_K', 'F32', true],
    ['IQ4_XS', 'F32', true],
    ['IQ3_M', 'F32', true],
    ['IQ2_XS', 'F32', true],
  ];
  for (const [mix, from, isWeighted] of jobs) {
    // A folder goes in one pass; llama-quantize gets it as F32, which holds every value.
    const input = file(from === 'F16' ? 'f16.gguf' : 'f32.gguf');
    rmSync(file('theirs.gguf'), { force: true });
    rmSync(file('ours.gguf'), { force: true });
    run('llama-quantize', [...(isWeighted ? ['--imatrix', imatrixFile] : []), input, file('theirs.gguf'), mix, '2']);
    const facts = isWeighted
      ? { imatrix: { file: imatrixFile, datasets: ours.datasets, chunkCount: ours.chunkCount, tensors: new Set(ours.entries.keys()) } }
      : {};
    await quantize(from === 'folder' ? source : input, file('ours.gguf'), mix, facts, isWeighted ? { imatrix: ours } : {});
    const { isEqual, said } = await compareFiles(file('ours.gguf'), file('theirs.gguf'));
    failed ||= !isEqual;
    quantizeRows.push(`| ${model} | ${mix} | ${from} | ${isWeighted ? 'Lathe’s' : ''} | ${said} |`);
  }
}
process.stdout.write(
  `${[
    '| model | windows | tensors | largest difference, of the largest sum | of the sum itself |',
    '| --- | --- | --- | --- | --- |',
    ...imatrixRows,
    '',
    '| model | target | from | importance matrix | tensors | metadata that differs |',
    '| --- | --- | --- | --- | --- | --- |',
    ...quantizeRows,
  ].join('\n')}\n`,
);
process.exitCode = failed ? 1 : 0;
