import { afterAll, describe, expect, test } from 'vitest';
import { caseOf, partsOf } from '../../scripts/fuzz/case.ts';
import { readerProcess } from '../../scripts/fuzz/process.ts';
import { fuzzTarget, minimised, tryInput } from '../../scripts/fuzz/run.ts';
import { targets } from './broken-targets.ts';

const address = new URL('./broken-targets.ts', import.meta.url).href;
const named = (name: string) => {
  const target = targets.find((each) => each.name === name);
  if (target === undefined) throw new Error(`no ${name}`);
  return target;
};

describe('the fuzzing harness', () => {
  const reader = readerProcess(address);
  afterAll(() => reader.close());

  test.each([
    ['throwing', 'exception', 'TypeError'],
    ['foreign-code', 'exception', 'request.tooMany is no code of this reader'],
    ['long-message', 'exception', 'the message of gguf.badMagic is too long'],
    ['overflowing', 'exception', 'Maximum call stack size exceeded'],
    ['believing', 'memory', 'buffers far beyond the input'],
    ['hoarding', 'memory', 'MiB of objects'],
    ['breaking', 'exception', 'an offset lies outside'],
    ['late', 'exception', 'nobody waits for this'],
  ])('finds a reader that is %s', async (name, kind, problem) => {
    // Each that runs out of memory takes seconds.
    const inputs = name === 'hoarding' ? 3 : 12;
    const { found } = await fuzzTarget(reader, name, { seed: 3, inputs });
    expect(found.map(({ finding }) => [finding.kind, finding.problem])).toEqual([[kind, expect.stringContaining(problem)]]);
  });

  test('ends a reader that does not, and goes on with the next input', async () => {
    const impatient = readerProcess(address, 500);
    const { found, inputs } = await fuzzTarget(impatient, 'endless', { seed: 3, inputs: 4 });
    await impatient.close();
    expect(inputs).toBe(4);
    expect(found.map(({ finding }) => finding.kind)).toEqual(['hang']);
  });

  test('finds nothing in readers that take or refuse with their own codes, and counts how inputs ended', async () => {
    const { found, endings } = await fuzzTarget(reader, 'refusing', { seed: 3, inputs: 200 });
    expect(found).toEqual([]);
    expect([...endings.keys()].toSorted()).toEqual(['gguf.badMagic', 'read']);
    expect([...endings.values()].reduce((sum, times) => sum + times)).toBe(200);
    expect((await fuzzTarget(reader, 'sound', { seed: 3, inputs: 50 })).endings).toEqual(new Map([['read', 50]]));
  });

  test('gives the same inputs for the same seed, and makes a found one small', async () => {
    const runs = [
      await fuzzTarget(reader, 'breaking', { seed: 5, inputs: 60 }),
      await fuzzTarget(reader, 'breaking', { seed: 5, inputs: 60 }),
    ];
    expect(runs[0]).toEqual(runs[1]);
    const [found] = runs[0]?.found ?? [];
    if (found === undefined) throw new Error('nothing was found');
    const parts = await minimised(reader, named('breaking'), 5, found);
    expect(parts.map(({ byteLength }) => byteLength)).toEqual([1]);
    expect(await tryInput(reader, 'breaking', parts)).toMatchObject({ kind: 'exception' });
    expect(await tryInput(reader, 'breaking', [new Uint8Array(1)])).toBeNull();
  });

  test('keeps cases as texts where they are texts, whole in every byte', () => {
    const parts = [new TextEncoder().encode(`{"a":${'['.repeat(5000)}字`), Uint8Array.of(0, 255, 1), new Uint8Array()];
    const saved = caseOf('t', 'a story', parts);
    expect(partsOf(saved)).toEqual(parts);
    expect(JSON.stringify(saved).length).toBeLessThan(300);
  });
});
