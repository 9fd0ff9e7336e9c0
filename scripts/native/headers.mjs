import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { modules, root } from '../setup/paths.mjs';
import { readStamp, treeHash, writeStamp } from '../setup/stamp.mjs';
import { readBundle } from './git-bundle.mjs';

/** Where ggml's and llama.cpp's headers are put, with `lathe_llama_version.h`, which says whose they are. */
export const headersFolder = join(root, 'build', 'llama-headers');

const llamaFolder = join(modules, 'node-llama-cpp', 'llama');
const bundle = join(llamaFolder, 'gitRelease.bundle');

/**
 * The headers of exactly the llama.cpp whose libraries node-llama-cpp ships prebuilt, out of the source bundle that it
 * carries along.
 */
export function ensureHeaders() {
  const stamp = join(headersFolder, '.stamp');
  const hash = treeHash([bundle, fileURLToPath(import.meta.url)]);
  if (readStamp(stamp)['bundle'] === hash) return;
  const files = readBundle(bundle, ['', 'ggml', 'include', 'ggml/include']);
  const partial = `${headersFolder}.partial`;
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(partial, { recursive: true });
  for (const [path, content] of files) if (/^(ggml\/)?include\/.*\.h$/.test(path)) writeFileSync(join(partial, basename(path)), content);
  const { tag } = JSON.parse(readFileSync(join(llamaFolder, 'llama.cpp.info.json'), 'utf8'));
  const versions = {
    kLlamaRelease: tag,
    kLlamaVersion: versionIn(files.get('CMakeLists.txt'), 'LLAMA'),
    kGgmlVersion: versionIn(files.get('ggml/CMakeLists.txt'), 'GGML'),
  };
  const constants = Object.entries(versions).map(([name, value]) => `inline constexpr const char* ${name} = ${JSON.stringify(value)};`);
  writeFileSync(
    join(partial, 'lathe_llama_version.h'),
    `#pragma once\n\nnamespace lathe {\n\n${constants.join('\n')}\n\n}  // namespace lathe\n`,
  );
  writeStamp(join(partial, '.stamp'), { bundle: hash });
  rmSync(headersFolder, { recursive: true, force: true });
  renameSync(partial, headersFolder);
}

/**
 * @param {Buffer | undefined} cmakeLists
 * @param {string} project
 */
function versionIn(cmakeLists, project) {
  const text = cmakeLists?.toString('utf8') ?? '';
  const parts = ['MAJOR', 'MINOR', 'PATCH'].map((part) => new RegExp(`set\\(${project}_VERSION_${part} (\\d+)\\)`).exec(text)?.[1]);
  if (parts.includes(undefined)) throw new Error(`the source bundle of node-llama-cpp does not say ${project}'s version`);
  return parts.join('.');
}
