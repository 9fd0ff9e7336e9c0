import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MiB } from '#core/bytes.ts';
import { createEngines, forkEngine, type Engines } from '#main/engines/index.ts';
import { copyMs, makeModel } from './files.ts';
import { median, spread, type BenchRow } from './row.ts';

export const name = 'convert';

const ROUNDS = 6;
const entry = fileURLToPath(new URL('../../src/engine/index.ts', import.meta.url));

/** The most memory that a process has had resident, as Linux keeps it; elsewhere what the engine reported last. */
async function peakBytes(engines: Engines): Promise<number> {
  const [engine] = engines.processes();
  const status = await readFile(`/proc/${engine?.pid}/status`, 'utf8').catch(() => '');
  const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1];
  return kilobytes === undefined ? (engine?.residentBytes ?? Number.NaN) : Number(kilobytes) * 1024;
}

async function convertMs(engines: Engines, modelPath: string, outputPath: string): Promise<number> {
  const { tensor } = await engines.tensor();
  const startMs = performance.now();
  const request = { modelPath, target: 'F16', outputPath, name: 'bench', options: {}, scratchFolder: tmpdir(), threads: null };
  for await (const event of tensor.quantize(request)) {
    if (event.type !== 'finished') continue;
    const durationMs = performance.now() - startMs;
    await rm(outputPath);
    return durationMs;
  }
  throw new Error('the conversion did not finish');
}

/** Conversion of a Hugging Face folder to F16, held against a plain copy of the same bytes in the same run; and its peak memory. */
export async function run(): Promise<BenchRow[]> {
  const root = await mkdtemp(join(tmpdir(), 'lathe-bench-'));
  try {
    const sizes = { small: await makeModel(join(root, 'small'), 3), large: await makeModel(join(root, 'large'), 12) };
    const peaks = { small: 0, large: 0 };
    const converted: number[] = [];
    const copied: number[] = [];
    const synced: number[] = [];
    for (const size of ['small', 'large'] as const) {
      const engines = createEngines({ spawn: (kind) => forkEngine(kind, { entry }), log: () => undefined });
      const modelPath = join(root, size);
      const weights = join(modelPath, 'model.safetensors');
      // In turns, so that a busy moment of the machine meets all; the first round only warms up.
      for (let round = 0; round <= (size === 'large' ? ROUNDS : 1); round += 1) {
        const copy = await copyMs(weights, join(root, 'copy'), false);
        const conversion = await convertMs(engines, modelPath, join(root, 'out.gguf'));
        const sync = await copyMs(weights, join(root, 'copy'), true);
        if (size === 'small' || round === 0) continue;
        copied.push(copy);
        converted.push(conversion);
        synced.push(sync);
      }
      peaks[size] = await peakBytes(engines);
      await engines.close();
    }
    const rate = (durationMs: number): number => sizes.large / MiB / (durationMs / 1000);
    const speed = (what: string, durations: readonly number[], note = ''): BenchRow => ({
      name: `convert: ${what}`,
      value: median(durations.map(rate)),
      unit: 'MiB/s',
      spread: spread(durations.map(rate), 0),
      note,
    });
    return [
      speed('speed', converted, `BF16 to F16, ${Math.round(sizes.large / MiB)} MiB, on the disk when it ends`),
      speed('cp of the same bytes', copied, 'in the cache when it ends'),
      speed('cp of the same bytes, then sync', synced, 'on the disk when it ends'),
      { name: 'convert: ratio to cp', value: median(copied) / median(converted), unit: '×', goal: '≥ 0.5' },
      { name: 'convert: ratio to cp, then sync', value: median(synced) / median(converted), unit: '×' },
      {
        name: 'convert: peak memory',
        value: peaks.large / MiB,
        unit: 'MiB',
        goal: '< 1024',
        note: 'resident memory of the engine process',
      },
      {
        name: 'convert: peak memory for a quarter of the model',
        value: peaks.small / MiB,
        unit: 'MiB',
        goal: 'about the same',
        note: `${Math.round(sizes.small / MiB)} MiB of weights`,
      },
    ];
  } finally {
    await rm(root, { recursive: true });
  }
}
