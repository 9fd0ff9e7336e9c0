import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { MiB } from '#core/bytes.ts';
import { makeAdapter } from './adapters/make-adapter.ts';
import { measureSwaps } from './adapters/swap.ts';
import { copyMs, makeModel } from './files.ts';
import { median, spread, type BenchRow } from './row.ts';

export const name = 'adapters';

const THREADS = 2;
const RANK = 16;
const ROUNDS = 5;
const child = fileURLToPath(new URL('adapters/child.ts', import.meta.url));
const quantize = fileURLToPath(new URL('quantize/child.ts', import.meta.url));
const peft = fileURLToPath(new URL('adapters/peft-merge.py', import.meta.url));
const execute = promisify(execFile);

interface Run {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly peakBytes: number;
}

/** Merge in a process of its own, and take what came of it away again. */
async function merge(model: string, adapter: string, output: string, target: string): Promise<Run> {
  const { stdout } = await execute(process.execPath, [child, model, adapter, output, target, `${THREADS}`]);
  await rm(output, { recursive: true });
  return JSON.parse(stdout) as Run;
}

/** PEFT's merge_and_unload and save_pretrained, where `LATHE_PEFT_PYTHON` names a Python that has it. */
async function mergeByPeft(python: string, model: string, adapter: string, output: string): Promise<Run & { readonly versions: string }> {
  const { stdout } = await execute(python, [peft, model, adapter, output, `${THREADS}`]);
  await rm(output, { recursive: true });
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Run & { versions: string };
}

const row = (what: string, values: readonly number[], unit: string, more: Partial<BenchRow> = {}): BenchRow => ({
  name: `adapters: ${what}`,
  value: median(values),
  unit,
  ...(values.length > 1 ? { spread: spread(values) } : {}),
  ...more,
});

/** Merging an adapter of all matrices into a model of 1 GB, beside `cp` of the model, and beside PEFT; memory at two sizes; and the adapter in a chat. */
export async function run(): Promise<BenchRow[]> {
  const root = await mkdtemp(join(tmpdir(), 'lathe-bench-'));
  const at = (file: string): string => join(root, file);
  const python = process.env['LATHE_PEFT_PYTHON'];
  try {
    const weightBytes = await makeModel(at('large'), 12);
    await makeModel(at('small'), 3);
    const modules = await makeAdapter(at('large'), at('large adapter'), RANK);
    await makeAdapter(at('small'), at('small adapter'), RANK);
    const found = { copy: [] as number[], same: [] as Run[], Q8_0: [] as Run[], peft: [] as Run[] };
    let versions = '';
    // In turns, so that a busy moment of the machine meets all; the first round fills the caches.
    for (let round = 0; round <= ROUNDS; round += 1) {
      const copy = (await copyMs(join(at('large'), 'model.safetensors'), at('copy'), true)) / 1000;
      const same = await merge(at('large'), at('large adapter'), at('out'), 'same');
      const coded = await merge(at('large'), at('large adapter'), at('out'), 'Q8_0');
      if (round === 0) continue;
      found.copy.push(copy);
      found.same.push(same);
      found.Q8_0.push(coded);
      if (python === undefined) continue;
      const theirs = await mergeByPeft(python, at('large'), at('large adapter'), at('out'));
      found.peft.push(theirs);
      versions = theirs.versions;
    }
    const seconds = (runs: readonly Run[]): number[] => runs.map((run) => run.seconds);
    const peak = (runs: readonly Run[]): number[] => runs.map((run) => run.peakBytes / MiB);
    const toCopy = (runs: readonly Run[]): number[] => seconds(runs).map((value, i) => (found.copy[i] ?? Number.NaN) / value);
    const toPeft = found.peft.map((theirs, i) => theirs.seconds / (found.same[i]?.seconds ?? Number.NaN));
    const small = {
      same: await merge(at('small'), at('small adapter'), at('out'), 'same'),
      Q8_0: await merge(at('small'), at('small adapter'), at('out'), 'Q8_0'),
    };
    await execute(process.execPath, [quantize, at('large'), at('large.gguf'), 'Q8_0', `${THREADS}`]);
    const swaps = await measureSwaps(at('large.gguf'), at('large adapter'), THREADS);
    const note = `${(weightBytes / 1e9).toFixed(2)} GB in BF16, rank ${RANK}, ${modules} modules, ${THREADS} threads`;
    const quarter = (run: Run): string => `${Math.round(run.peakBytes / MiB)} MiB for a quarter of the model, the program itself included`;
    return [
      row('cp of the weights, then sync', found.copy, 's'),
      row('merge, folder to folder', seconds(found.same), 's', { note }),
      row('merge, folder to folder, of cp’s speed', toCopy(found.same), '×', { goal: '≥ 0.5' }),
      row('merge, folder to Q8_0', seconds(found.Q8_0), 's', { note }),
      row('merge, folder to Q8_0, of cp’s speed', toCopy(found.Q8_0), '×'),
      row('peak memory, folder to folder', peak(found.same), 'MiB', { goal: 'about the same', note: quarter(small.same) }),
      row('peak memory, folder to Q8_0', peak(found.Q8_0), 'MiB', { goal: 'about the same', note: quarter(small.Q8_0) }),
      row('first token after a change of scale', swaps.changed, 's', { note: 'the model in Q8_0, the same adapter' }),
      row('first token after a fresh load', swaps.fresh, 's'),
      row(
        'change of scale, times faster than a fresh load',
        swaps.changed.map((each, i) => (swaps.fresh[i] ?? Number.NaN) / each),
        '×',
      ),
      ...(found.peft.length === 0
        ? []
        : [
            row('PEFT, merge_and_unload and save', seconds(found.peft), 's', { note: versions }),
            row('PEFT, peak memory', peak(found.peft), 'MiB'),
            row('merge, times faster than PEFT', toPeft, '×'),
          ]),
    ];
  } finally {
    await rm(root, { recursive: true });
  }
}
