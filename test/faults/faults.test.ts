import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { canMount, diskCases } from '../../scripts/faults/disk.ts';
import { killOnce, referencesOf, type Victim } from '../../scripts/faults/kill.ts';
import { faults as messageFaults, disturbOnce } from '../../scripts/faults/messages.ts';
import { makeWorld } from '../../scripts/faults/world.ts';

/** Some of what `npm run faults` does: two kills; the fraction is of an undisturbed run. */
const kills: readonly (readonly [name: string, victim: Victim, fraction: number])[] = [
  ['quantize', 'main', 0.5],
  ['quantize', 'engine', 0.4],
];

test('a program or an engine that is killed, stalls or talks nonsense leaves a sound library, nothing half-made, and work that goes on', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'lathe-faults-'));
  const world = await makeWorld(folder);
  const worldPath = join(folder, 'world.json');
  const references = await referencesOf(world, worldPath, ['quantize']);
  for (const [number, [name, victim, fraction]] of kills.entries()) {
    const reference = references.get(name) ?? { durationMs: 0, sha256: null };
    const output = join(world.outputs, `round-${number}`);
    const round = await killOnce(world, worldPath, { name, victim, afterMs: fraction * reference.durationMs, output, reference });
    expect(round).toMatchObject({ work: name, victim, problems: [] });
  }
  // In the same world, for it takes a while to make.
  for (const fault of messageFaults) expect(await disturbOnce(world, fault, 3, 1)).toMatchObject({ fault, problems: [] });
}, 300_000);

test.runIf(canMount())('full, read-only and vanished disks end work with a code, and lose nothing', { timeout: 300_000 }, async () => {
  const cases = await diskCases();
  expect(cases.length).toBe(5);
  for (const each of cases) expect(each).toMatchObject({ problems: [] });
});
