// Builds the native addon: `node scripts/build-native.mjs [--sanitize] [--force]`. Plain Node 20 and no packages but the
// two that hold the Node-API headers.
//
// --sanitize builds it with AddressSanitizer and UndefinedBehaviorSanitizer into build/native-asan instead. Node has to be
// started with their libraries (and the C++ library, whose exceptions they watch) for that one to load:
//   LD_PRELOAD="$(g++ -print-file-name=libasan.so) $(g++ -print-file-name=libstdc++.so)" ASAN_OPTIONS=detect_leaks=0 \
//   LATHE_NATIVE=$PWD/build/native-asan/lathe.node npx vitest run test/native test/engine/train/trainer.test.ts
import { spawn } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureHeaders, headersFolder } from './native/headers.mjs';
import { findCmake, hasNinja } from './native/toolchain.mjs';
import { modules, root, say, SetupError } from './setup/paths.mjs';
import { exclusively, readStamp, treeHash, writeStamp } from './setup/stamp.mjs';

const builtFile = 'lathe.node';
const addon = join(root, 'out', 'native', builtFile);

/** All that the binary is made from. */
const sources = [
  ...['src/native', 'scripts/native', 'scripts/build-native.mjs'].map((path) => join(root, path)),
  ...['node-llama-cpp', 'node-addon-api', 'node-api-headers'].map((name) => join(modules, name, 'package.json')),
];

/** Environment variables by which CMake can be told to build something else. */
const steering = ['CXX', 'CXXFLAGS', 'LDFLAGS', 'CMAKE_GENERATOR', 'MACOSX_DEPLOYMENT_TARGET'];

/** What a build was made for. With another machine or compiler it begins anew; CMake would stay with its first choice. */
const goal = () => ({
  sources: treeHash(sources),
  toolchain: [process.platform, process.arch, ...steering.map((name) => process.env[name] ?? '')].join('|'),
});

/**
 * Build the addon, unless nothing has changed since it was last built.
 * @param {{ sanitize?: boolean, force?: boolean }} [options]
 * @returns {Promise<string>} the path of the addon
 */
export async function buildNative({ sanitize = false, force = false } = {}) {
  const buildFolder = join(root, 'build', sanitize ? 'native-asan' : 'native');
  const target = sanitize ? join(buildFolder, builtFile) : addon;
  const stamp = join(buildFolder, '.stamp');
  const isFresh = () => {
    const { sources: madeFrom, toolchain: madeWith } = readStamp(stamp);
    const wanted = goal();
    return !force && existsSync(target) && madeFrom === wanted.sources && madeWith === wanted.toolchain;
  };
  if (isFresh()) return target;
  await exclusively(join(modules, '.lathe-building-native'), async () => {
    if (isFresh()) return;
    const cmake = findCmake();
    const wanted = goal();
    if (readStamp(stamp)['toolchain'] !== wanted.toolchain) rmSync(buildFolder, { recursive: true, force: true });
    ensureHeaders();
    say(label);
    const configure = () =>
      runCmake(cmake, [
        '-S',
        join(root, 'src', 'native'),
        '-B',
        buildFolder,
        ...chooseGenerator(buildFolder),
        '-DCMAKE_BUILD_TYPE=Release',
        `-DLATHE_SANITIZE=${sanitize ? 'ON' : 'OFF'}`,
        `-DLATHE_LLAMA_HEADERS=${headersFolder}`,
        `-DLATHE_NODE_ADDON_API=${join(modules, 'node-addon-api')}`,
        `-DLATHE_NODE_API_HEADERS=${join(modules, 'node-api-headers')}`,
      ]);
    try {
      await configure();
    } catch (error) {
      // What was configured for another folder or another CMake cannot be changed, only begun anew.
      if (!existsSync(buildFolder)) throw error;
      rmSync(buildFolder, { recursive: true });
      await configure();
    }
    await runCmake(cmake, ['--build', buildFolder, '--config', 'Release', '--parallel', String(availableParallelism())]);
    if (target !== join(buildFolder, builtFile)) replaceFile(join(buildFolder, builtFile), target);
    writeStamp(stamp, wanted);
  });
  return target;
}

/**
 * Ninja where there is one, else what CMake prefers; once chosen, it stays.
 * @param {string} buildFolder
 */
function chooseGenerator(buildFolder) {
  const isChosen = process.env['CMAKE_GENERATOR'] !== undefined || existsSync(join(buildFolder, 'CMakeCache.txt'));
  return !isChosen && process.platform !== 'win32' && hasNinja() ? ['-G', 'Ninja'] : [];
}

/** A loaded library must not be written over: processes that run with it would read a mixture. @param {string} from @param {string} to */
function replaceFile(from, to) {
  mkdirSync(dirname(to), { recursive: true });
  const partial = `${to}.${process.pid}.partial`;
  copyFileSync(from, partial);
  renameSync(partial, to);
}

const label = 'Building the native addon…';

/** What CMake prints while it compiles: `[ 50%]` of make, `[3/12]` of Ninja. */
const stepPattern = /^\[\s*(\d+%|\d+\/\d+)\]/gm;

/**
 * Run CMake, with one line for the user: how far it is.
 * @param {string} cmake
 * @param {string[]} args
 */
async function runCmake(cmake, args) {
  const child = spawn(cmake, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (/** @type {string} */ text) => {
      output += text;
      const step = [...text.matchAll(stepPattern)].at(-1)?.[1];
      // Over the line that is there already.
      if (step !== undefined && process.stderr.isTTY) process.stderr.write(`\u001b[1A\r\u001b[K${label} ${step}\n`);
    });
  }
  /** @type {number | null} */
  const code = await new Promise((answer, reject) => child.on('error', reject).on('close', answer));
  if (code !== 0) throw new SetupError(`${output.trim()}\nThe native addon could not be built (cmake ${args[0]}, exit code ${code}).`);
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  try {
    await buildNative({ sanitize: process.argv.includes('--sanitize'), force: process.argv.includes('--force') });
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    say(error.message);
    process.exitCode = 1;
  }
}
