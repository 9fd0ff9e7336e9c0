import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { killOnce, referencesOf, type Victim } from '../../scripts/faults/kill.ts';
import { makeWorld } from '../../scripts/faults/world.ts';

/** Two of the kills of `npm run faults`; the fraction is of an undisturbed run. */
const kills: readonly (readonly [name: string, victim: Victim, fraction: number])[] = [
  ['quantize', 'main', 0.5],
  ['quantize', 'engine', 0.4],
];

test('a program or an engine that is killed leaves a sound library, nothing half-made, and work that goes on to the same bytes', async () => {
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
}, 300_000);
