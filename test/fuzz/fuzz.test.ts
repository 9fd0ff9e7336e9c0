import { afterAll, describe, expect, test } from 'vitest';
import { readerProcess } from '../../scripts/fuzz/process.ts';
import { fuzzTarget } from '../../scripts/fuzz/run.ts';
import { targets } from '../../scripts/fuzz/targets/index.ts';

/** Of a header's; dearer targets get fewer. `npm run fuzz` gives them millions. */
const INPUTS = 120;

describe('a reader of what comes from outside takes or refuses with its own code, in time, and takes no memory beyond its input', () => {
  const reader = readerProcess(new URL('../../scripts/fuzz/targets/index.ts', import.meta.url).href);
  afterAll(() => reader.close());

  test.each(targets.map((target) => [target.name, target] as const))('%s', async (_, target) => {
    const inputs = Math.max(4, Math.ceil(INPUTS / (target.cost ?? 1)));
    const { found, endings } = await fuzzTarget(reader, target.name, { seed: 1, inputs });
    expect(found).toEqual([]);
    // The damage goes neither nowhere nor always over the first check.
    expect(endings.size).toBeGreaterThan(1);
  });
});
