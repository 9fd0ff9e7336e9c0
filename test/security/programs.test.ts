import { mkdir, readdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { llamaLibraries } from '#engine/llama-libraries.ts';
import { tinyFolder } from '../fixtures.ts';
import { quantize, temporaryFolder } from '../engine/quantize/quantize.ts';

/** What others run through a shell, or as a program out of a model, Lathe does not. */

const src = new URL('../../src/', import.meta.url).pathname;
const sources = (await readdir(src, { recursive: true })).filter((name) => /\.(ts|tsx)$/.test(name));
const textOf = (name: string): Promise<string> => readFile(join(src, name), 'utf8');

test('no program is started through a shell, and only three files start any', async () => {
  const starting: string[] = [];
  for (const name of sources) {
    const text = await textOf(name);
    // Types of it are used in more places.
    if (/^import \{.*\} from 'node:child_process';/m.test(text)) starting.push(name);
    expect([name, /(?<!\.)\b(exec|execSync|spawnSync)\(|shell:\s*true/.test(text)]).toEqual([name, false]);
  }
  expect(starting.toSorted()).toEqual(['main/engines/process.ts', 'main/jobs/owner.ts', 'main/system/memory.ts']);
});

test('no text becomes code: neither of a model, nor of a file, nor of the page', async () => {
  for (const name of sources)
    expect([name, /\beval\(|new Function\(|dangerouslySetInnerHTML|\.innerHTML\s*=/.test(await textOf(name))]).toEqual([name, false]);
  // There a fixed line runs a tokenizer's pattern under a time limit.
  const contexts = await Promise.all(sources.map(async (name) => (/'node:vm'/.test(await textOf(name)) ? [name] : [])));
  expect(contexts.flat()).toEqual(['engine/convert/pre-tokenizer.ts']);
});

test('a model whose name a shell would take for commands is a model with a strange name', { timeout: 60_000 }, async () => {
  const root = temporaryFolder();
  const name = 'a; touch PWNED & $(touch PWNED) `touch PWNED` | b\n%APPDATA% "c';
  await rename(await tinyFolder(), join(root, name));
  await mkdir(join(root, 'out'));
  await quantize(join(root, name), join(root, 'out', `${name}.gguf`), 'Q8_0', { format: 'gguf' });
  expect(await readdir(join(root, 'out'))).toEqual([`${name}.gguf`]);
  expect((await readdir(root)).toSorted()).toEqual([name, 'out'].toSorted());
  expect(await readdir(process.cwd())).not.toContain('PWNED');
});

test('llama.cpp’s backend for other computers is not among the libraries', async () => {
  const { folder } = llamaLibraries(false);
  expect((await readdir(folder)).filter((name) => /rpc/i.test(name))).toEqual([]);
});
