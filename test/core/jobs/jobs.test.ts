import { expect, test } from 'vitest';
import { rateMeter, remainingMs } from '#core/jobs/rate.ts';
import { canBecome, isActive, jobStates } from '#core/jobs/state.ts';
import { jobState } from '#contract/jobs.ts';

test('the states are those of the contract', () => {
  expect([...jobStates]).toEqual(jobState.options);
});

test('what a job may become, from every state', () => {
  const table = Object.fromEntries(jobStates.map((from) => [from, jobStates.filter((to) => canBecome(from, to))]));
  expect(table).toEqual({
    queued: ['running', 'failed', 'cancelled', 'interrupted'],
    running: ['done', 'failed', 'cancelled', 'interrupted'],
    done: [],
    failed: ['queued'],
    cancelled: ['queued'],
    interrupted: ['queued'],
  });
  expect(jobStates.filter(isActive)).toEqual(['queued', 'running']);
});

test('the rate is that of the last seconds, and nothing is said before half a second', () => {
  const meter = rateMeter();
  meter.add(0, 0);
  meter.add(40, 400);
  expect(meter.perSecond()).toBeNull();
  meter.add(100, 1000);
  expect(meter.perSecond()).toBe(100);
  // From here on twice as fast: after the window has passed only that counts.
  for (let second = 2; second <= 8; second += 1) meter.add(100 + (second - 1) * 200, second * 1000);
  expect(meter.perSecond()).toBe(200);
  // A new phase counts from its own beginning.
  meter.add(0, 9000);
  expect(meter.perSecond()).toBeNull();
});

test('the time that is left follows from the rate, or is not known', () => {
  expect(remainingMs(100, 400, 100)).toBe(3000);
  expect(remainingMs(400, 400, 100)).toBe(0);
  expect(remainingMs(0, 400, 0)).toBeNull();
  expect(remainingMs(0, 400, null)).toBeNull();
});
