// node test/golden/llama-tools/make.ts TOOLS: what llama-imatrix and llama-quantize of the folder TOOLS make of a generated model.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { writeHfFolder } from '#engine/demo.ts';
import { quantize, tensorsOf } from '#test/engine/quantize/quantize.ts';
import { tinyModel, tinyText } from '#test/fixtures.ts';
import { llamaToolsModel, llamaToolsWindow, mixesOfLlamaTools } from './model.ts';

const [tools] = process.argv.slice(2);
if (tools === undefined) throw new Error('Where are the tools?');
// Its name is written into the importance matrix, so it goes without a path.
const textName = 'tiny.txt';
const folder = mkdtempSync(join(tmpdir(), 'lathe-golden-'));
const run = (tool: string, args: readonly string[]): string =>
  execFileSync(resolve(tools, tool), args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

const file = (name: string): string => join(folder, name);
const imatrix = new URL('imatrix.gguf', import.meta.url).pathname;
await writeHfFolder(tinyModel(llamaToolsModel), file('model'));
await quantize(file('model'), file('f32.gguf'), 'F32');
writeFileSync(file(textName), tinyText);
const size = ['-c', `${llamaToolsWindow}`, '-b', `${llamaToolsWindow}`, '-ub', `${llamaToolsWindow}`];
rmSync(imatrix, { force: true });
run('llama-imatrix', ['-m', file('f32.gguf'), '-f', textName, '-o', imatrix, ...size, '-t', '1', '--no-ppl']);

const expected: Record<string, Record<string, string>> = {};
for (const mix of mixesOfLlamaTools) {
  const made = file(`${mix}.gguf`);
  run('llama-quantize', ['--imatrix', imatrix, file('f32.gguf'), made, mix, '1']);
  const tensors = [...(await tensorsOf(made))].map(([name, { type, bytes }]) => [
    name,
    `${type} ${createHash('sha256').update(bytes).digest('hex').slice(0, 16)}`,
  ]);
  expected[mix] = Object.fromEntries(tensors) as Record<string, string>;
}
writeFileSync(new URL('expected.json', import.meta.url), `${JSON.stringify(expected, null, 1)}\n`);
rmSync(folder, { recursive: true });
