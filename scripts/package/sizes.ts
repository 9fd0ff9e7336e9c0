import { spawn } from 'node:child_process';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { MiB } from '#core/bytes.ts';

async function sizeOf(path: string): Promise<number> {
  const found = await stat(path).catch(() => null);
  if (found === null) return 0;
  if (!found.isDirectory()) return found.size;
  const sizes = await Promise.all((await readdir(path)).map((name) => sizeOf(join(path, name))));
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** What files take as installers pack them: a tar archive, by xz as deb and rpm do. Zero where there is no tar with xz. */
function packedSize(folder: string, names: readonly string[]): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn('tar', ['-cJf', '-', ...names], {
      cwd: folder,
      env: { ...process.env, XZ_OPT: '-6' },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    let size = 0;
    child.stdout.on('data', (bytes: Buffer) => (size += bytes.length));
    child.on('error', () => resolve(0));
    child.on('close', (code) => resolve(code === 0 ? size : 0));
  });
}

/** What is in an unpacked package, beside Electron, as a Markdown table. */
export async function packageSizes(app: string): Promise<string> {
  const resources = join(app, 'resources');
  const unpacked = join(resources, 'app.asar.unpacked', 'node_modules', '@node-llama-cpp');
  const rows: [string, number][] = [['the app and its dependencies', await sizeOf(join(resources, 'app.asar'))]];
  for (const name of await readdir(unpacked)) {
    const size = await sizeOf(join(unpacked, name));
    // Of other systems there is a package.json.
    if (size > 0.05 * MiB) rows.push([`llama.cpp, ${name}`, size]);
  }
  const listed = rows.reduce((sum, [, size]) => sum + size, 0);
  const all = await sizeOf(resources);
  rows.push(['other native files', all - listed], ['together', all], ['together, by xz', await packedSize(app, ['resources'])]);
  return ['| part | MiB |', '| --- | ---: |', ...rows.map(([name, size]) => `| ${name} | ${(size / MiB).toFixed(1)} |`)].join('\n');
}
