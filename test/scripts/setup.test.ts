import { spawn } from 'node:child_process';
import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { noWindowReason } from '../../scripts/setup/desktop.mjs';
import { exclusively, readStamp, treeHash, writeStamp } from '../../scripts/setup/stamp.mjs';

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'lathe-setup-'));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

const scripts = new URL('../../scripts/', import.meta.url);

describe('stamps', () => {
  test('keep their other fields when one changes', async () => {
    const file = join(await folder(), 'new', '.stamp');
    expect(readStamp(file)).toEqual({});
    writeStamp(file, { lock: 'a', electronFailedMs: 5 });
    writeStamp(file, { lock: 'b' });
    expect(readStamp(file)).toEqual({ lock: 'b', electronFailedMs: 5 });
  });

  test.each(['', 'not json', 'null', '7'])('one that holds %j counts as none', async (text) => {
    const file = join(await folder(), '.stamp');
    await writeFile(file, text);
    expect(readStamp(file)).toEqual({});
  });
});

describe('the hash of sources', () => {
  test('changes with a file’s content length, its time, a new file and a removed one', async () => {
    const root = await folder();
    const file = join(root, 'a.ts');
    await writeFile(file, 'one');
    await utimes(file, 1, 1);
    const seen = [treeHash([root])];
    expect(treeHash([root])).toBe(seen[0]);
    await utimes(file, 1, 2);
    seen.push(treeHash([root]));
    await writeFile(file, 'three');
    await utimes(file, 1, 2);
    seen.push(treeHash([root]));
    await writeFile(join(root, 'b.ts'), '');
    seen.push(treeHash([root]));
    await rm(file);
    seen.push(treeHash([root]));
    expect(new Set(seen).size).toBe(5);
  });

  test('a path that is not there is no error', async () => {
    expect(treeHash([join(await folder(), 'missing')])).toMatch(/^[0-9a-f]{64}$/);
  });
});

describe('a step that only one process may do', () => {
  test('is done by one at a time', async () => {
    const lock = join(await folder(), 'lock');
    let inside = 0;
    let most = 0;
    const step = async () => {
      most = Math.max(most, ++inside);
      await new Promise((resolve) => setTimeout(resolve, 20));
      inside -= 1;
    };
    await Promise.all([1, 2, 3].map(() => exclusively(lock, step)));
    expect(most).toBe(1);
  });

  test('is not blocked by a process that died in it', async () => {
    const lock = join(await folder(), 'lock');
    const child = spawn(process.execPath, ['-e', '']);
    await new Promise((resolve) => child.on('exit', resolve));
    await writeFile(lock, String(child.pid));
    expect(await exclusively(lock, () => Promise.resolve('done'))).toBe('done');
  });

  test('lets the next one in after a failure', async () => {
    const lock = join(await folder(), 'lock');
    await expect(exclusively(lock, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await exclusively(lock, () => Promise.resolve('done'))).toBe('done');
  });
});

describe('whether a window can open', () => {
  test.each([
    ['linux', {}, 1000, 'there is no display'],
    ['linux', { DISPLAY: '' }, 1000, 'there is no display'],
    ['linux', { DISPLAY: ':0' }, 1000, null],
    ['linux', { WAYLAND_DISPLAY: 'wayland-0' }, 1000, null],
    ['linux', { DISPLAY: ':0' }, 0, 'Electron does not run as root'],
    ['darwin', {}, 501, null],
    ['win32', {}, undefined, null],
  ])('on %s with %j as user %s: %s', (platform, env, uid, reason) => {
    expect(noWindowReason({ platform, env, uid })).toBe(reason);
  });
});

describe('a child that takes our place', () => {
  /** Run a program through `runInPlace` in a process of its own; resolves with what came out of it. */
  function runInPlace(program: string, whenRunning?: (pid: number) => void): Promise<{ code: number | null; output: string }> {
    const module = new URL('setup/child.mjs', scripts).href;
    const script = `import { runInPlace } from ${JSON.stringify(module)};
      const { code } = await runInPlace(process.execPath, ['-e', ${JSON.stringify(program)}, 'x y', '"quoted"']);
      process.exitCode = code;`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script]);
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      if (text.includes('running') && child.pid !== undefined) whenRunning?.(child.pid);
    });
    return new Promise((resolve) => child.on('close', (code) => resolve({ code, output })));
  }

  test('gets its arguments as they are, and gives its exit code', async () => {
    const ran = await runInPlace('console.log(JSON.stringify(process.argv.slice(1))); process.exitCode = 7');
    expect(ran).toEqual({ code: 7, output: '["x y","\\"quoted\\""]\n' });
  });

  test('that a signal ended gives 128 and the signal’s number', async () => {
    expect((await runInPlace('process.kill(process.pid, "SIGKILL")')).code).toBe(137);
  });

  test('ends with the npm that started it', async () => {
    const module = new URL('setup/child.mjs', scripts).href;
    const program = `process.on('SIGTERM', () => { console.log('told to end'); process.exit(0); }); setInterval(() => {}, 1000); console.log('running')`;
    const script = `import { runInPlace } from ${JSON.stringify(module)}; await runInPlace(process.execPath, ['-e', ${JSON.stringify(program)}]);`;
    // In npm's place: a process that starts ours, and then ends without telling it.
    const npm = `const { spawn } = require('node:child_process');
      spawn(process.execPath, ['--input-type=module', '-e', ${JSON.stringify(script)}], { stdio: 'inherit' });`;
    const child = spawn(process.execPath, ['-e', npm], {
      env: { ...process.env, npm_lifecycle_event: 'start' },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      if (text.includes('running')) child.kill('SIGKILL');
    });
    await new Promise((resolve) => child.stdout.on('close', resolve));
    expect(output).toBe('running\ntold to end\n');
  });

  test.each(['SIGINT', 'SIGTERM'] as const)('hears %s', async (signal) => {
    const program = `process.on('${signal}', () => { console.log('heard'); process.exit(3); }); setInterval(() => {}, 1000); console.log('running')`;
    const ran = await runInPlace(program, (pid) => process.kill(pid, signal));
    expect(ran.code).toBe(3);
    expect(ran.output).toContain('heard');
  });
});

describe('the way in', () => {
  const bootstrap = (...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> => {
    const child = spawn(process.execPath, [fileURLToPath(new URL('bootstrap.mjs', scripts)), ...args]);
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    return new Promise((resolve) => child.on('close', (code) => resolve({ code, stdout, stderr })));
  };

  test('names its commands when asked for another', async () => {
    const { code, stdout, stderr } = await bootstrap('dance');
    expect(code).toBe(1);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^Usage: node scripts\/bootstrap\.mjs start \| lathe \| test \| [a-z -|]+\n$/);
  });

  test('an old Node is told so in one line', async () => {
    const entry = new URL('bootstrap.mjs', scripts).href;
    const pretend = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '18.20.0' } });
      Object.defineProperty(process, 'version', { value: 'v18.20.0' });
      process.argv = [process.argv[0], 'bootstrap.mjs', 'start'];
      await import(${JSON.stringify(entry)});`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', pretend]);
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    const code = await new Promise((resolve) => child.on('close', resolve));
    expect(code).toBe(1);
    expect(stderr).toMatch(/^Lathe needs Node 20 or newer to start; this is v18\.20\.0\..*\n$/);
  });
});
