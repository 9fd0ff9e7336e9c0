import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SetupError } from '../setup/paths.mjs';

/** @typedef {'cmake' | 'compiler'} Tool */

/** Install commands: of each package manager for CMake and a C++20 compiler. @type {Record<string, { prefix: string, cmake: string, compiler: string }>} */
const managers = {
  apt: { prefix: 'sudo apt-get install -y', cmake: 'cmake', compiler: 'g++' },
  dnf: { prefix: 'sudo dnf install -y', cmake: 'cmake', compiler: 'gcc-c++' },
  pacman: { prefix: 'sudo pacman -S --needed', cmake: 'cmake', compiler: 'gcc' },
  zypper: { prefix: 'sudo zypper install -y', cmake: 'cmake', compiler: 'gcc-c++' },
};

/** By the names that distributions give themselves and their parents in /etc/os-release. @type {Record<string, string>} */
const managerOf = {
  debian: 'apt',
  ubuntu: 'apt',
  fedora: 'dnf',
  rhel: 'dnf',
  centos: 'dnf',
  arch: 'pacman',
  suse: 'zypper',
  opensuse: 'zypper',
};

const visualStudio =
  'winget install Microsoft.VisualStudio.2022.BuildTools --override "--passive --wait --add Microsoft.VisualStudio.Workload.VCTools --includeRecommended"';

/**
 * The command that installs what is missing.
 * @param {{ platform: string, osRelease: string, missing: Tool[] }} machine `osRelease`: text of /etc/os-release, '' where there is none
 * @returns {string | null} null where the system is not known
 */
function installCommand({ platform, osRelease, missing }) {
  const needs = (/** @type {Tool} */ tool) => missing.includes(tool);
  if (platform === 'darwin')
    return [needs('compiler') ? 'xcode-select --install' : '', needs('cmake') ? 'brew install cmake' : ''].filter(Boolean).join(' && ');
  // The build tools of Visual Studio bring their own CMake.
  if (platform === 'win32') return needs('compiler') ? visualStudio : 'winget install Kitware.CMake';
  const field = (/** @type {string} */ name) => new RegExp(`^${name}="?([^"\\n]*)`, 'm').exec(osRelease)?.[1] ?? '';
  const manager = `${field('ID')} ${field('ID_LIKE')}`
    .split(/[\s-]+/)
    .map((id) => managerOf[id])
    .find(Boolean);
  const words = managers[manager ?? ''];
  return words === undefined ? null : [words.prefix, ...missing.map((tool) => words[tool])].join(' ');
}

/**
 * What the user is told when something is missing: one line.
 * @param {Parameters<typeof installCommand>[0]} machine
 */
export function missingText(machine) {
  const names = { cmake: 'CMake', compiler: 'a C++ compiler' };
  const command = installCommand(machine);
  return `Lathe's native addon needs ${machine.missing.map((tool) => names[tool]).join(' and ')}. Install with: ${command ?? 'the package manager of your system'}`;
}

/**
 * The CMake program, after making sure that it and a compiler are here.
 * @returns {string}
 */
export function findCmake() {
  const visualStudioFolder = process.platform === 'win32' ? findVisualStudio() : null;
  const bundled =
    visualStudioFolder === null
      ? null
      : join(visualStudioFolder, 'Common7', 'IDE', 'CommonExtensions', 'Microsoft', 'CMake', 'CMake', 'bin', 'cmake.exe');
  const cmake = ['cmake', bundled].find((candidate) => candidate !== null && runs(candidate));
  const compiler = process.platform === 'win32' ? visualStudioFolder !== null : hasUnixCompiler();
  /** @type {Tool[]} */
  const missing = [];
  if (!cmake) missing.push('cmake');
  if (!compiler) missing.push('compiler');
  if (cmake && compiler) return cmake;
  const osRelease = existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : '';
  throw new SetupError(missingText({ platform: process.platform, osRelease, missing }));
}

/** CMake looks for the same names. On a Mac without developer tools, `c++` is there but only offers to install them. */
function hasUnixCompiler() {
  const named = process.env['CXX'];
  return (named !== undefined && named !== '' ? [named] : ['c++', 'g++', 'clang++']).some(runs);
}

/** @returns {string | null} the folder of a Visual Studio that can compile C++ */
function findVisualStudio() {
  const installer = join(
    process.env['ProgramFiles(x86)'] ?? 'C:\\Program Files (x86)',
    'Microsoft Visual Studio',
    'Installer',
    'vswhere.exe',
  );
  const component = `Microsoft.VisualStudio.Component.VC.Tools.${process.arch === 'arm64' ? 'ARM64' : 'x86.x64'}`;
  const found = spawnSync(installer, ['-latest', '-products', '*', '-requires', component, '-property', 'installationPath'], {
    encoding: 'utf8',
  });
  const folder = found.stdout?.trim().split(/\r?\n/)[0];
  return found.status === 0 && folder ? folder : null;
}

/** Ninja starts faster than make and says less. */
export const hasNinja = () => runs('ninja');

/** @param {string} program */
const runs = (program) => spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0;
