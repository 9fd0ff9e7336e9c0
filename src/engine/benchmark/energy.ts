import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Where Linux keeps the energy counters of processors (RAPL; Documentation/power/powercap), mostly readable by root alone. */
const POWERCAP = '/sys/class/powercap';

/** The counters change about every millisecond; between two looks the power is taken for constant. */
const LOOK_EVERY_MS = 50;

/** The counter of one processor: energy in microjoules, and where it begins again at 0. */
interface Counter {
  readonly path: string;
  readonly rangeMicrojoules: number;
}

export interface EnergyMeter extends Disposable {
  /**
   * Energy of all processors for each of `count` things that were made in spans of time; null where the system does not tell.
   * @param starts of the spans, in seconds of `process.hrtime`
   * @param seconds how long each was
   */
  joulesPer(count: number, starts: ArrayLike<number>, seconds: ArrayLike<number>): number | null;
}

const nowSeconds = (): number => Number(process.hrtime.bigint()) / 1e9;

/** Begin to follow the energy that the processors take. @param folder for tests */
export function startEnergyMeter(folder = POWERCAP): EnergyMeter {
  const counters = countersIn(folder);
  if (counters.length === 0) return { joulesPer: () => null, [Symbol.dispose]: () => undefined };
  const times: number[] = [];
  /** Since the beginning, of all processors. */
  const joules: number[] = [];
  let last: readonly number[] | null = null;
  let total = 0;
  const look = (): void => {
    const now = counters.map(({ path }) => readNumber(path));
    if (now.some((value) => value === null)) return;
    const values = now.map((value) => value ?? 0);
    for (const [place, value] of values.entries()) {
      const step = value - (last?.[place] ?? value);
      total += (step < 0 ? step + (counters[place]?.rangeMicrojoules ?? 0) : step) / 1e6;
    }
    last = values;
    times.push(nowSeconds());
    joules.push(total);
  };
  look();
  const timer = setInterval(look, LOOK_EVERY_MS);
  const at = (seconds: number): number | null => {
    const above = times.findIndex((time) => time >= seconds);
    const [after, before] = [times[above], times[above - 1]];
    if (after === undefined || before === undefined) return null;
    const share = (seconds - before) / (after - before);
    return (joules[above - 1] ?? 0) * (1 - share) + (joules[above] ?? 0) * share;
  };
  return {
    joulesPer: (count, starts, seconds) => {
      look();
      let sum = 0;
      for (let place = 0; place < starts.length; place += 1) {
        const start = starts[place] ?? 0;
        const [from, to] = [at(start), at(start + (seconds[place] ?? 0))];
        if (from === null || to === null) return null;
        sum += to - from;
      }
      return count > 0 && starts.length > 0 ? sum / count : null;
    },
    [Symbol.dispose]: () => clearInterval(timer),
  };
}

/** Whole processors alone: their parts (`intel-rapl:0:1`) are in them. */
function countersIn(folder: string): readonly Counter[] {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    return [];
  }
  return names.flatMap((name) => {
    const path = join(folder, name, 'energy_uj');
    const range = readNumber(join(folder, name, 'max_energy_range_uj'));
    return /^intel-rapl:\d+$/.test(name) && range !== null && readNumber(path) !== null ? [{ path, rangeMicrojoules: range }] : [];
  });
}

function readNumber(path: string): number | null {
  try {
    const text = readFileSync(path, 'latin1').trim();
    return /^\d+$/.test(text) ? Number(text) : null;
  } catch {
    return null;
  }
}
