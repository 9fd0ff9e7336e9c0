import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { XorShift32 } from '#core/demo/random.ts';
import { loadNative } from '#engine/native.ts';
import { writeFamilyModel } from './family-models.ts';
import { tales } from './story-data.ts';

const program = fileURLToPath(new URL('./program.ts', import.meta.url));
const KILLS = 20;

/** Run the program; kill it so many milliseconds after its first new checkpoint. @returns whether it came to its end. */
async function life(args: readonly string[], killAfterMs: number | null): Promise<boolean> {
  const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  let isDone = false;
  let timer: NodeJS.Timeout | undefined;
  for await (const line of createInterface({ input: child.stdout })) {
    if (line === 'done') isDone = true;
    else if (killAfterMs !== null) timer ??= setTimeout(() => child.kill('SIGKILL'), killAfterMs);
  }
  clearTimeout(timer);
  await exited;
  return isDone;
}

/** What a log says, but for time and memory. */
const curveOf = async (runFolder: string): Promise<unknown[]> =>
  (await readFile(join(runFolder, 'log.jsonl'), 'utf8'))
    .trim()
    .split('\n')
    .map((line) => {
      const { tokens_per_second: _, seconds_left: __, memory_bytes: ___, ...entry } = JSON.parse(line) as Record<string, unknown>;
      return entry;
    });

test('a run that is killed twenty times at random instants ends with the bytes of one that was not', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'lathe-kill-'));
  const model = join(folder, 'tiny.gguf');
  const data = join(folder, 'tales.jsonl');
  await writeFamilyModel(loadNative(), model, { family: 'llama', layers: 2 });
  await writeFile(data, tales(60));
  const [whole, killed] = [join(folder, 'whole'), join(folder, 'killed')];
  for (const path of [whole, killed]) await mkdir(path);
  expect(await life([model, data, whole], null)).toBe(true);

  const random = new XorShift32(20);
  let kills = 0;
  for (; kills < KILLS; kills++) if (await life([model, data, killed], random.next() % 120)) break;
  // The kills came while there was work left.
  expect(kills).toBe(KILLS);
  expect(await life([model, data, killed], null)).toBe(true);

  for (const file of ['adapter.gguf', 'adapter/adapter_model.safetensors', 'adapter/adapter_config.json'])
    expect(await readFile(join(killed, file))).toEqual(await readFile(join(whole, file)));
  expect(await curveOf(killed)).toEqual(await curveOf(whole));
}, 600_000);
