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
import { median, spread, type BenchRow } from './row.ts';
import type { TrainRun, TrainSettings } from './train/settings.ts';

export const name = 'train';

const THREADS = 2;
const RANK = 16;
const ROUNDS = 3;
/** Of a run; the first warms up. */
const STEPS = 4;
const ROWS = 4;
const LENGTH = 256;
const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url));
const execute = promisify(execFile);

/** A llama in float32 with 31 million parameters, its embedding apart. */
async function makeSmallModel(folder: string): Promise<void> {
  const text = await readFile(new URL('../../resources/demo/stories.txt', import.meta.url), 'utf8');
  const shape = { ...demoShape, layerCount: 10, embeddingLength: 512, feedForwardLength: 1536, headCount: 8, headCountKv: 4 };
  await writeHfFolder(demoFromText({ ...shape, dtype: 'F32', text, seed: 1 }), folder);
}

/** Seeded tokens: what they say does not matter to speed, only that both get the same. */
function makeRows(vocabulary: number): number[][] {
  let state = 7;
  const next = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return 3 + (state % (vocabulary - 3));
  };
  return Array.from({ length: ROWS }, () => Array.from({ length: LENGTH }, next));
}

const tokensPerSecond = ({ seconds }: TrainRun): number[] => seconds.slice(1).map((each) => (ROWS * LENGTH) / each);
const middle = (run: TrainRun): number => median(tokensPerSecond(run));

/** LoRA of all matrices by Lathe on each type of base, and by PyTorch and PEFT in float32 on the same model, beginning and rows. */
export async function run(): Promise<BenchRow[]> {
  const root = await mkdtemp(join(tmpdir(), 'lathe-bench-'));
  const at = (file: string): string => join(root, file);
  const python = process.env['LATHE_PEFT_PYTHON'];
  try {
    await makeSmallModel(at('model'));
    await makeAdapter(at('model'), at('adapter'), RANK);
    const common: Omit<TrainSettings, 'model' | 'checkpointing'> = {
      adapter: at('adapter'),
      rows: makeRows(900),
      rank: RANK,
      alpha: 2 * RANK,
      learningRate: 1e-3,
      steps: STEPS,
      threads: THREADS,
      device: 'CPU',
    };
    const train = async (command: string, script: string, settings: TrainSettings): Promise<TrainRun & { readonly versions?: string }> => {
      await writeFile(at('settings.json'), JSON.stringify(settings));
      const { stdout } = await execute(command, [here(script), at('settings.json')]);
      return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as TrainRun;
    };
    const types = ['F32', 'Q8_0', 'Q4_0', 'Q4_K_M'] as const;
    for (const type of types)
      await execute(process.execPath, [here('quantize/child.ts'), at('model'), at(`${type}.gguf`), type, `${THREADS}`]);

    const rows: BenchRow[] = [];
    for (const checkpointing of [false, true]) {
      const found = new Map<string, TrainRun[]>(types.map((type) => [type, []]));
      const theirs: (TrainRun & { readonly versions?: string })[] = [];
      // In turns, so that a busy moment of the machine meets all.
      for (let round = 0; round < ROUNDS; round += 1) {
        for (const type of types)
          found.get(type)?.push(await train(process.execPath, 'train/child.ts', { ...common, model: at(`${type}.gguf`), checkpointing }));
        if (python !== undefined) theirs.push(await train(python, 'train/peft-train.py', { ...common, model: at('model'), checkpointing }));
      }
      const how = checkpointing ? 'with checkpointing' : 'without checkpointing';
      for (const [type, runs] of found) rows.push(...rowsOf(`${type}, ${how}`, runs));
      if (theirs.length === 0) continue;
      rows.push(...rowsOf(`PyTorch and PEFT, F32, ${how}`, theirs, theirs[0]?.versions));
      const ratios = (found.get('F32') ?? []).map((own, i) => middle(own) / middle(theirs[i] ?? own));
      const apart = (found.get('F32') ?? []).flatMap((own, i) =>
        own.losses.map((loss, step) => Math.abs(loss - (theirs[i]?.losses[step] ?? Number.NaN))),
      );
      rows.push({
        name: `train: F32, ${how}, of PyTorch's speed`,
        value: median(ratios),
        unit: '×',
        spread: spread(ratios),
        goal: '≥ 1.2',
        note: `losses at most ${Math.max(...apart).toExponential(1)} apart in ${STEPS} steps`,
      });
    }
    return rows;
  } finally {
    await rm(root, { recursive: true });
  }
}

function rowsOf(what: string, runs: readonly TrainRun[], note = ''): BenchRow[] {
  const speeds = runs.flatMap(tokensPerSecond);
  const peak = median(runs.map(({ peakBytes }) => peakBytes / MiB));
  const memory = `${Math.round(peak)} MiB at most`;
  return [
    {
      name: `train: ${what}`,
      value: median(speeds),
      unit: 'tokens/s',
      spread: spread(speeds, 0),
      note: note === '' ? memory : `${memory}; ${note}`,
    },
  ];
}
