import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { MiB } from '#core/bytes.ts';
import { demoFromText, demoShape } from '#core/demo/from-text.ts';
import { writeHfFolder } from '#engine/demo.ts';
import { makeAdapter } from './adapters/make-adapter.ts';
import { makeModel } from './files.ts';
import { median, spread, type BenchRow } from './row.ts';
import type { TrainRun, TrainSettings } from './train/settings.ts';

export const name = 'train';

const THREADS = 2;
const RANK = 16;
const LENGTH = 256;
const TYPES = ['F32', 'Q8_0', 'Q4_0', 'Q4_K_M'] as const;

interface Size {
  readonly name: string;
  readonly make: (folder: string) => Promise<unknown>;
  readonly rounds: number;
  /** Of a run; the first warms up. */
  readonly steps: number;
  readonly rows: number;
  readonly checkpointing: readonly boolean[];
}
const sizes: readonly Size[] = [
  { name: '31 M', make: makeSmallModel, rounds: 3, steps: 4, rows: 4, checkpointing: [false, true] },
  { name: '508 M', make: (folder) => makeModel(folder, 12), rounds: 1, steps: 3, rows: 2, checkpointing: [false, true] },
];
const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url));
const execute = promisify(execFile);

/** A llama in float32 with 31 million parameters, its embedding apart. */
async function makeSmallModel(folder: string): Promise<void> {
  const text = await readFile(new URL('../../resources/demo/stories.txt', import.meta.url), 'utf8');
  const shape = { ...demoShape, layerCount: 10, embeddingLength: 512, feedForwardLength: 1536, headCount: 8, headCountKv: 4 };
  await writeHfFolder(demoFromText({ ...shape, dtype: 'F32', text, seed: 1 }), folder);
}

/** Seeded tokens: what they say does not matter to speed, only that both get the same. */
function makeRows(count: number, vocabulary: number): number[][] {
  let state = 7;
  const next = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return 3 + (state % (vocabulary - 3));
  };
  return Array.from({ length: count }, () => Array.from({ length: LENGTH }, next));
}

type Run = TrainRun & { readonly versions?: string };

/** LoRA of all matrices by Lathe on each type of base, and by PyTorch and PEFT in float32 on the same model, beginning and rows. */
export async function run(): Promise<BenchRow[]> {
  const rows: BenchRow[] = [];
  for (const size of sizes) {
    const root = await mkdtemp(join(tmpdir(), 'lathe-bench-'));
    try {
      rows.push(...(await race(size, root)));
    } finally {
      await rm(root, { recursive: true });
    }
  }
  return rows;
}

async function race({ name: size, make, rounds, steps, rows: rowCount, checkpointing: modes }: Size, root: string): Promise<BenchRow[]> {
  const at = (file: string): string => join(root, file);
  const python = process.env['LATHE_PEFT_PYTHON'];
  const speeds = ({ seconds }: Run): number[] => seconds.slice(1).map((each) => (rowCount * LENGTH) / each);
  const rowsOf = (what: string, runs: readonly Run[], note = ''): BenchRow => {
    const peak = median(runs.map(({ peakBytes }) => peakBytes / MiB));
    const memory = `${Math.round(peak)} MiB at most`;
    const all = runs.flatMap(speeds);
    const label = { name: `train: ${size}, ${what}`, unit: 'tokens/s', note: note === '' ? memory : `${memory}; ${note}` };
    return { ...label, value: median(all), spread: spread(all, 0) };
  };
  await make(at('model'));
  await makeAdapter(at('model'), at('adapter'), RANK);
  const common: Omit<TrainSettings, 'model' | 'checkpointing'> = {
    adapter: at('adapter'),
    rows: makeRows(rowCount, 300),
    rank: RANK,
    alpha: 2 * RANK,
    learningRate: 1e-3,
    steps,
    threads: THREADS,
    device: 'CPU',
  };
  const train = async (command: string, script: string, settings: TrainSettings): Promise<Run> => {
    await writeFile(at('settings.json'), JSON.stringify(settings));
    const { stdout } = await execute(command, [here(script), at('settings.json')]);
    return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Run;
  };
  for (const type of TYPES)
    await execute(process.execPath, [here('quantize/child.ts'), at('model'), at(`${type}.gguf`), type, `${THREADS}`]);

  const rows: BenchRow[] = [];
  for (const checkpointing of modes) {
    const found = new Map<string, Run[]>(TYPES.map((type) => [type, []]));
    const theirs: Run[] = [];
    // In turns, so that a busy moment of the machine meets all.
    for (let round = 0; round < rounds; round += 1) {
      for (const type of TYPES)
        found.get(type)?.push(await train(process.execPath, 'train/child.ts', { ...common, model: at(`${type}.gguf`), checkpointing }));
      if (python !== undefined) theirs.push(await train(python, 'train/peft-train.py', { ...common, model: at('model'), checkpointing }));
    }
    const how = checkpointing ? 'with checkpointing' : 'without checkpointing';
    for (const [type, runs] of found) rows.push(rowsOf(`${type}, ${how}`, runs));
    if (theirs.length === 0) continue;
    rows.push(rowsOf(`PyTorch and PEFT, F32, ${how}`, theirs, theirs[0]?.versions));
    const own = found.get('F32') ?? [];
    const ratios = own.map((each, i) => median(speeds(each)) / median(speeds(theirs[i] ?? each)));
    const apart = own.flatMap((each, i) => each.losses.map((loss, step) => Math.abs(loss - (theirs[i]?.losses[step] ?? Number.NaN))));
    rows.push({
      name: `train: ${size}, F32, ${how}, of PyTorch's speed`,
      value: median(ratios),
      unit: '×',
      spread: spread(ratios),
      goal: '≥ 1.2',
      note: `losses at most ${Math.max(...apart).toExponential(1)} apart in ${steps} steps`,
    });
  }
  return rows;
}
