import { expect, test } from 'vitest';
import { sampling } from '#contract/chat.ts';
import { SAMPLING_PRESETS } from '#core/sampling/presets.ts';

test('every preset is something that the engine accepts, and no two are the same', () => {
  const all = Object.values(SAMPLING_PRESETS).map((preset) => JSON.stringify(sampling.parse(preset)));
  expect(new Set(all).size).toBe(all.length);
});
