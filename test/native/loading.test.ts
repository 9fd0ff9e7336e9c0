import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { getLlama, LlamaLogLevel } from 'node-llama-cpp';
import { describe, expect, test } from 'vitest';
import { llamaLibraries, type LlamaLibraries } from '#engine/llama-libraries.ts';
import { loadNative } from '#engine/native.ts';
import { writeGeneratedModel } from '#test/engine/generated-model.ts';
import { errorOf } from '#test/expect-error.ts';
import { randomText, writeBigramModel } from './bigram-model.ts';

const here = fileURLToPath(new URL('..', import.meta.url));

/** What a script prints, run in a process of its own: which libraries a process has loaded can't be taken back. */
async function printed(script: string): Promise<string> {
  const imports = `import { loadNative } from '#engine/native.ts'; import { llamaLibraries } from '#engine/llama-libraries.ts';`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', `${imports}\n${script}`], { cwd: here });
  return stdout.trim();
}

/** A copy of the libraries in which each `from` became `to`, of the same length, in one of the files. */
function patchedLibraries(file: 'ggmlBase' | 'llama', from: string, to: string): LlamaLibraries {
  const libraries = llamaLibraries(false);
  const folder = join(mkdtempSync(join(tmpdir(), 'lathe-libraries-')), 'bin');
  cpSync(realpathSync(libraries.folder), folder, { recursive: true });
  const moved = (path: string): string => join(folder, basename(path));
  const bytes = readFileSync(libraries[file]);
  for (let at = bytes.indexOf(from); at >= 0; at = bytes.indexOf(from, at + 1)) bytes.write(to, at, 'latin1');
  writeFileSync(moved(libraries[file]), bytes);
  return { ...libraries, folder, ggmlBase: moved(libraries.ggmlBase), ggml: moved(libraries.ggml), llama: moved(libraries.llama) };
}

const tryToLoad = (libraries: LlamaLibraries): string =>
  `try { loadNative({ libraries: ${JSON.stringify(libraries)} }); console.log('loaded'); } catch ({ code, params }) { console.log(JSON.stringify({ code, params })); }`;

test('the libraries are of the release whose headers were compiled', () => {
  const { release, llama, ggml } = loadNative().versions;
  expect(release).toBe(llamaLibraries(false).release);
  // What llama.cpp's tag says: v0.4.0.
  expect(llama.replace('-dev', '')).toBe(release.slice(1));
  expect(ggml).toMatch(/^\d+\.\d+\.\d+$/);
});

test('there is a processor to compute with, and its features are told', () => {
  const { devices, kernels, llama } = loadNative().systemInfo();
  expect(devices.find(({ kind }) => kind === 'cpu')).toMatchObject({ name: 'CPU', backend: 'CPU' });
  expect(devices.every(({ totalBytes, freeBytes }) => totalBytes >= freeBytes)).toBe(true);
  expect(kernels.avx2).toBe(/AVX2 = 1/.test(llama) && /F16C = 1/.test(llama));
});

describe('libraries of another version are refused', () => {
  test('by what node-llama-cpp notes beside them', async () => {
    const libraries = { ...llamaLibraries(false), release: 'v9.9.9' };
    expect(await errorOf(() => loadNative({ libraries }))).toMatchObject({
      code: 'native.versionMismatch',
      params: { library: 'llama.cpp', expected: llamaLibraries(false).release, found: 'v9.9.9' },
    });
  });

  test('by what ggml says of itself', async () => {
    const { ggml } = loadNative().versions;
    const other = ggml.replace(/^\d/, '9');
    const answer: unknown = JSON.parse(await printed(tryToLoad(patchedLibraries('ggmlBase', ggml, other))));
    expect(answer).toEqual({ code: 'native.versionMismatch', params: { library: 'ggml', expected: ggml, found: other } });
  });

  test('by what llama.cpp says of itself', async () => {
    const { llama } = loadNative().versions;
    const other = llama.replace(/^\d/, '9');
    const answer: unknown = JSON.parse(await printed(tryToLoad(patchedLibraries('llama', llama, other))));
    expect(answer).toMatchObject({ code: 'native.versionMismatch', params: { library: 'llama.cpp', found: other } });
  });
});

test('a second variant in one process is refused, and the first goes on', async () => {
  const native = loadNative();
  const libraries = { ...llamaLibraries(false), folder: tmpdir() };
  expect((await errorOf(() => loadNative({ libraries }))).code).toBe('native.otherVariant');
  expect(loadNative().versions).toEqual(native.versions);
});

test('what is missing is named', async () => {
  const missing = { ...llamaLibraries(false), folder: tmpdir(), llama: join(tmpdir(), 'libnowhere.so') };
  expect(JSON.parse(await printed(tryToLoad(missing)))).toMatchObject({ code: 'native.librariesMissing', params: { path: missing.llama } });
  const addonPath = join(tmpdir(), 'nowhere.node');
  expect(await errorOf(() => loadNative({ addonPath }))).toMatchObject({ code: 'native.addonMissing', params: { path: addonPath } });
  const notAnAddon = join(mkdtempSync(join(tmpdir(), 'lathe-addon-')), 'text.node');
  writeFileSync(notAnAddon, 'text');
  expect((await errorOf(() => loadNative({ addonPath: notAnAddon }))).code).toBe('native.addonMissing');
});

test('node-llama-cpp and the addon share the libraries of a process', async () => {
  const llama = await getLlama({ gpu: false, build: 'never', skipDownload: true, progressLogs: false, logLevel: LlamaLogLevel.error });
  const path = join(mkdtempSync(join(tmpdir(), 'lathe-shared-')), 'model.gguf');
  await writeGeneratedModel(path);
  const measure = (): Promise<{ readonly nll: number }> =>
    loadNative().perplexity({ modelPath: path, text: randomText(200, 1), contextLength: 32, threads: 1 });
  const before = await measure();
  const model = await llama.loadModel({ modelPath: path });
  const tokens = model.tokenize('bad cab');
  await model.dispose();
  expect([...(await loadNative().tokenize({ modelPath: path, text: 'bad cab' }))]).toEqual([...tokens]);
  expect(await measure()).toEqual(before);
});

test('a process ends at once although a measurement is under way', async () => {
  const { path } = writeBigramModel();
  const job = `loadNative().perplexity({ modelPath: ${JSON.stringify(path)}, text: 'abcd'.repeat(1e6), contextLength: 64, threads: 1 });`;
  const startedMs = performance.now();
  expect(await printed(`void ${job}; setTimeout(() => { console.log('ended'); process.exit(0); }, 300);`)).toBe('ended');
  expect(performance.now() - startedMs).toBeLessThan(10_000);
});
