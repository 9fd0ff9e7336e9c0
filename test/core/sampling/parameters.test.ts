import { expect, it } from 'vitest';
import { sampling } from '#contract/chat.ts';
import { SAMPLING_PARAMETERS, type SamplingParameterName } from '#core/sampling/parameters.ts';

const names = Object.keys(SAMPLING_PARAMETERS) as SamplingParameterName[];

it.each(names)('%s has a standard, an off and a useful range within what is accepted, and so does the contract', (name) => {
  const { min, max, standard, off, useful, integer } = SAMPLING_PARAMETERS[name];
  for (const value of [standard, ...useful, ...(off === null ? [] : [off])]) {
    expect(value).toBeGreaterThanOrEqual(min);
    expect(value).toBeLessThanOrEqual(max);
    if (integer) expect(Number.isInteger(value)).toBe(true);
    expect(sampling.parse({ [name]: value })[name]).toBe(value);
  }
  expect(sampling.parse({})[name]).toBe(standard);
  for (const value of [min - 1, max + 1, Number.NaN, Infinity, '1']) expect(sampling.safeParse({ [name]: value }).success).toBe(false);
});
