import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import { AppError } from '#core/errors/index.ts';

/** llama.cpp's library for one kind of graphics card, or for none: as node-llama-cpp's `llama.gpu` tells it. */
export type LlamaVariant = 'cuda' | 'vulkan' | 'metal' | false;

/** Where one variant's libraries lie. */
export interface LlamaLibraries {
  readonly variant: LlamaVariant;
  /** llama.cpp's tag that they were built from. */
  readonly release: string;
  /** Folder of the libraries, and of ggml's backends. */
  readonly folder: string;
  readonly ggmlBase: string;
  readonly ggml: string;
  readonly llama: string;
  /** Backends for older drivers, tried where those in `folder` find no card. */
  readonly fallbackFolders: readonly string[];
}

/** In a packaged app the program lies in an archive, and what the system has to load lies beside it. */
const outsideArchive = (folder: string): string => folder.replace(`${sep}app.asar`, `${sep}app.asar.unpacked`);

/** What this copy of Lathe has installed at `path`: looked for in this file's folder and those around it. Null when nowhere. */
export function findInstalled(path: string): string | null {
  let folder = import.meta.dirname;
  for (;;) {
    const candidate = join(outsideArchive(folder), path);
    if (existsSync(candidate)) return candidate;
    const parent = dirname(folder);
    if (parent === folder) return null;
    folder = parent;
  }
}

const platformNames: Partial<Record<NodeJS.Platform, string>> = { linux: 'linux', darwin: 'mac', win32: 'win' };
const archNames: Partial<Record<NodeJS.Architecture, string>> = { x64: 'x64', arm64: 'arm64', arm: 'armv7l' };

/**
 * The libraries of a variant, in the package of prebuilt ones that node-llama-cpp has installed. Throws
 * `native.librariesMissing`.
 */
export function llamaLibraries(variant: LlamaVariant): LlamaLibraries {
  const machine = `${platformNames[process.platform] ?? process.platform}-${archNames[process.arch] ?? process.arch}`;
  // A Mac with Apple's processor always has Metal: there is no package without it.
  const suffix = variant === false ? (machine === 'mac-arm64' ? '-metal' : '') : `-${variant}`;
  const name = `${machine}${suffix}`;
  const binaries = (extension = ''): string => join('node_modules', '@node-llama-cpp', `${name}${extension}`, 'bins', name);
  const folder = findInstalled(binaries());
  const missing = (path: string): AppError => new AppError('native.librariesMissing', { path });
  if (folder === null) throw missing(binaries());

  const files = readdirSync(folder);
  const library = (stem: string): string => {
    // libggml-base.so, libggml.v0.4.0.so, libggml.cuda.v0.4.0.so; .dylib and .dll likewise, the latter without "lib".
    const pattern = new RegExp(`^(lib)?${stem}(\\.[a-z]+)?(\\.v[\\d.]+)?\\.(so|dylib|dll)$`);
    const file = files.find((candidate) => pattern.test(candidate));
    if (file === undefined) throw missing(join(folder, stem));
    return join(folder, file);
  };
  const fallbacks = [findInstalled(join(binaries('-ext'), 'fallback')), findInstalled(join(binaries(), 'fallback'))];
  return {
    variant,
    release: releaseOf(folder),
    folder,
    ggmlBase: library('ggml-base'),
    ggml: library('ggml'),
    llama: library('llama'),
    fallbackFolders: variant === false ? [] : fallbacks.filter((path) => path !== null),
  };
}

/** What node-llama-cpp notes beside its libraries. */
function releaseOf(folder: string): string {
  const path = join(folder, '_nlcBuildMetadata.json');
  try {
    const noted = JSON.parse(readFileSync(path, 'utf8')) as { buildOptions?: { llamaCpp?: { release?: unknown } } };
    const release = noted.buildOptions?.llamaCpp?.release;
    if (typeof release === 'string') return release;
  } catch {
    // Told below, as if it said nothing.
  }
  throw new AppError('native.librariesMissing', { path });
}
