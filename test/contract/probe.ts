import { writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { AppError } from '#core/errors/index.ts';
import { call, stream, type Contract, type Handlers } from '#contract/define.ts';
import { serve } from '#contract/serve.ts';
import { none } from '#contract/shared.ts';
import type { Port } from '#contract/wire.ts';

/** A contract whose handlers do what the rules are about. What they saw is asked through the contract too: it may be in another process. */

const seen = z.object({
  /** Events that the generators of `count` have made. */
  produced: z.number(),
  /** Calls and streams whose signal has aborted. */
  aborted: z.number(),
  /** Generators whose `finally` has run. */
  cleaned: z.number(),
});

const probe = {
  echo: call(z.object({ text: z.string(), times: z.int().min(1).default(1), tags: z.array(z.string()).optional() }), z.unknown()),
  /** An AppError with both kinds of parameter and a detail. */
  fail: call(none, none),
  /** What a careless handler throws. */
  failPlainly: call(none, none),
  /** An error that JSON cannot carry as it is. */
  failOddly: call(none, none),
  /** Replies that do not fit their schema. */
  wrong: call(z.object({ reply: z.enum(['undefined', 'bigint', 'cycle', 'other', 'nan']) }), z.object({ number: z.number() })),
  long: call(z.object({ length: z.int() }), z.string()),
  /** Counts until it is left, or to `to`. */
  count: stream(z.object({ to: z.int().optional() }), z.object({ number: z.int() })),
  /** Two events, then an error. */
  break: stream(none, z.object({ number: z.int() })),
  wrongEvent: stream(none, z.object({ number: z.int() })),
  longEvent: stream(z.object({ length: z.int() }), z.string()),
  /** Wait for the signal. */
  wait: call(none, none),
  /** Wait for the signal and leave a file behind: for who cannot ask any more. */
  waitThenWrite: call(z.object({ file: z.string() }), none),
  waitAfterOne: stream(none, z.object({ number: z.int() })),
  seen: call(none, seen),
};

export const probeContract = { probe } satisfies Contract;

function probeHandlers(): Handlers<typeof probeContract> {
  const counts = { produced: 0, aborted: 0, cleaned: 0 };
  const untilAborted = (signal: AbortSignal): Promise<never> =>
    new Promise((_, reject) => {
      signal.addEventListener('abort', () => ((counts.aborted += 1), reject(new Error('left'))), { once: true });
    });
  const cycle: { self?: unknown } = {};
  cycle.self = cycle;
  const wrong = { undefined, bigint: { number: 1n }, cycle, other: { number: 'one' }, nan: { number: Number.NaN } };
  return {
    probe: {
      echo: (input) => input,
      fail: () => {
        throw new AppError('reply.invalid', { path: 'a.b', problem: '中文 "quoted"' }, 'the cause');
      },
      failPlainly: () => {
        throw new TypeError('plain');
      },
      failOddly: () => {
        throw new AppError('transport.tooLarge', { sizeBytes: Number.NaN, limitBytes: Infinity }, 'x'.repeat(20_000_000));
      },
      wrong: ({ reply }) => wrong[reply] as never,
      long: ({ length }) => 'x'.repeat(length),
      count: async function* ({ to = Infinity }, { signal }) {
        signal.addEventListener('abort', () => (counts.aborted += 1), { once: true });
        try {
          for (let number = 0; number < to; number += 1) {
            counts.produced += 1;
            yield { number };
          }
        } finally {
          counts.cleaned += 1;
        }
      },
      break: async function* () {
        yield { number: 1 };
        yield { number: 2 };
        await delay(1);
        throw new AppError('transport.tooLarge', { sizeBytes: 2, limitBytes: 1 });
      },
      wrongEvent: async function* () {
        try {
          yield { number: 1 };
          yield { number: 'two' } as never;
          yield { number: 3 };
        } finally {
          counts.cleaned += 1;
        }
      },
      longEvent: async function* ({ length }) {
        yield 'short';
        yield 'x'.repeat(length);
      },
      wait: (_, { signal }) => untilAborted(signal),
      waitThenWrite: ({ file }, { signal }) => untilAborted(signal).catch(() => (writeFileSync(file, 'aborted'), {})),
      waitAfterOne: async function* (_, { signal }) {
        try {
          yield { number: 1 };
          await untilAborted(signal);
        } finally {
          counts.cleaned += 1;
        }
      },
      seen: () => counts,
    },
  };
}

/** What the other end of a transport may be: the probe, or one that breaks a rule. */
export const answeringSides = {
  probe: (port: Port) => void serve(probeContract, probeHandlers(), port),
  garbage: (port: Port) => port.onMessage(() => port.send('{"type":"welcome"')),
  unknownMessage: (port: Port) => port.onMessage(() => port.send('{"type":"shout","id":0}')),
  /** A program from the future. */
  newer: (port: Port) =>
    port.onMessage(() => {
      port.send(JSON.stringify({ type: 'refused', error: { code: 'transport.version', params: { theirs: 1, ours: 2 } } }));
      port.close();
    }),
  silent: (port: Port) => port.onMessage(() => undefined),
};
export type AnsweringSide = keyof typeof answeringSides;
